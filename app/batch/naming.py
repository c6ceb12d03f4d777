"""Where the runs of many scans are recorded: a name for each, and no two in one file."""

from collections.abc import Iterable
from pathlib import Path

from latticewatch.processing.errors import UserError

RUN_SUFFIXES = (".h5", ".hdf5", ".nxs")


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
