"""Where foreign lines were over a run, for the map: one track from the first frame in which a line was to the last."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from latticewatch.processing.reaction.live.alarms import SEEN_IN_A_ROW
from latticewatch.processing.refinement.foreign.sightings import Sighting
from latticewatch.widgets.map_view import MarkedAngle


@dataclass(frozen=True, slots=True)
class Track:
    """A line from start_s to end_s, in this number of frames; open: it was there in the newest frame."""

    slot: int
    start_s: float
    end_s: float
    two_theta_deg: float
    frames: int = 1
    open: bool = True


def followed(tracks: tuple[Track, ...], time_s: float, seen: Mapping[int, Sighting]) -> tuple[Track, ...]:
    """The tracks after a frame in which these lines were seen, by the number that each keeps while it is followed."""
    now: list[Track] = []
    going_on = set()
    for track in tracks:
        line = seen.get(track.slot) if track.open else None
        if line is not None:
            going_on.add(track.slot)
            track = replace(track, end_s=time_s, two_theta_deg=line.two_theta_deg, frames=track.frames + 1)
        now.append(replace(track, open=line is not None))
    fresh = [Track(slot, time_s, time_s, line.two_theta_deg) for slot, line in seen.items() if slot not in going_on]
    return (*now, *fresh)


def marked(tracks: tuple[Track, ...]) -> tuple[MarkedAngle, ...]:
    """What the map shows: lines that were there in more than a frame or two, as the alarm has it."""
    lasting = (track for track in tracks if track.frames >= SEEN_IN_A_ROW)
    return tuple(MarkedAngle(track.two_theta_deg, track.start_s, track.end_s) for track in lasting)
