"""How the commands open a session on a recorded scan: inputs are checked at once, frames drawn when it is opened.

What is slow to load (compiler, readers) is loaded when it is opened: in the window's worker, while the window is there.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from latticewatch.app.run.inputs import Inputs, gather
from latticewatch.app.run.request import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.names import free_name, journal_path

if TYPE_CHECKING:
    from latticewatch.app.run.session import Opening, Session
    from latticewatch.processing.flow.stages import Source
    from latticewatch.processing.sources.pacing import Transport
    from latticewatch.processing.sources.recorded_scan import RecordedSource

log = logging.getLogger(__name__)


def recorded_scan(scan: Path, given: Given, out: Path, *, resume: bool = False) -> "Opening":
    """A recorded scan or run file as fast as it goes, recorded in ``out``."""
    return _recorded(scan, given, out, None, resume)


def replayed_scan(scan: Path, given: Given, out: Path | None, transport: "Transport") -> "Opening":
    """A recorded scan or run file at the pace of ``transport``; recorded only where ``out`` says so."""
    return _recorded(scan, given, out, transport, resume=False)


def _recorded(scan: Path, given: Given, out: Path | None, transport: "Transport | None", resume: bool) -> "Opening":
    if not scan.exists():
        raise UserError(f"{scan}: no such scan; give a folder of frames, an HDF5 stack or a run file")
    if scan.is_file() and is_run(scan):
        return _recorded_run(scan, out, transport)
    inputs = gather(scan, given)

    @contextmanager
    def opened(stop: threading.Event) -> "Iterator[Session | None]":
        from latticewatch.app.run.fingerprint import with_content
        from latticewatch.app.run.session import scan_session

        source = source_of(scan, inputs, given)
        made_of = with_content(inputs, source, given) if out else inputs
        parts = (made_of, _paced(source, transport), str(scan), out, stop)
        with scan_session(*parts, resume=resume, at_hand=transport is None) as session:
            if out and session:
                log.info("recording in %s", out)
            yield session

    return opened


def source_of(scan: Path, inputs: Inputs, given: Given) -> "RecordedSource":
    """The frames of a recorded scan. Raises UserError."""
    from latticewatch.processing.sources.recorded_scan import open_scan

    selection = inputs.experiment.source.given(given.recursive, given.include)
    return open_scan(scan, period_s=inputs.experiment.experiment.frame_period_s, selection=selection)


def _recorded_run(path: Path, out: Path | None, transport: "Transport | None") -> "Opening":
    """A replay shows what was recorded; processing, and whatever is recorded anew, fits and judges again."""
    from latticewatch.processing.record.run_file.reader import read_run

    run = read_run(path)

    @contextmanager
    def opened(stop: threading.Event) -> "Iterator[Session | None]":
        from latticewatch.app.run.run_file_sessions import refitted, shown_again
        from latticewatch.processing.sources.run_rows import RunFileSource

        del stop
        shown = transport is not None and out is None
        source = _paced(RunFileSource(run, again=not shown), transport)
        with shown_again(run, source) if shown else refitted(run, source, out) as session:
            yield session

    return opened


def is_run(path: Path) -> bool:
    """Whether this is a run file, or is one once it is made whole from its journal."""
    from latticewatch.processing.files.guarded_hdf5 import run_id_of

    try:
        return journal_path(path).exists() or run_id_of(path) is not None
    except UserError:
        return False


def _paced(source: "Source", transport: "Transport | None") -> "Source":
    from latticewatch.processing.sources.pacing import Paced

    return Paced(source, transport) if transport else source


def run_name(scan: Path, *, resume: bool = False) -> Path:
    """The run file in the present folder: SCAN.h5, and unless it is to go on, SCAN_2.h5, ... where that is taken."""
    base = Path(f"{scan.resolve().stem or 'run'}.h5")
    return base if resume else free_name(base)
