"""Where foreign lines are marked in the map: tables of what frames showed and what is drawn."""

import pytest

from latticewatch.app.window.unknown_lines import Track, followed, marked
from latticewatch.processing.refinement.foreign.sightings import Sighting
from latticewatch.widgets.map_view import MarkedAngle


def line(two_theta: float) -> Sighting:
    return Sighting(two_theta, 3.0, 0.05, 10.0)


@pytest.mark.parametrize(
    ("frames", "drawn"),
    [
        ([{}, {}, {}], ()),
        ([{0: line(11.5)}, {0: line(11.5)}], ()),  # as short as what a zinger leaves
        ([{0: line(11.50)}, {0: line(11.51)}, {0: line(11.52)}], (MarkedAngle(11.52, 0.0, 2.0),)),
        ([{}, {0: line(11.5)}, {0: line(11.5)}, {0: line(11.5)}, {}], (MarkedAngle(11.5, 1.0, 3.0),)),
        # Another line in the place among the parameters of one that went.
        (
            [*[{0: line(11.5)}] * 3, {}, *[{0: line(18.0)}] * 3],
            (MarkedAngle(11.5, 0.0, 2.0), MarkedAngle(18.0, 4.0, 6.0)),
        ),
        ([{0: line(11.5), 3: line(14.0)}] * 3, (MarkedAngle(11.5, 0.0, 2.0), MarkedAngle(14.0, 0.0, 2.0))),
    ],
)
def test_lines_are_drawn_from_the_first_frame_to_the_last(
    frames: list[dict[int, Sighting]], drawn: tuple[MarkedAngle, ...]
) -> None:
    tracks: tuple[Track, ...] = ()
    for number, seen in enumerate(frames):
        tracks = followed(tracks, float(number), seen)
    assert marked(tracks) == drawn
