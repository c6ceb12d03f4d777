"""The settings of a run, one after the other, as what is shown of its rows needs them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.record.run_file.changes import Change
from latticewatch.processing.record.run_file.header import Decision, InputFile
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.refinement.foreign.sightings import ForeignLines, Sighting


@dataclass(frozen=True, slots=True)
class Segment:
    """Settings from one change to the next. number: as rows have it. refinement: draws its fits. change: None: the run
    began with them."""

    number: int
    setup: Setup
    refinement: Refinement
    inputs: tuple[InputFile, ...] = ()
    decided: tuple[Decision, ...] = ()
    change: Change | None = None


def segments_of(run: Run) -> tuple[Segment, ...]:
    """Those of a recorded run."""
    first, grid = run.header, run.two_theta
    found = [Segment(0, first.setup, refinement_of(first.setup, grid), first.inputs, first.decided)]
    for each in run.changes:
        drawing = found[-1].refinement if each.keeps_fits else refinement_of(each.setup, grid)
        found.append(Segment(each.segment, each.setup, drawing, each.inputs, each.decided, each))
    return tuple(found)


class ForeignIn:
    """The foreign lines of fitted rows, whichever settings they were fitted with. segments: may grow meanwhile."""

    def __init__(self, segments: Sequence[Segment], two_theta: NDArray[np.float64]) -> None:
        self._segments, self._two_theta = segments, two_theta
        self._lines: dict[int, ForeignLines] = {}

    def of(self, row: Row) -> dict[int, Sighting]:
        """Those of this row, by the number they keep while they are followed; none where it has no fit."""
        if isinstance(row.fit, NoResult):
            return {}
        at = segment_at(self._segments, row.segment)
        if at.number not in self._lines:
            self._lines[at.number] = ForeignLines(at.setup, self._two_theta)
        return self._lines[at.number].of(row.fit)


def segment_at(segments: Sequence[Segment], number: int) -> Segment:
    """The one that rows of this number are of; the one before it where it is lost."""
    return next(each for each in reversed(segments) if each.number <= number)
