"""HDF5 files of one image each, as some areaDetector plugins and NeXus writers make them."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import frame_name
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.sources.hdf5.stack import HDF5Stack

NAN = float("nan")


class HDF5Series:
    """The images of HDF5 files of one image each, in the order of the numbers in their names."""

    def __init__(self, paths: Sequence[Path], period_s: float | None, dataset: str) -> None:
        self._paths = sorted(paths, key=lambda path: frame_name(path.name).key)
        self._period_s, self._dataset = period_s, dataset
        self._drawn = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once; a file that cannot be read is a gap with its reason."""
        clock = ScanClock(self._period_s)
        for index, path in enumerate(self._paths):
            if stop.is_set():
                return
            try:
                frame = next(HDF5Stack(path, dataset=self._dataset).frames(stop))
            except (UserError, StopIteration) as error:
                reason = str(error).removeprefix(f"{path}: ") or "holds no image"
                frame = Frame(index, f"{path.name}::000000", NAN, NAN, NoResult(f"unreadable: {reason}"))
            moment = Moment(index, frame_name(path.name), mtime_s=frame.mtime_s)
            time_s = clock.time_s(moment, readable=not isinstance(frame.content, NoResult))
            self._drawn = index + 1
            yield replace(frame, index=index, time_s=time_s)

    def files(self) -> tuple[Path, list[str]]:
        """The scan's folder, and the names of its files."""
        return self._paths[0].parent, [path.name for path in self._paths]

    def progress(self) -> Progress:
        """All frames are found from the start."""
        return Progress(len(self._paths), len(self._paths) - self._drawn)


def hdf5_series(paths: Sequence[Path], period_s: float | None, dataset: str) -> HDF5Series | None:
    """The series, if the names differ by their numbers alone and the first two files hold one image each."""
    if len({frame_name(path.name).texts for path in paths}) > 1:
        return None
    try:
        counts = [HDF5Stack(path, dataset=dataset).progress().found for path in paths[:2]]
    except UserError:
        return None
    return HDF5Series(paths, period_s, dataset) if counts == [1, 1] else None
