"""What one realistic scan is made of. Everything is decided here; the pattern of a frame only follows from it."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Before(StrEnum):
    """What is in the beam before the first mixing."""

    WEAK = "both weak"
    FIRST_ALONE = "first alone"
    SOLVENT = "solvent"
    PRODUCT = "product of the scan before"


@dataclass(frozen=True, slots=True, eq=False)
class Crystal:
    """One component, apart from where it stands in its reaction.

    start_A: mean edge of its cell when mixed, Å. user_A: what experiment.toml says of it. size_A: diameter for
    Scherrer's formula. lorentzian: share of the Lorentzian in the width from size. axis_ratio: one edge over the two
    others. intensity_errors: (lines,) factors on the intensities that the structure gives, one for each h² + k² + l².
    """

    name: str
    phase: str
    start_A: float
    user_A: float
    size_A: float
    lorentzian: float
    axis_ratio: float
    intensity_errors: Floats


@dataclass(frozen=True, slots=True)
class Leg:
    """A piece of the motion, from ``begin`` on (frames after mixing): what is left, 0 to 1, falls from ``left`` as
    left exp(-((t - begin) / tau)^beta); at rest where tau is infinite."""

    begin: float
    left: float
    tau: float
    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class Epoch:
    """From one injection to the next.

    begin: frame number, 0 for what was there at first. cells_A: edges at its begin. amounts: formula units, relative.
    end_A: the one cell that both come to. legs: none where nothing reacts.
    """

    begin: float
    cells_A: tuple[float, float]
    amounts: tuple[float, float]
    end_A: float
    legs: tuple[Leg, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignLine:
    """A line of no component. area: of that of the first component's (200) at full amount. since: frame number."""

    two_theta_deg: float
    area: float
    fwhm_deg: float
    since: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Frames ``first`` to ``last`` with this factor on the beam, or on what is in the capillary (a bubble)."""

    first: int
    last: int
    factor: float
    bubble: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """What changes by itself in the course of a scan.

    spread_A: standard deviation of the cells while they exchange; spread_law: how it follows what is left (0: 4 q
    (1 - q), 1: its root, 2: constant until 5 % are left). fade: share of the sample lost by the end. flushed: frame
    from which the sample is washed out, -1: never. warming: relative change of both cells by the end. absorption:
    change of the logarithm of everything by the end. texture: standard deviation of the slow change of intensities.
    zingers: share of the frames with a spike. unreadable: first frames that cannot be read.
    """

    spread_A: float = 0.0
    spread_law: int = 0
    fade: float = 0.0
    flushed: int = -1
    warming: float = 0.0
    absorption: float = 0.0
    texture: float = 0.0
    zingers: float = 0.0
    unreadable: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RealScan:
    """One scan. crystals: in the order of experiment.toml. mixing_known: experiment.toml says when.

    solvent, glass: times nominal. hot: two_theta in degrees and counts of unmasked hot pixels.
    """

    seed: int
    chemistry: str
    before: Before
    frames: int
    period_s: float
    mixing_known: bool
    crystals: tuple[Crystal, Crystal]
    epochs: tuple[Epoch, ...]
    course: Course
    foreign_level: float
    foreign: tuple[ForeignLine, ...]
    events: tuple[Event, ...]
    hot: tuple[tuple[float, float], ...]
    solvent: float
    glass: float

    @property
    def mixing_s(self) -> float:
        """Seconds from the first frame to the first mixing."""
        return self.epochs[1].begin * self.period_s

    @property
    def distorted(self) -> bool:
        return any(crystal.axis_ratio != 1.0 for crystal in self.crystals)

    def ingredients(self) -> list[str]:
        """What is in it, in words, the usual left out."""
        course, legs = self.course, self.epochs[1].legs
        amounts = self.epochs[1].amounts
        dumps = [event for event in self.events if event.factor == 0.0]
        bubbles = [event for event in self.events if event.bubble]
        dips = [event for event in self.events if event.factor > 0.0 and not event.bubble]
        named = {
            self.chemistry: True,
            f"before: {self.before}": True,
            f"foreign {self.foreign_level:.0%}": bool(self.foreign),
            f"foreign from frame {max((line.since for line in self.foreign), default=0)}": any(
                line.since for line in self.foreign
            ),
            "foreign broad": any(line.fwhm_deg > 0.3 for line in self.foreign),
            "distorted " + "+".join(c.name for c in self.crystals if c.axis_ratio != 1.0): self.distorted,
            "intensities off": bool(np.ptp(self.crystals[0].intensity_errors)),
            f"spread {course.spread_A:g} law {course.spread_law}": course.spread_A > 0.0,
            f"amounts {amounts[0]:.2g}:{amounts[1]:.2g}": True,
            f"tau {legs[0].tau:.0f}" + (f" beta {legs[0].beta:.2f}" if legs[0].beta < 1.0 else ""): True,
            "pause": len(legs) > 1,
            "second injection": len(self.epochs) > 2,
            f"fades {course.fade:.0%}": course.fade > 0.0,
            f"flushed at {course.flushed}": course.flushed >= 0,
            "warming": course.warming != 0.0,
            "absorption": course.absorption != 0.0,
            "texture": course.texture > 0.0,
            "zingers": course.zingers > 0.0,
            "hot pixels": bool(self.hot),
            f"unreadable {course.unreadable}": course.unreadable > 0,
            f"dumps {', '.join(f'{event.first}-{event.last}' for event in dumps)}": bool(dumps),
            "dips": bool(dips),
            f"bubbles {', '.join(f'{event.first}-{event.last}' for event in bubbles)}": bool(bubbles),
        }
        return [name for name, there in named.items() if there]
