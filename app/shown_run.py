"""One run as the window sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latticewatch.processing.record.header import InputFile
from latticewatch.processing.refinement.fit import Refinement
from latticewatch.processing.series import Series
from latticewatch.processing.setup import Setup


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run as the window sees it.

    out: the run file, None where nothing is recorded. add_note: keeps the operator's note there. inputs: the files
    the run was made with.
    """

    setup: Setup
    series: Series
    refinement: Refinement
    out: Path | None = None
    add_note: Callable[[float, str], None] | None = None
    inputs: tuple[InputFile, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return self.series.component_names
