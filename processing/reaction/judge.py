"""The causal verdict: one state per frame, from the lattice parameters so far."""

from latticewatch.processing.frame import Gap
from latticewatch.processing.reaction.verdict import State, Verdict
from latticewatch.processing.refinement.fit import Fit
from latticewatch.processing.setup import Setup


class Judge:
    """Judges the frames of one run, in order. A verdict is never taken back."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._last = Verdict(State.WAITING, why="Nothing to see yet.")

    def judge(self, time_s: float, fit: Fit | Gap) -> Verdict:
        """The state at this frame. time_s: from the first frame, NaN where unknown."""
        if isinstance(fit, Gap):
            if fit.reason == "no beam":
                return Verdict(State.NO_BEAM, time_s, why="No beam on the detector.")
            return self._last
        if self._last.state is State.WAITING:
            self._last = Verdict(State.REACTING, time_s, mixing_s=time_s, why="The first lattice was seen.")
        return self._last
