"""The stages of the loop, as the loop knows them."""

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Curves, Fit
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.sector import SectorCell
from latticewatch.processing.flow.series import Progress, Row


class Source(Protocol):
    """Where frames come from."""

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame of the scan once, in order; ends when the scan ends or ``stop`` is set."""

    def progress(self) -> Progress:
        """Counters, as of now; may be called while another thread draws the frames."""


class Integrator(Protocol):
    """Turns images into patterns."""

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """For each frame its pattern, or why there is none. A frame that is a pattern or a gap passes through."""


class Recorder(Protocol):
    """Keeps rows."""

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        """The same rows with ``recorded_s`` filled in, once they are safely on disk. None: nothing new has come."""


class SectorFits(Protocol):
    """Fits the azimuthal sectors of pattern after pattern."""

    def fit(self, pattern: Pattern | None) -> tuple[SectorCell, ...]:
        """A cell for each component in each sector; None: nothing was fitted. Never raises on data."""


class PeakFits(Protocol):
    """Fits the peaks that are followed without a structure, each pattern by itself."""

    def fit(self, pattern: Pattern | None) -> tuple[Peak, ...]:
        """One for each ``[[peak]]``, in their order; None: nothing was measured. Never raises on data."""


class Refinement(Protocol):
    """Fits pattern after pattern of one run; what it remembers between frames is its own."""

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        """The fit of this pattern, or why there is none. Never raises on data."""

    def remember(self, cells_A: Sequence[float]) -> None:
        """Where each lattice was when it was last told apart, before the first pattern is fitted; NaN: not known."""

    def fork(self) -> "Refinement":
        """One that knows what this one knows now; what either sees from now on the other does not."""

    def curves(self, parameters: NDArray[np.float64]) -> Curves:
        """The fit with these parameters, drawn over the run's grid. Pure: safe from another thread."""
