"""How the commands open a session: inputs are checked at once, frames are drawn when the session is opened."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from pathlib import Path

from latticewatch.app.inputs import gather
from latticewatch.app.options import Given
from latticewatch.app.session import Opening, Session, run_file_session, scan_session
from latticewatch.app.warming import warm_up
from latticewatch.processing.errors import UserError
from latticewatch.processing.loop import Source
from latticewatch.processing.record.rebuild import journal_path
from latticewatch.processing.record.run_file import read_run
from latticewatch.processing.record.run_source import RunFileSource
from latticewatch.processing.record.untrusted import run_id_of
from latticewatch.processing.sources.live import LiveScan
from latticewatch.processing.sources.replay import Paced, Transport
from latticewatch.processing.sources.scan import open_scan

log = logging.getLogger(__name__)


def watched_scan(
    folder: Path,
    given: Given,
    out: Path | None,
    *,
    until_idle_s: float | None = None,
    frame_limit: int | None = None,
    resume: bool = False,
) -> Opening:
    """A folder that is being written; always recorded."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder that the detector writes to")
    inputs = gather(folder, given)
    source = LiveScan(
        folder,
        period_s=inputs.experiment.experiment.frame_period_s,
        until_idle_s=until_idle_s,
        frame_limit=frame_limit,
    )
    target = out or free_names([folder], resume=resume)[0]
    on_state = inputs.experiment.alarm.on_state or ()
    return _warmed(partial(scan_session, inputs, source, str(folder), target, resume=resume, on_state=on_state))


def _warmed(opening: Opening) -> Opening:
    """The same, everything compiled before the first frame is asked for."""

    @contextmanager
    def opened(stop: threading.Event) -> Iterator[Session | None]:
        warm_up()
        with opening(stop) as session:
            yield session

    return opened


def recorded_scan(scan: Path, given: Given, out: Path, *, resume: bool = False) -> Opening:
    """A recorded scan or run file as fast as it goes, recorded in ``out``."""
    return _recorded(scan, given, out, None, resume)


def replayed_scan(scan: Path, given: Given, out: Path | None, transport: Transport) -> Opening:
    """A recorded scan or run file at the pace of ``transport``; recorded only where ``out`` says so."""
    return _recorded(scan, given, out, transport, resume=False)


def _recorded(scan: Path, given: Given, out: Path | None, transport: Transport | None, resume: bool) -> Opening:
    if not scan.exists():
        raise UserError(f"{scan}: no such scan; give a folder of frames, an HDF5 stack or a run file")
    if scan.is_file() and _is_run(scan):
        run = read_run(scan)
        return partial(run_file_session, run, _paced(RunFileSource(run), transport), out)
    inputs = gather(scan, given)
    source = open_scan(scan, period_s=inputs.experiment.experiment.frame_period_s)
    return partial(scan_session, inputs, _paced(source, transport), str(scan), out, resume=resume)


def _is_run(path: Path) -> bool:
    try:
        return journal_path(path).exists() or run_id_of(path) is not None
    except UserError:
        return False


def _paced(source: Source, transport: Transport | None) -> Source:
    return Paced(source, transport) if transport else source


def free_names(scans: Sequence[Path], *, resume: bool = False) -> list[Path]:
    """Run files in the present folder: SCAN.h5, and unless it is to go on, SCAN_2.h5, ... where that is taken."""
    names: list[Path] = []
    for scan in scans:
        stem = scan.resolve().stem or "run"
        wanted = chain([f"{stem}.h5"], (f"{stem}_{number}.h5" for number in count(2)))
        names.append(next(path for path in map(Path, wanted) if path not in names and (resume or not _taken(path))))
        log.info("recording in %s", names[-1])
    return names


def _taken(path: Path) -> bool:
    return path.exists() or journal_path(path).exists()
