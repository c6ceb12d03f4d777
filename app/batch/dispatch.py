"""The scans of one command: a single one in this process, several side by side."""

from latticewatch.app.batch.request import Wanted
from latticewatch.app.run.headless import run_headless
from latticewatch.app.run.recorded_scans import recorded_scan, run_name
from latticewatch.processing.errors import UserError


def process_scans(wanted: Wanted, *, resume: bool) -> int:
    """Process every scan into a run file of its own. The worst exit status of them all."""
    if bool(wanted.scans) == (wanted.tree is not None):
        raise UserError("process: name the scans, or the folder that holds them with --tree FOLDER")
    if len(wanted.scans) == 1 and not wanted.is_many:
        return _one(wanted, resume=resume)
    from latticewatch.app.batch.command import process_many

    return process_many(wanted)


def _one(wanted: Wanted, *, resume: bool) -> int:
    scan = wanted.scans[0]
    out = wanted.out or run_name(scan, resume=resume)
    opening = recorded_scan(scan, wanted.given, out, resume=resume)
    return run_headless(opening, as_json=wanted.as_json, title=scan.name)
