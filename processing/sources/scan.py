"""A recorded scan, whatever it is kept in."""

from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.loop import Source
from latticewatch.processing.sources.recorded import RecordedFolder


def open_scan(path: Path, *, period_s: float | None = None) -> Source:
    """The frames of a folder or of an HDF5 stack, in order. Raises UserError naming what is wrong with it."""
    if path.is_dir():
        return RecordedFolder(path, period_s=period_s)
    if not path.exists():
        raise UserError(f"{path}: no such scan; give a folder of frames or an HDF5 stack")
    raise UserError(f"{path}: neither a folder of frames nor an HDF5 stack; give one of these")
