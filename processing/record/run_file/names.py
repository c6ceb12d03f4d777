"""Names of run files and of what lies beside them, and the next name that is free."""

import os
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path


def journal_path(run: Path) -> Path:
    """The journal of this run file; it is there only while the run is written, or was not closed."""
    return run.with_name(run.name + ".journal")


def draft_path(path: Path) -> Path:
    """Where this file is made before it is put in its place; the run's lock guards it."""
    return path.with_name(f".{path.name}.draft")


def damaged_path(path: Path) -> Path:
    """Where this file, a run file or a journal, is kept when it is damaged: a name that nothing has."""
    base = f"{path.name}.damaged"
    names = chain([base], (f"{base}_{number}" for number in count(2)))
    return next(free for name in names if not os.path.lexists(free := path.with_name(name)))


def numbered(base: Path) -> Iterator[Path]:
    """NAME.h5, NAME_2.h5, NAME_3.h5, ..."""
    return chain([base], (base.with_name(f"{base.stem}_{number}{base.suffix}") for number in count(2)))


def is_taken(path: Path) -> bool:
    """Whether something has this name, or a run that was not closed is to have it."""
    return os.path.lexists(path) or journal_path(path).exists()


def free_name(base: Path) -> Path:
    """The first of the numbered names that nothing has."""
    return next(path for path in numbered(base) if not is_taken(path))
