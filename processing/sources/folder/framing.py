"""From a file, or the reason why there is none, to a frame of the scan."""

from pathlib import Path

from latticewatch.processing.files.frame_names import FrameName
from latticewatch.processing.files.regular_file import what_it_is
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.formats.file_bytes import FileState
from latticewatch.processing.formats.image_file import NAN, ImageFile
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.text import printable


def image_frame(name: FrameName, index: int, clock: ScanClock, image: ImageFile, state: FileState) -> Frame:
    moment = Moment(index, name, image.stamp_s, state.mtime_s, image.period_s)
    return Frame(
        index=index,
        name=printable(name.name),
        time_s=clock.time_s(moment, readable=True),
        mtime_s=state.mtime_s,
        content=Image(image.counts),
        header=image.header,
    )


def gap_frame(folder: Path, name: FrameName, index: int, clock: ScanClock, reason: str) -> Frame:
    moment = Moment(index, name, mtime_s=_mtime_s(folder / name.name))
    return Frame(
        index=index,
        name=printable(name.name),
        time_s=clock.time_s(moment, readable=False),
        mtime_s=moment.mtime_s,
        content=NoResult(reason),
    )


def _mtime_s(path: Path) -> float:
    """Modification time of a regular file; NaN for anything else."""
    try:
        result = path.lstat()
    except (OSError, ValueError):
        return NAN
    return NAN if what_it_is(result.st_mode) else result.st_mtime
