"""What the numbers of a scan come from, kept in its run file: by it a run is found to be done, or to be resumed."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from latticewatch.app.run.decisions import Inputs
from latticewatch.app.run.given import Given
from latticewatch.processing.record.run_file.header import InputFile, input_file
from latticewatch.processing.sources.recorded_scan import RecordedSource

FRAMES, OPTIONS, CIF = "frames", "options", "cif"


@dataclass(frozen=True, slots=True)
class ScanFile:
    """One file that frames are in. name: below the scan's folder."""

    name: str
    size: int
    mtime_ns: int


def all_files(inputs: Inputs, source: RecordedSource, given: Given) -> tuple[InputFile, ...]:
    """Everything that decides the numbers: the inputs' files, CIF files, options, the frames' files."""
    files = scan_files(source)
    return (*settings_of(inputs, given), InputFile(FRAMES, "frames", _hash(files), str(len(files))))


def settings_of(inputs: Inputs, given: Given) -> tuple[InputFile, ...]:
    """The files and options that decide the numbers, the frames apart."""
    cells = [inputs.folder / table.cif for table in inputs.experiment.component if table.cif]
    told = [(each.name, getattr(given, each.name)) for each in fields(given)]
    text = "\n".join(f"{name} = {value}" for name, value in told if value is not None and not isinstance(value, Path))
    options = InputFile(OPTIONS, "command line", hashlib.sha256(text.encode()).hexdigest(), text)
    cifs = tuple(input_file(CIF, path) for path in cells if path.is_file())
    return (*inputs.files, *cifs, *([options] if text else []))


def scan_files(source: RecordedSource) -> tuple[ScanFile, ...]:
    """Name, size and modification time of each file that frames are in, in the order of the frames."""
    folder, names = source.files()
    return tuple(_scan_file(folder, name) for name in names)


def begins_with(files: tuple[ScanFile, ...], recorded: InputFile) -> bool:
    """Whether the files of then are there unchanged; more may have come behind them."""
    try:
        count = int(recorded.text or "")
    except ValueError:
        return False
    return 0 <= count <= len(files) and _hash(files[:count]) == recorded.sha256


def _scan_file(folder: Path, name: str) -> ScanFile:
    try:
        state = (folder / name).lstat()
    except OSError:
        return ScanFile(name, -1, 0)
    return ScanFile(name, state.st_size, state.st_mtime_ns)


def _hash(files: Iterable[ScanFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(os.fsencode(file.name) + f"\0{file.size}\0{file.mtime_ns}\n".encode())
    return digest.hexdigest()
