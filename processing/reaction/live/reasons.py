"""Why a state was given, in one plain sentence for the log and the tooltip."""

from dataclasses import dataclass

from latticewatch.processing.flow.verdict import Forecast, State


@dataclass(frozen=True, slots=True)
class Grounds:
    """done: probability that less than the tolerance is left. resting: probability that the lattice stands still."""

    state: State
    done: float
    resting: float
    tolerance: float
    pair: bool
    forecast: Forecast | None


def reason_for(grounds: Grounds) -> str:
    """One sentence."""
    if grounds.state is State.COMPLETE:
        return f"Less than {grounds.tolerance:.1%} of the change is left ({_sure(grounds.done)})."
    if grounds.state is State.PAUSED:
        rest = f"The lattice parameter stands still ({_sure(grounds.resting)})"
        return rest + (", and the two lattices are still apart." if grounds.pair else "; the reaction may not be over.")
    if grounds.forecast is None:
        return "The lattice parameter moves; when it will be over cannot be said yet."
    first, last = grounds.forecast.earliest_s, grounds.forecast.latest_s
    return f"The lattice parameter moves; over between {first:.0f} and {last:.0f} s from the first frame (90 %)."


def _sure(probability: float) -> str:
    return f"{min(100.0 * probability, 99.9):.3g} % sure"
