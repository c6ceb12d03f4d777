"""What is known of the reaction at one frame."""

from dataclasses import dataclass
from enum import StrEnum

NAN = float("nan")


class State(StrEnum):
    """The states of the contract; what could be known at that frame, never rewritten later."""

    WAITING = "waiting"
    REACTING = "reacting"
    PAUSED = "paused"
    COMPLETE = "complete"
    NO_BEAM = "no_beam"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the remaining change falls under the tolerance: seconds from the first frame, 90 % interval."""

    complete_s: float
    earliest_s: float
    latest_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state at one frame and how it is known.

    progress: share of the total change that is done, 0 to 1, NaN while unknown. since_s: when the present
    state began (best estimate, seconds from the first frame). mixing_s: the mixing time as known now.
    forecast: None where the data do not bear one. why: one plain sentence for the log and the tooltip. others: what the
    other watched quantities do, ``edge c: paused, 41 %; volume: reacting``; empty where there are none.
    """

    state: State
    since_s: float = NAN
    progress: float = NAN
    mixing_s: float = NAN
    forecast: Forecast | None = None
    why: str = ""
    others: str = ""
