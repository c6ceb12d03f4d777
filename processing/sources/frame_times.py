"""When each frame was taken, by one rule for the whole scan.

The rule is settled by the first two frames that can be read, in order of the scan, so that a scan that is
watched and the same scan read from disk get the same times:

1. the first has a time stamp in its header: stamps, and a frame without one has no time;
2. else the files' modification times, if between the first two frames lies at least half the period (from
   the header, else the experiment's) or, where no period is known, at least SHORTEST_S: files that were
   copied have the times of copying;
3. else the period, counted by the running number where the name has one;
4. else the time is not known.
"""

import logging
import math
from dataclasses import dataclass
from enum import Enum

from latticewatch.processing.files.frame_names import FrameName

NAN = float("nan")
SHORTEST_S = 0.05

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
        self._given_period_s = period_s if period_s is not None else NAN
        self._first: Moment | None = None
        self._rule: _Rule | None = None
        self._period_s = NAN

    def time_s(self, moment: Moment, *, readable: bool) -> float:
        """Seconds from the first frame that could be read; NaN where not known."""
        if readable and self._rule is None:
            self._settle(moment)
        if self._first is moment:
            return 0.0
        if self._first is None or self._rule is None:
            return NAN
        return round(self._elapsed(self._first, moment), 6)

    def _settle(self, moment: Moment) -> None:
        if self._first is None:
            self._first = moment
            if math.isnan(moment.stamp_s):
                return
            self._rule = _Rule.STAMPS
        else:
            self._period_s = next((p for p in (self._first.period_s, self._given_period_s) if p > 0.0), NAN)
            shortest = SHORTEST_S if math.isnan(self._period_s) else 0.5 * self._period_s
            frames = max(_frames_between(self._first, moment), 1)
            if (moment.mtime_s - self._first.mtime_s) / frames >= shortest:
                self._rule = _Rule.FILES
            else:
                self._rule = _Rule.UNKNOWN if math.isnan(self._period_s) else _Rule.PERIOD
        log.log(
            logging.WARNING if self._rule is _Rule.UNKNOWN else logging.INFO,
            "times of the frames come from %s",
            self._rule.value,
        )

    def _elapsed(self, first: Moment, moment: Moment) -> float:
        match self._rule:
            case _Rule.STAMPS:
                return moment.stamp_s - first.stamp_s
            case _Rule.FILES:
                return moment.mtime_s - first.mtime_s
            case _Rule.PERIOD:
                return _frames_between(first, moment) * self._period_s
            case _:
                return NAN


def _frames_between(first: Moment, moment: Moment) -> int:
    """Frames from one to the other: by the running number within a series, else by place."""
    if first.name.texts == moment.name.texts:
        steps: list[int] = [b - a for a, b in zip(first.name.numbers, moment.name.numbers, strict=True) if a != b]
        if len(steps) == 1:
            return steps[0]
    return moment.index - first.index
