"""Which alarms the rows of a run raise. What rings, blinks or runs a command is not decided here."""

from dataclasses import dataclass, replace
from enum import StrEnum

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State

NAN = float("nan")
SILENT_PERIODS = 3.0
# Of a fast detector a few frames late are no news.
SILENT_LEAST_S = 2.0
FAILURES = 5
# A line is reported when it was there in this number of fits in a row.
SEEN_IN_A_ROW = 3


class Alarm(StrEnum):
    """What an operator wants to be woken for."""

    PAUSE = "pause"
    COMPLETE = "complete"
    MOVING_AGAIN = "complete no longer, moving again"
    NO_BEAM = "no beam"
    SILENT = "detector silent"
    FOLDER_GONE = "folder gone"
    FITS_FAILING = "fits failing"
    UNKNOWN_LINE = "unknown line"


# What is no trouble: the reaction does what it does.
NEWS = frozenset({Alarm.PAUSE, Alarm.COMPLETE, Alarm.MOVING_AGAIN})
BY_STATE = {State.PAUSED: Alarm.PAUSE, State.COMPLETE: Alarm.COMPLETE, State.NO_BEAM: Alarm.NO_BEAM}


@dataclass(frozen=True, slots=True)
class Watch:
    """What the alarms remember of a run.

    standing: alarms raised and not acknowledged, also when their cause is over. lasting: those that were raised and
    whose cause lasts. state: of the last row. judged: the same, of the last row with beam. again: it was complete, and
    moves again. failures: gaps in a row other than no beam and no peaks. foreign: the foreign lines that were told.
    more: fits in a row with more of them. newest_s, period_s: monotonic clock (s) at the last row, and the usual time
    between rows; NaN: none yet. gone: the folder cannot be listed.
    """

    standing: frozenset[Alarm] = frozenset()
    lasting: frozenset[Alarm] = frozenset()
    state: State = State.WAITING
    judged: State = State.WAITING
    again: bool = False
    failures: int = 0
    foreign: int = 0
    more: int = 0
    newest_s: float = NAN
    period_s: float = NAN
    gone: bool = False


def after_row(watch: Watch, row: Row, clock_s: float, period_s: float = NAN) -> tuple[Watch, frozenset[Alarm]]:
    """The watch after this row, and the alarms it raises now. clock_s: monotonic; period_s: where it is known."""
    refused = isinstance(row.fit, NoResult) and row.fit.is_failure
    failures, state = watch.failures + 1 if refused else 0, row.verdict.state
    judged = watch.judged if state is State.NO_BEAM else state
    again = judged is State.REACTING and (watch.again or watch.judged is State.COMPLETE)
    causes = {BY_STATE[state]} if state in BY_STATE else set()
    causes |= {Alarm.FITS_FAILING} if failures >= FAILURES else set()
    causes |= {Alarm.MOVING_AGAIN} if again else set()
    foreign, more = _foreign(watch, row)
    causes |= {Alarm.UNKNOWN_LINE} if foreign > watch.foreign else set()
    # An alarm stands until it is acknowledged, also when its cause is over, and is raised anew when that comes again.
    fresh = frozenset(causes - watch.lasting)
    # A pause does not end because the beam is away, nor does a folder come back with a row that was read before.
    kept = {Alarm.FOLDER_GONE} | (NEWS if state is State.NO_BEAM else frozenset())
    seen = Watch(
        standing=watch.standing | fresh,
        lasting=frozenset(causes) | (watch.lasting & kept),
        state=state,
        judged=judged,
        again=again,
        failures=failures,
        foreign=foreign,
        more=more,
        newest_s=clock_s,
        period_s=period_s if period_s == period_s else _usual(watch, clock_s),
        gone=watch.gone,
    )
    return seen, fresh


def _foreign(watch: Watch, row: Row) -> tuple[int, int]:
    """The foreign lines that are reported after this row, and the fits in a row with more than were reported."""
    seen = None if isinstance(row.fit, NoResult) else row.fit.foreign_lines
    if seen is None:
        return watch.foreign, watch.more
    more = watch.more + 1 if seen > watch.foreign else 0
    return (seen, 0) if more >= SEEN_IN_A_ROW else (watch.foreign, more)


def silent_after_s(period_s: float) -> float:
    """Seconds without a frame that are silence; NaN while the period is not known."""
    return max(SILENT_PERIODS * period_s, SILENT_LEAST_S) if period_s == period_s else NAN


def at_time(watch: Watch, clock_s: float, *, waits: bool = False, gone: bool = False) -> tuple[Watch, frozenset[Alarm]]:
    """The watch when the clock says so and no row has come: the detector may have fallen silent.

    waits: frames wait to be processed, so that it is not silent. gone: the folder cannot be listed.
    """
    watch = replace(watch, gone=gone, lasting=watch.lasting if gone else watch.lasting - {Alarm.FOLDER_GONE})
    silent = clock_s - watch.newest_s > silent_after_s(watch.period_s)
    cause = Alarm.FOLDER_GONE if gone else Alarm.SILENT if silent and not waits else None
    if cause is None or cause in watch.lasting or watch.state is State.COMPLETE:
        return watch, frozenset()
    fresh = frozenset({cause})
    return replace(watch, standing=watch.standing | fresh, lasting=watch.lasting | fresh), fresh


def is_over(watch: Watch, alarm: Alarm, clock_s: float) -> bool:
    """Whether the cause of this alarm is over. clock_s: monotonic. What was an unknown line once is not looked at."""
    match alarm:
        case Alarm.FITS_FAILING:
            return watch.failures == 0
        case Alarm.SILENT:
            return clock_s - watch.newest_s <= silent_after_s(watch.period_s)
        case Alarm.FOLDER_GONE:
            return not watch.gone
        case Alarm.MOVING_AGAIN:
            return not watch.again
        case _:
            return alarm in BY_STATE.values() and BY_STATE.get(watch.state) is not alarm


def acknowledged(watch: Watch) -> Watch:
    """All that stands has been seen; it is not raised again while its cause lasts."""
    return replace(watch, standing=frozenset())


def _usual(watch: Watch, clock_s: float) -> float:
    passed = clock_s - watch.newest_s
    if not passed > 0.0:
        return watch.period_s
    if watch.period_s != watch.period_s:
        return passed
    return watch.period_s + 0.1 * (min(passed, 3.0 * watch.period_s) - watch.period_s)
