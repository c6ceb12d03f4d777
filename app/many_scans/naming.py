"""Where runs are recorded: a name for each scan, and the next free one where it is taken by another run."""

import os
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.record.rebuild import journal_path

RUN_SUFFIXES = (".h5", ".hdf5", ".nxs")


def numbered(base: Path) -> Iterator[Path]:
    """NAME.h5, NAME_2.h5, NAME_3.h5, ..."""
    return chain([base], (base.with_name(f"{base.stem}_{number}{base.suffix}") for number in count(2)))


def is_taken(path: Path) -> bool:
    """Whether something has this name, or a run that was not closed is to have it."""
    return os.path.lexists(path) or journal_path(path).exists()


def free_name(base: Path) -> Path:
    """The first of the numbered names that nothing has."""
    return next(path for path in numbered(base) if not is_taken(path))


def beside(scan: Path) -> str:
    """The run file's name: FOLDER.h5 beside a folder of frames; STACK_run.h5 beside an HDF5 file."""
    return f"{scan.stem}_run.h5" if scan.is_file() else f"{scan.name}.h5"


def refuse_collisions(outs: Iterable[tuple[str, Path]]) -> None:
    """Raises UserError naming two scans that would be recorded in the same file."""
    seen: dict[Path, str] = {}
    for name, out in outs:
        other = seen.setdefault(out, name)
        if other != name:
            raise UserError(
                f"{other} and {name} would both be recorded in {out}; rename one, or process them one by one"
            )


def run_folder(out: Path | None) -> Path | None:
    """``--out`` as the folder that the run files go to. Raises UserError where it names a run file."""
    if out is not None and (out.is_file() or out.suffix.lower() in RUN_SUFFIXES):
        raise UserError(f"{out}: one run file for several scans; give a folder, or leave --out out")
    return out
