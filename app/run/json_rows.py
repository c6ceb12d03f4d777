"""Rows as JSON on standard output."""

import json
from dataclasses import replace

from latticewatch.app.output import write_line
from latticewatch.app.run.session import Session
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.export.trace import trace_record


def tell(session: Session, row: Row) -> None:
    write_line(json_line(row, session.setup))


def json_line(row: Row, setup: Setup, scan: str = "") -> str:
    """The row as JSON; with the name of its ``scan`` first where there are several."""
    peaks = tuple(peak.name for peak in row.peaks)  # of the settings that this row was made with
    record = trace_record(row, replace(setup.kept, peaks=peaks), setup.accuracy)
    return json.dumps({"scan": scan, **record} if scan else record, allow_nan=False)
