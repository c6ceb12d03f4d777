"""One experiment, resolved: what the stages and the views need to know, with every default filled in."""

from dataclasses import dataclass

from latticewatch.processing.reaction.composition import CompositionScale
from latticewatch.processing.refinement.fit import Component


@dataclass(frozen=True, slots=True)
class Setup:
    """What is watched and how it is judged.

    components: the first is the one whose pauses are watched. window_deg: 2θ range of the map.
    reflection: the line the map is drawn around. mixing_time_s: seconds from the first frame, None: found from
    the data. tolerance: of the total change, what "complete" may leave.
    """

    title: str
    components: tuple[Component, ...]
    wavelength_A: float
    window_deg: tuple[float, float]
    reflection: tuple[int, int, int] = (2, 1, 1)
    composition: CompositionScale | None = None
    mixing_time_s: float | None = None
    frame_period_s: float | None = None
    tolerance: float = 0.03
