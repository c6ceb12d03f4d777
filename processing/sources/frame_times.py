"""When each frame was taken, by one rule for the whole scan.

The rule is settled by the first two frames that can be read, in order of the scan, so that a scan that is
watched and the same scan read from disk get the same times:

1. time stamps in the headers, if one of the two has one;
2. else the files' modification times, if between the first two frames lies at least half the period (from
   the header, else the experiment's) or, where no period is known, at least SHORTEST_S: files that were
   copied have the times of copying;
3. else the period, counted by the running number where the name has one;
4. else the time is not known.

A stamp that goes back, or jumps by an hour, is a clock that was set: frames go on at their pace from there. Stamps that
stand still tell nothing, and from there on the period does, or the files. Both are said.
"""

import logging
import math
from dataclasses import dataclass
from enum import Enum

from latticewatch.processing.files.frame_names import FrameName
from latticewatch.processing.text import printable

NAN = float("nan")
SHORTEST_S = 0.05
HOUR_S = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """What tells the time of one frame: its place in the scan, name, header stamp, file time, header period."""

    index: int
    name: FrameName
    stamp_s: float = NAN
    mtime_s: float = NAN
    period_s: float = NAN


class _Rule(Enum):
    STAMPS = "time stamps in the headers"
    FILES = "modification times of the files"
    PERIOD = "the frame period"
    UNKNOWN = "nothing: set frame_period_s in experiment.toml"


class ScanClock:
    """Seconds from the first frame. Ask for every frame once, in the order of the scan."""

    def __init__(self, period_s: float | None) -> None:
        self._period_s = period_s if period_s is not None else NAN
        self._first: Moment | None = None
        self._rule: _Rule | None = None
        # What the rule counts from: a frame, and its time.
        self._origin: tuple[Moment, float] | None = None
        # The newest frame with a stamp, its time, and the time from frame to frame before it.
        self._newest: tuple[Moment, float] | None = None
        self._step_s = NAN
        self._told = False

    def time_s(self, moment: Moment, *, readable: bool) -> float:
        """Seconds from the first frame that could be read; NaN where not known."""
        if self._first is None:
            return self._begin(moment) if readable else NAN
        if readable and self._rule is None:
            self._settle(self._first, moment)
        if self._rule is None or self._origin is None:
            return NAN
        time_s = self._by_stamp(moment) if self._rule is _Rule.STAMPS else self._elapsed(moment)
        return round(time_s, 6)

    def _begin(self, moment: Moment) -> float:
        self._first, self._origin = moment, (moment, 0.0)
        if moment.period_s > 0.0:
            self._period_s = moment.period_s
        if not math.isnan(moment.stamp_s):
            self._newest = self._origin
        return 0.0

    def _settle(self, first: Moment, second: Moment) -> None:
        frames = max(_frames_between(first, second), 1)
        shortest_s = SHORTEST_S if math.isnan(self._period_s) else 0.5 * self._period_s
        whole_seconds = all(stamp % 1.0 == 0.0 for stamp in (first.stamp_s, second.stamp_s))
        if not math.isnan(first.stamp_s) and whole_seconds and self._period_s < 1.0:
            self._use(_Rule.PERIOD, "time stamps of whole seconds do not tell frames apart: ")
        elif not math.isnan(first.stamp_s):
            self._use(_Rule.STAMPS)
        elif not math.isnan(second.stamp_s):
            self._use(_Rule.STAMPS, "the first frame has no time stamp: ")
            self._newest = second, frames * self._period_s
        elif (second.mtime_s - first.mtime_s) / frames >= shortest_s:
            self._use(_Rule.FILES)
        else:
            self._use(_Rule.UNKNOWN if math.isnan(self._period_s) else _Rule.PERIOD)

    def _use(self, rule: _Rule, why: str = "") -> None:
        self._rule = rule
        level = logging.WARNING if why or rule is _Rule.UNKNOWN else logging.INFO
        log.log(level, "%stimes of the frames come from %s", why, rule.value)

    def _elapsed(self, moment: Moment) -> float:
        """The time by a rule that needs no stamps."""
        if self._origin is None:
            return NAN
        origin, time_s = self._origin
        if self._rule is _Rule.FILES:
            return time_s + moment.mtime_s - origin.mtime_s
        return time_s + _frames_between(origin, moment) * (self._period_s if self._rule is _Rule.PERIOD else NAN)

    def _by_stamp(self, moment: Moment) -> float:
        if self._newest is None:
            return NAN
        newest, newest_s = self._newest
        frames = _frames_between(newest, moment)
        step_s = self._step_s if math.isnan(self._period_s) else self._period_s
        if math.isnan(moment.stamp_s):
            return newest_s + frames * step_s
        elapsed_s = moment.stamp_s - newest.stamp_s
        if frames <= 0:  # a frame that comes late
            return newest_s + elapsed_s
        if elapsed_s == 0.0 and moment is not newest:
            return self._without_stamps(moment)
        hour = abs(elapsed_s - HOUR_S - frames * step_s) < 0.5 * step_s + 1.0 and frames * step_s < 0.1 * HOUR_S
        if elapsed_s < 0.0 or hour:
            name = printable(moment.name.name)
            log.warning("%s: the clock of the time stamps was set by %+.0f s", name, elapsed_s - frames * step_s)
            time_s = newest_s + frames * step_s
        else:
            time_s = newest_s + elapsed_s
            self._step_s = elapsed_s / frames
            if math.isnan(time_s):  # the first frame has no stamp, and no period is known: now it is
                time_s = (_frames_between(self._first, newest) if self._first else 0) * self._step_s + elapsed_s
        self._newest = moment, time_s
        return time_s

    def _without_stamps(self, moment: Moment) -> float:
        """From here on by the period or, where none is known, by the files: stamps stand still.

        Where neither is known the time is not, until a stamp moves on and tells the period.
        """
        newest, newest_s = self._newest or (moment, NAN)
        why = f"{printable(moment.name.name)}: its time stamp is that of the frame before: "
        if math.isnan(self._period_s):
            self._period_s = self._step_s
        if math.isnan(self._period_s) and not moment.mtime_s - newest.mtime_s >= SHORTEST_S:
            if not self._told:
                log.warning("%sits time is not known; set frame_period_s in experiment.toml", why)
                self._told = True
            return NAN
        self._origin = newest, newest_s
        self._use(_Rule.FILES if math.isnan(self._period_s) else _Rule.PERIOD, why)
        return self._elapsed(moment)


def _frames_between(first: Moment, moment: Moment) -> int:
    """Frames from one to the other: by the running number within a series, else by place."""
    if first.name.texts == moment.name.texts:
        steps: list[int] = [b - a for a, b in zip(first.name.numbers, moment.name.numbers, strict=True) if a != b]
        if len(steps) == 1:
            return steps[0]
    return moment.index - first.index
