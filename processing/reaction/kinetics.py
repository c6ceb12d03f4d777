"""The kinetics of a run, told after the fact from its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from latticewatch.processing.series import Row
from latticewatch.processing.setup import Setup

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which the watched lattice stood still. end_s: NaN while it lasts. declared_s: when it was called."""

    start_s: float
    end_s: float
    lp_A: float
    lp_esd_A: float
    declared_s: float


@dataclass(frozen=True, slots=True)
class Completion:
    """The end: when it was called, and the best estimate of when the remaining change fell under the tolerance."""

    declared_s: float
    reached_s: float
    lp_A: float
    lp_esd_A: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate constant of one stretch between pauses. model: ``exponential`` or ``stretched exponential``."""

    start_s: float
    end_s: float
    rate_constant_per_s: float
    esd: float
    model: str = "exponential"


@dataclass(frozen=True, slots=True)
class Kinetics:
    """What the run shows as a whole. Times in seconds from the first frame, lattice parameters in Å, NaN: not known.

    half_time_s: from mixing until half the total change was done.
    """

    mixing_s: float = NAN
    pauses: tuple[Pause, ...] = ()
    complete: Completion | None = None
    half_time_s: float = NAN
    half_time_esd_s: float = NAN
    rates: tuple[Rate, ...] = ()
    lp_start_A: float = NAN
    lp_start_esd_A: float = NAN
    lp_end_A: float = NAN
    lp_end_esd_A: float = NAN


def describe(setup: Setup, rows: Sequence[Row]) -> Kinetics:  # noqa: ARG001
    """The kinetics of these rows, watched on the first component. Never raises on data."""
    mixing = next((row.verdict.mixing_s for row in reversed(rows)), NAN)
    return Kinetics(mixing_s=mixing)
