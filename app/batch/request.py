"""What ``process`` is asked for."""

from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.run.request import Given


@dataclass(frozen=True, slots=True)
class Wanted:
    """scans, or all of a tree. out: a run file for one scan, a folder for several. workers: None: one per core.

    scheduler: address of a Dask cluster. summary: CSV with one line per scan.
    """

    given: Given
    scans: tuple[Path, ...] = ()
    tree: Path | None = None
    out: Path | None = None
    workers: int | None = None
    scheduler: str | None = None
    summary: Path | None = None
    as_json: bool = False
    dry_run: bool = False

    @property
    def is_many(self) -> bool:
        """Whether even a single scan is to be treated as one of many."""
        return self.tree is not None or self.scheduler is not None or self.summary is not None or self.dry_run
