"""Gaps that a later good version of their file can still fill.

A frame that was a gap was not seen by the fit, so what the fit knew then is kept beside the gap: the late pattern
is fitted from there. Its numbers are those of an undisturbed run, whenever it comes; the frames after the gap keep
the numbers and the states that were found without it.
"""

from collections import OrderedDict
from dataclasses import replace

from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.series import Filled, Row
from latticewatch.processing.flow.stages import Refinement

MOST_OPEN = 512
"""Gaps that can be filled at a time. What comes for an older one is a row of its own."""


class OpenGaps:
    """The newest gaps of one run by name. fills: frames that came for them, so that rows can be counted."""

    def __init__(self) -> None:
        self.fills = 0
        self._open: OrderedDict[str, tuple[Row, Refinement]] = OrderedDict()

    def note(self, row: Row, refinement: Refinement) -> None:
        """Remember this row if it is a gap that can be filled."""
        if can_be_filled(row):
            self._open[row.name] = (row, refinement.fork())
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)

    def of(self, frame: Frame) -> tuple[Row, Refinement] | None:
        """The gap this frame is meant for, and what the fit knew before it; None for a frame of its own."""
        return self._open.get(frame.name)

    def forget(self) -> None:
        """What comes for a gap that was there before is a row of its own: what the fit knew then is of other
        settings."""
        self._open.clear()

    def close(self, name: str) -> None:
        del self._open[name]


def can_be_filled(row: Row) -> bool:
    """Whether nothing was measured as far as is known: the file gave no pattern."""
    return row.pattern is None and isinstance(row.fit, NoResult) and row.fit.reason.startswith("unreadable")


def filled(gap: Row, found: Row) -> Row:
    """The gap's row with what was found in the late frame; its state stays what could be known then."""
    reason = gap.fit.reason if isinstance(gap.fit, NoResult) else ""
    return replace(found, index=gap.index, filled=Filled(reason, gap.time_s))
