"""An entry: what is said of a run in a logbook, as text, as HTML and as JSON."""

import hashlib
import html
import json
import math
import time
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy, quoted, signs_of
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Series
from latticewatch.processing.flow.wording import headline, lattices_told, quantities_told
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, Pause
from latticewatch.processing.record.export.summary import described, summarise
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.text import local_time, one_line

SCHEMA = "latticewatch-entry/1"

YEAR_9999_S = 253_370_764_800.0


class LogbookEntry(BaseModel):
    """One entry for one logbook.

    key: the same for the same words on the same run in the same logbook. facts: what is said, by name, in
    order. text: the operator's own words. written_s: clock when it was asked for. done: the parts that the
    server has confirmed. sending: the part that was on its way when this was written down; whether it arrived
    is not known unless an answer follows. told: what the server said last.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    logbook: str
    subject: str
    facts: dict[str, str]
    text: str
    summary: dict[str, Any]
    written_s: Annotated[FiniteFloat, Field(ge=0.0, lt=YEAR_9999_S)]
    done: tuple[str, ...] = ()
    sending: str = ""
    told: str = ""


def entry_of(run: Run, logbook: str, text: str) -> LogbookEntry:
    """What is to be said of this run. Raises UserError where it has no frame yet."""
    if not len(run.traced):
        raise UserError(f"{run.path}: no frame is recorded in it; there is nothing to post")
    kinetics, foreign = described(run)
    facts = {name: one_line(value) for name, value in _facts(run, kinetics).items() if value}
    summary = summarise(run.latest, run.traced, kinetics, run.account, foreign, run.changes, run.alike)
    subject = one_line(run.header.title or run.path.stem)
    said = [logbook, run.path.name, subject, facts, text, summary]
    key = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
    return LogbookEntry(
        key=key, logbook=logbook, subject=subject, facts=facts, text=text, summary=summary, written_s=time.time()
    )


def plain(entry: LogbookEntry) -> str:
    return "\n".join([*_own_words(entry), *(f"{name}: {value}" for name, value in _all_facts(entry).items())])


def as_html(entry: LogbookEntry) -> str:
    """The entry as HTML in pure ASCII, whatever character set the logbook is kept in."""
    words = "".join(f"<p>{_escaped(line)}</p>\n" for line in _own_words(entry))
    rows = "<br>\n".join(f"<b>{_escaped(name)}:</b> {_escaped(value)}" for name, value in _all_facts(entry).items())
    return f"{words}<p>{rows}</p>\n"


def as_json(entry: LogbookEntry) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "key": entry.key,
        "written": _clock(entry.written_s),
        "subject": entry.subject,
        "text": entry.text,
        "facts": entry.facts,
        "plain": plain(entry),
        "summary": entry.summary,
    }


def picture_name(entry: LogbookEntry) -> str:
    stem = "".join(each if each.isascii() and each.isalnum() else "_" for each in entry.facts["Run file"])
    return f"{stem[:60]}-{entry.key}.png"


def _own_words(entry: LogbookEntry) -> list[str]:
    return [one_line(line) for line in entry.text.splitlines() if line.strip()]


def _all_facts(entry: LogbookEntry) -> dict[str, str]:
    return {"Title": entry.subject, **entry.facts, "Entry": f"{entry.key}, written {_clock(entry.written_s)}"}


def _facts(run: Run, kinetics: Kinetics) -> dict[str, str]:
    row, accuracy, end = run.traced[-1], run.setup.accuracy, kinetics.complete
    reached = f"{quoted(end.lp_A, end.lp_esd_A, accuracy)}, reached at {_seconds(end.reached_s)}" if end else "not seen"
    return {
        "State": _state(run),
        "Lattice parameter": _lattices(run),
        "Pauses": "; ".join(_pause(each, accuracy) for each in kinetics.pauses) or "none",
        "Complete": reached,
        "Frames": f"{len(run.traced)}, of them {sum(isinstance(each.fit, NoResult) for each in run.traced)} gaps; "
        f"the last at {_seconds(row.time_s)}: {row.name}",
        "Geometry": "; ".join(f"{one.name}, SHA-256 {one.sha256}" for one in run.latest.inputs if one.role == "poni"),
        "Run file": run.path.name,
        "Software": f"LatticeWatch {run.header.software.get('latticewatch', 'unknown')}",
    }


def _state(run: Run) -> str:
    series = Series(run.two_theta, run.header.component_names, run.setup.quantities)
    series.append(run.traced[-1])
    said = headline(series.snapshot())
    return f"{said.words}; {said.detail}" if said.detail else said.words


def _lattices(run: Run) -> str:
    """Of the last frame that was fitted, with esd and accuracy; the mean where components cannot be told apart."""
    row = next((each for each in reversed(run.traced) if not isinstance(each.fit, NoResult)), None)
    if row is None or isinstance(row.fit, NoResult):
        return "not known"
    accuracy = run.setup.accuracy
    known = quantities_told(run.setup.quantities, row.fit, row.peaks, accuracy)
    if not run.setup.quantities:
        known = lattices_told(run.header.component_names, row.fit, accuracy)
        known.append(f"mean {quoted(row.fit.lp_mean_A, row.fit.lp_mean_esd_A, accuracy)}")
    return f"{', '.join(known)} at {_seconds(row.time_s)} ({signs_of(accuracy)})"


def _pause(pause: Pause, accuracy: Accuracy | None) -> str:
    end = _seconds(pause.end_s) if math.isfinite(pause.end_s) else "the last frame"
    return f"{quoted(pause.lp_A, pause.lp_esd_A, accuracy)} from {_seconds(pause.start_s)} to {end}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if math.isfinite(value) else "an unknown time"


def _clock(seconds: float) -> str:
    return local_time("%Y-%m-%dT%H:%M:%S%z", seconds)


def _escaped(text: str) -> str:
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode()
