"""From a file, or the reason why there is none, to a frame of the scan."""

from pathlib import Path

from latticewatch.processing.files.frame_names import HDF5_SUFFIXES, FrameName
from latticewatch.processing.files.regular_file import what_it_is
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.formats.file_bytes import FileState
from latticewatch.processing.formats.image_file import NAN, ImageFile
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.text import printable


def image_frames(name: FrameName, index: int, clock: ScanClock, file: ImageFile, state: FileState) -> list[Frame]:
    """The frames of one file from number ``index`` on: the first has the file's name, the others a number behind it.

    >>> of_file("stack.tif", 2)
    'stack.tif::000002'
    """
    alone = not file.more
    frames = []
    for place, image in enumerate((file, *file.more)):
        moment = moment_of(name, index + place, image, state, alone=alone)
        frames.append(
            Frame(
                index=index + place,
                name=of_file(printable(name.name), place),
                time_s=clock.time_s(moment, readable=True),
                mtime_s=state.mtime_s,
                content=Image(image.counts, image.masked),
                header=image.header,
            )
        )
    return frames


def moment_of(name: FrameName, index: int, image: ImageFile, state: FileState, *, alone: bool) -> Moment:
    """What tells the time of an image; where its file has several, the running number of the file counts no frames."""
    counted = name if alone else FrameName((), (), name.name)
    return Moment(index, counted, image.stamp_s, state.mtime_s, image.period_s)


def of_file(name: str, place: int) -> str:
    """What the frame of a file's image is called: of the first as the file, but in HDF5, whose images have numbers."""
    return f"{name}::{place:06d}" if place or Path(name).suffix.lower() in HDF5_SUFFIXES else name


def gap_frame(folder: Path, name: FrameName, index: int, clock: ScanClock, reason: str) -> Frame:
    moment = Moment(index, name, mtime_s=_mtime_s(folder / name.name))
    return Frame(
        index=index,
        name=of_file(printable(name.name), 0),
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
