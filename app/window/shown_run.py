"""One run as the window sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latticewatch.app.run.images_again import Picture
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.series import Series
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.record.run_file.header import InputFile

if TYPE_CHECKING:
    from latticewatch.processing.record.run_file.reader import Note


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run as the window sees it.

    out: the run file, None where nothing is recorded. add_note: keeps a note there (seconds, text, kind). inputs: the
    files the run was made with. notes, seen_in: of a run file that is shown again. look: reads a frame's image again;
    None where images are not at hand.
    """

    setup: Setup
    series: Series
    refinement: Refinement
    out: Path | None = None
    add_note: Callable[[float, str, str], None] | None = None
    inputs: tuple[InputFile, ...] = ()
    notes: "tuple[Note, ...]" = ()
    seen_in: Path | None = None
    look: Callable[[str], Picture] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return self.series.component_names
