"""What a run file is to a scan: whole, to be resumed, or of something else."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from latticewatch.app.run.decisions import gather, is_run
from latticewatch.app.run.fingerprint import FRAMES, ScanFile, begins_with, scan_files, settings_of
from latticewatch.app.run.given import Given
from latticewatch.app.run.open_session import recorded_source
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.header import PACKAGES, InputFile, software_versions
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.sources.folder.framing import of_file
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.text import printable


class RunStatus(StrEnum):
    """What a run file is to a scan. OTHER: made of other frames or settings, or no run file at all."""

    ABSENT = "absent"
    DONE = "done"
    UNFINISHED = "unfinished"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Content:
    """inputs: files and options that decide the numbers. files: those of the frames. frames: rows of a whole run.

    rows: name and modification time of every row where they are known beforehand. resumable: its run can be resumed.
    """

    inputs: tuple[InputFile, ...]
    files: tuple[ScanFile, ...]
    frames: int
    rows: Mapping[str, float]
    resumable: bool = True


def content_of(scan: Path, given: Given) -> Content:
    """What this scan's numbers come from, as it is now. Raises UserError as opening it would."""
    if scan.is_file() and is_run(scan):
        with read_run(scan) as run:
            recorded = MappingProxyType({row.name: row.mtime_s for row in run.traced})
            return Content(run.header.inputs, (), len(run.traced), recorded, resumable=False)
    inputs = gather(scan, given)
    source = recorded_source(scan, inputs.experiment, given)
    files = scan_files(source)
    rows = {}
    if isinstance(source, RecordedFolder):
        rows = {of_file(printable(file.name), 0): file.mtime_ns / 1e9 for file in files}
        # Of files of several images the last one tells whether a run came to its end.
        rows |= dict.fromkeys(source.names_of_last(), files[-1].mtime_ns / 1e9)
    return Content(settings_of(inputs, given), files, source.progress().found, MappingProxyType(rows))


def run_status_of(out: Path, content: Content) -> tuple[RunStatus, int]:
    """What the run file ``out`` is to a scan of this content, and how many frames it holds."""
    if not os.path.lexists(out) and not journal_path(out).exists():
        return RunStatus.ABSENT, 0
    try:
        with read_run(out) as run:
            if not _same_content(run, content):
                return RunStatus.OTHER, 0
            recorded = {row.name: row.mtime_s for row in run.traced}
            count = len(run.traced)
    except UserError:
        return RunStatus.OTHER, 0
    known = {name: mtime_s for name, mtime_s in recorded.items() if not math.isnan(mtime_s)}
    if any(known.get(name, mtime_s) != mtime_s for name, mtime_s in content.rows.items()):
        return RunStatus.OTHER, 0
    whole = count >= content.frames and content.rows.keys() <= recorded.keys()
    return RunStatus.DONE if whole else RunStatus.UNFINISHED, count


def _same_content(run: Run, content: Content) -> bool:
    made_with = {(each.role, each.sha256) for each in run.header.inputs}
    now = {(each.role, each.sha256) for each in content.inputs}
    if content.files:
        frames = [each for each in run.header.inputs if each.role == FRAMES]
        if not frames or not begins_with(content.files, frames[0]):
            return False
        made_with = {each for each in made_with if each[0] != FRAMES}
    versions = software_versions()
    return made_with == now and all(run.header.software.get(name) == versions[name] for name in PACKAGES)
