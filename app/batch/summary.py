"""One line per scan, for a spreadsheet: what a beamtime came to."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from latticewatch.app.batch.plan import Planned
from latticewatch.app.batch.task import Event, EventKind
from latticewatch.app.run.outcome_line import counted
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.record.export.summary import described, summarise
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.text import guarded, one_line

OF_RUN = ("title", "frames", "gaps", "mixing_s", "pauses", "complete", "complete_s", "lp_start_A", "lp_start_esd_A",
          "lp_end_A", "lp_end_esd_A", "fraction_end", "fraction_end_esd")  # fmt: skip
COLUMNS = ("scan", "status", "reason", *OF_RUN, "run_file")
STATUS = {
    EventKind.DONE: "done",
    EventKind.STOPPED: "stopped",
    EventKind.UNUSABLE: "unusable",
    EventKind.LOST: "failed",
    EventKind.UNFIT: "failed",
}


def write_scans(path: Path, planned: Sequence[Planned], ends: dict[str, Event]) -> None:
    """Write the table as CSV: scan, status, reason, and of its run what the summary says. Raises UserError."""
    text = StringIO()
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    lines.writeheader()
    lines.writerows(_line(each, ends.get(each.name)) for each in planned)
    write_whole(path, text.getvalue().encode())


def _line(planned: Planned, end: Event | None) -> dict[str, str]:
    out = Path(end.out) if end and end.out else planned.out
    status = STATUS[end.kind] if end else "done before"
    told = end.text if end and end.kind not in (EventKind.DONE, EventKind.STOPPED) else ""
    line: dict[str, Any] = {"scan": planned.name, "status": status, "reason": told}
    try:
        line |= {**_of_run(out), "run_file": str(out)}
    except UserError as error:
        line["reason"] = told or str(error)
    return {key: _cell(value) for key, value in line.items()}


def _of_run(out: Path) -> dict[str, Any]:
    with read_run(out) as run:
        kinetics, foreign = described(run)
        summary = summarise(run.latest, run.traced, kinetics, foreign=foreign, changes=run.changes, alike=run.alike)
    complete = summary["complete"]
    return {
        **{key: summary.get(key) for key in OF_RUN},
        "pauses": len(summary["pauses"]),
        "complete": "yes" if complete else "no",
        "complete_s": complete["reached_s"] if complete else None,
    }


def _cell(value: Any) -> str:
    return "" if value is None else guarded(one_line(value)) if isinstance(value, str) else str(value)


def totals(planned: Iterable[Planned], ends: dict[str, Event]) -> str:
    planned = list(planned)
    count = Counter(STATUS[ends[each.name].kind] if each.name in ends else "done before" for each in planned)
    names = ("done", "done before", "stopped", "unusable", "failed")
    told = ", ".join(f"{count[name]} {name}" for name in names if count[name])
    return f"{counted(len(planned), 'scan')}: {told or 'nothing to do'}"
