"""Words and numbers as the operator reads them."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from latticewatch.processing.flow.accuracy import Accuracy, quoted
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.quantity import Quantity, value_of
from latticewatch.processing.flow.rest_level import rest_level
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.text import local_time, printable

PART = " · "
# A number or a time that the newest row lacks is that of a row no further back than this.
LOOKED_BACK = 1000


@dataclass(frozen=True, slots=True)
class Headline:
    """The state in words. kind: a state of the contract, ``silent`` or ``error``; it chooses shape and colour."""

    kind: str
    words: str
    detail: str = ""
    why: str = ""


def duration(seconds: float) -> str:
    """``12 s``, ``6 min``, ``1 h 12 min``; empty where not known."""
    if not math.isfinite(seconds):
        return ""
    seconds = max(0.0, seconds)
    if seconds < 10.0:
        return f"{seconds:.1f} s" if seconds < 1.0 else f"{seconds:.0f} s"
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60.0)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(seconds: float) -> str:
    """A time from the first frame: ``12 s``, ``4:32 min``, ``1:12:30 h``; an em dash where not known."""
    if not math.isfinite(seconds):
        return "—"
    if abs(seconds) < 1e-9:
        return "0 s"
    if abs(seconds) < 90.0:
        return duration(seconds) if seconds >= 0.0 else f"-{duration(-seconds)}"
    sign, whole = "-" if seconds < 0.0 else "", round(abs(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d} h" if hours else f"{sign}{rest // 60}:{rest % 60:02d} min"


def level(value: float) -> str:
    """An intensity at the end of a colour scale: whole from 100 on, else three digits."""
    return f"{value:.0f}" if 100.0 <= abs(value) < 1e6 else f"{value:.3g}"


def headline(
    snapshot: Snapshot, silent_s: float = 0.0, gone_since_s: float = math.nan, *, stuck: bool = False
) -> Headline:
    """The newest row's state. silent_s: how long nothing has come although something was due; 0: all is well.
    gone_since_s: clock (seconds since the epoch) since which the folder cannot be listed; NaN: it can.
    stuck: it is there, and does not answer.

    A scan that is complete may end: neither hides that, as it is no alarm.
    """
    gone, what = math.isfinite(gone_since_s), "does not answer" if stuck else "gone"
    if not snapshot.count:
        state = Headline(State.WAITING.value, "WAITING", "for the first frame")
    else:
        verdict = snapshot.row(-1).verdict
        state = Headline(verdict.state.value, *_words(snapshot), verdict.why)
    if state.kind == State.COMPLETE.value and (gone or silent_s > 0.0):
        told = f"folder {what} since {_clock(gone_since_s)}" if gone else f"no new frame for {duration(silent_s)}"
        return replace(state, detail=f"{told}{PART}{state.detail}")
    if gone:
        detail = f"frames are taken when it is back; the last one: {state.words}"
        return Headline("silent", f"FOLDER {what.upper()} since {_clock(gone_since_s)}", detail)
    if silent_s > 0.0:
        return Headline("silent", f"DETECTOR SILENT {duration(silent_s)}", f"no new frame; the last one: {state.words}")
    return state


def waiting_for(title: str) -> Headline:
    """What the banner says before the first image."""
    return Headline("waiting", "WAITING", f"for the first image of {printable(title)}")


def ended(state: Headline, at_s: float, unrecorded: int = 0) -> Headline:
    """The headline of a run that ended at this time (seconds since the epoch) in this state; no forecast.

    unrecorded: frames that are in the folder and not in the run; they are a reason to act.
    """
    is_complete = state.kind == State.COMPLETE.value
    kind, detail = (state.kind, f"{PART}{state.detail}") if is_complete else (State.WAITING.value, "")
    told = "not recording"
    if unrecorded:
        kind = "silent"
        told = f"NOT RECORDING {unrecorded} new frame{'s' if unrecorded > 1 else ''} in the folder"
    return Headline(kind, f"RUN ENDED {_clock(at_s)}{PART}{state.words}", f"{told}{detail}", state.why)


@dataclass(frozen=True, slots=True)
class StandingAlarm:
    """An alarm that nobody has acknowledged. since_s: clock when it was raised; over: its cause is. trouble: something
    is wrong; else it is news, such as a pause.
    """

    words: str
    since_s: float
    over: bool = False
    trouble: bool = True

    @property
    def is_urgent(self) -> bool:
        """Something is wrong, and still is."""
        return self.trouble and not self.over


def alarms_told(standing: Sequence[StandingAlarm]) -> str:
    """``detector silent, rang 03:20 · pause, rang 03:12, over``; empty where none stands.

    The time is that of the ringing: the state itself may have begun long before, and the banner says when.
    """
    return PART.join(f"{one.words}, rang {_clock(one.since_s)}{', over' if one.over else ''}" for one in standing)


def _words(snapshot: Snapshot) -> tuple[str, str]:
    """What the newest row means; times and numbers are those of the newest rows that have them."""
    row = snapshot.row(-1)
    verdict, now = row.verdict, _newest(snapshot, lambda each: math.isfinite(each.time_s)).time_s
    fitted = _newest(snapshot, lambda each: not isinstance(each.fit, NoResult))
    match verdict.state:
        case State.REACTING:
            return f"REACTING{_percent(verdict)}", _forecast(verdict.forecast, now)
        case State.PAUSED:
            place = _resting_place(snapshot, verdict.since_s)
            return f"PAUSED{place}{_for(now - verdict.since_s)}", f"reaction is not over{_percent(verdict, ', ')}"
        case State.COMPLETE:
            return f"COMPLETE{_since(snapshot, verdict.since_s)}", _lp_at_the_end(snapshot, fitted)
        case State.NO_BEAM:
            return f"NO BEAM{_for(now - verdict.since_s)}", "nothing is measured; the run continues when there is beam"
        case _:
            reason = row.fit.reason if isinstance(row.fit, NoResult) else verdict.why
            return "WAITING", reason or "nothing to see yet"


def _newest(snapshot: Snapshot, good: Callable[[Row], bool]) -> Row:
    """The newest row for which this holds, of the last LOOKED_BACK; the newest of all where there is none."""
    rows = snapshot.rows(max(0, snapshot.count - LOOKED_BACK))
    return next((row for row in reversed(rows) if good(row)), rows[-1])


def _percent(verdict: Verdict, before: str = " ") -> str:
    return f"{before}{100.0 * verdict.progress:.0f} %" if math.isfinite(verdict.progress) else ""


def _for(seconds: float) -> str:
    return f" for {duration(seconds)}" if math.isfinite(seconds) else ""


def _forecast(forecast: Forecast | None, now_s: float) -> str:
    if forecast is None:
        return "end not yet foreseeable"
    if not math.isfinite(now_s):
        return f"complete {moment(forecast.complete_s)} after the first frame"
    if forecast.latest_s <= now_s:  # it was wrong: it is over, and the reaction is not
        return "end not yet foreseeable"
    if forecast.complete_s <= now_s:
        return f"complete within {duration(forecast.latest_s - now_s)}"
    left = forecast.complete_s - now_s
    unit, size = ("s", 1.0) if left < 90.0 else ("min", 60.0) if left < 5400.0 else ("h", 3600.0)
    low, high = (max(0.0, bound - now_s) / size for bound in (forecast.earliest_s, forecast.latest_s))
    digits = 1 if unit == "h" or high - low < 1.5 else 0
    return f"complete in {left / size:.{digits}f} {unit} ({low:.{digits}f}–{high:.{digits}f})"


def _since(snapshot: Snapshot, since_s: float) -> str:
    """By the clock of the frame of then, where files tell it, else in time of the scan."""
    then = np.flatnonzero(snapshot.times_s >= since_s)
    row = snapshot.row(int(then[0])) if len(then) else snapshot.row(-1)
    clock = row.mtime_s - (row.time_s - since_s)
    if math.isfinite(clock):
        return f" since {_clock(clock)}"
    return f" since {duration(since_s)}" if math.isfinite(since_s) else ""


def _clock(at_s: float) -> str:
    """``22:05``, with the date where that is not today."""
    is_today = local_time("%Y %j", at_s) == time.strftime("%Y %j")
    return local_time("%H:%M" if is_today else "%Y-%m-%d %H:%M", at_s)


def quantities_told(
    quantities: Sequence[Quantity], fit: Fit | NoResult, peaks: Sequence[Peak] = (), accuracy: Accuracy | None = None
) -> list[str]:
    """``edge c 14.052 ± 0.001 Å`` for each that is watched by its name and known; with accuracy where given."""
    told = [(quantity, *value_of(quantity, fit, None, peaks)) for quantity in quantities]
    return [
        f"{quantity.label} {quoted_quantity(quantity, value, esd, accuracy)}"
        for quantity, value, esd in told
        if math.isfinite(value)
    ]


def lattices_told(names: Sequence[str], fit: Fit, accuracy: Accuracy | None = None) -> list[str]:
    """``Br 5.8671 ± 0.0004 Å`` for each component that can be told from its neighbour; with accuracy where given."""
    pairs = zip(names, fit.lattices, strict=True)
    return [f"{name} {quoted(one.lp_A, one.lp_esd_A, accuracy)}" for name, one in pairs if math.isfinite(one.lp_A)]


def quoted_quantity(quantity: Quantity, value: float, esd: float, accuracy: Accuracy | None = None) -> str:
    """Value and esd in the quantity's unit; of an edge with accuracy where given."""
    return quoted(value, esd, accuracy if quantity.unit == "Å" else None, quantity.unit)


def _lp_at_the_end(snapshot: Snapshot, row: Row) -> str:
    """The lattices that can be told apart, each by its name; else the mean of what became one. Where quantities are
    watched by name, the first two of them."""
    if snapshot.quantities:
        return ", ".join(quantities_told(snapshot.quantities[:2], row.fit, row.peaks))
    if isinstance(row.fit, NoResult):
        return ""
    told = lattices_told(snapshot.component_names, row.fit)
    return ", ".join(told) or f"mean {quoted(row.fit.lp_mean_A, row.fit.lp_mean_esd_A)}"


def _resting_place(snapshot: Snapshot, since_s: float) -> str:
    """`` at Br 5.768 Å``: the mean over the pause so far, as in the summary; nameless where there is one component."""
    lp_A, esd_A = rest_level(snapshot, since_s, math.inf)
    if snapshot.quantities:
        first = snapshot.quantities[0]
        return f" at {first.label} {quoted_quantity(first, lp_A, esd_A)}" if math.isfinite(lp_A) else ""
    name = f"{snapshot.component_names[0]} " if len(snapshot.component_names) > 1 else ""
    return f" at {name}{lp_A:.3f} Å" if math.isfinite(lp_A) else ""
