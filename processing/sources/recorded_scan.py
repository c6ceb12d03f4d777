"""A recorded scan, whatever it is kept in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from latticewatch.processing.config.frame_selection import ALL, FrameSelection
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import HDF5_SUFFIXES
from latticewatch.processing.flow.frame import Frame
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.sources.hdf5.one_a_file import one_a_file
from latticewatch.processing.sources.hdf5.stack import HDF5Stack


class RecordedSource(Source, Protocol):
    """A source whose frames lie in files that are there."""

    def frames_at(self, numbers: Sequence[int]) -> list[Frame]:
        """Frames out of their order, to be looked at: the first of each of these files, or these images of a stack.

        Raises UserError.
        """

    def files(self) -> tuple[Path, list[str]]:
        """The scan's folder, and below it the files that the frames are in, in their order. Raises UserError."""


def open_scan(path: Path, *, period_s: float | None = None, selection: FrameSelection = ALL) -> RecordedSource:
    """The frames of a folder or of an HDF5 stack, in order. Raises UserError naming what is wrong with it.

    A folder without image files may hold one HDF5 stack, or one EIGER master among its data files.
    """
    if path.is_dir():
        return _folder(path, period_s, selection)
    if not path.exists():
        raise UserError(f"{path}: no such scan; give a folder of frames or an HDF5 stack")
    if path.suffix.lower() in HDF5_SUFFIXES and path.is_file():
        return HDF5Stack(path, period_s=period_s, dataset=selection.dataset)
    raise UserError(f"{path}: neither a folder of frames nor an HDF5 stack; give one of these")


def _folder(folder: Path, period_s: float | None, selection: FrameSelection) -> RecordedSource:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from None
    stacks = [path for path in files if path.suffix.lower() in HDF5_SUFFIXES and not path.name.startswith(".")]
    masters = [path for path in stacks if path.stem.endswith("_master")] or stacks
    if selection.recursive or not masters or any(selection.is_frame(path.name) for path in files):
        return RecordedFolder(folder, period_s=period_s, selection=selection)
    if len(masters) > 1 and (series := one_a_file(folder, selection)):
        return RecordedFolder(folder, period_s=period_s, selection=series)
    if len(masters) > 1:
        raise UserError(f"{folder}: several HDF5 files ({', '.join(path.name for path in masters[:5])}); give one")
    return HDF5Stack(masters[0], period_s=period_s, dataset=selection.dataset)
