"""When each frame was taken, by one rule for the whole scan.

The rule is settled by the first two frames that can be read, in order of the scan, so that a scan that is
watched and the same scan read from disk get the same times:

1. time stamps in the headers, if one of the two has one;
2. else the files' modification times, if between the first two frames lies at least half the period (from
   the header, else the experiment's) or, where no period is known, at least SHORTEST_S: files that were
   copied have the times of copying;
3. else the period, counted by the running number where the name has one;
4. else the time is not known.

A clock that stands still, goes back or jumps is said, and from there on frames keep their pace: by the files' times
where these agreed with the stamps so far, else by the period and the running number. A clock of whole seconds at more
than one frame a second is no fault: between two of its seconds the frames keep their pace. A jump ahead that the files'
times confirm is a pause of the scan.
"""

import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from statistics import median_low

from latticewatch.processing.files.frame_names import FrameName
from latticewatch.processing.text import printable

NAN = float("nan")
SHORTEST_S = 0.05
HOUR_S, DAY_S = 3600.0, 86400.0
FAR = 20.0
"""So many periods, and a minute, later than its pace says: a pause of the scan, or a clock that was set."""
SHORTEST_HOLD_S, LONGEST_HOLD_S, HOLD_PERIODS = 2.0, 60.0, 2.0
STEPS = 9
COUNTED_S = 1.0
"""What a frame counts where stamps stand still in the whole of a recorded scan and nothing else tells the time."""
UNKNOWN = "the time is not known, set frame_period_s in experiment.toml"
BY_FILES = "the files' times are used"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """What tells the time of one frame: its place in the scan, name, header stamp, file time, header period."""

    index: int
    name: FrameName
    stamp_s: float = NAN
    mtime_s: float = NAN
    period_s: float = NAN


def hold_s(period_s: float) -> float:
    """How long what is not whole, or missing, holds up the frames after it: what waits is then shown within three
    periods of its coming. period_s: NaN where it is not known.

    >>> [hold_s(period_s) for period_s in (0.1, NAN, 2.5, 100.0)]
    [2.0, 2.0, 5.0, 60.0]
    """
    return min(max(SHORTEST_HOLD_S, HOLD_PERIODS * period_s), LONGEST_HOLD_S)


class _Rule(Enum):
    STAMPS = "time stamps in the headers"
    FILES = "modification times of the files"
    PERIOD = "the frame period"
    UNKNOWN = "nothing: set frame_period_s in experiment.toml"


class ScanClock:
    """Seconds from the first frame. Ask for every frame once, in the order of the scan.

    last: the last frame of a scan that is complete, asked for where the first ones do not tell the period.
    """

    def __init__(self, period_s: float | None, last: Callable[[], Moment | None] = lambda: None) -> None:
        self._period_s = period_s if period_s is not None else NAN
        self._last = last
        self._first: Moment | None = None
        self._rule: _Rule | None = None
        # The newest frame whose clock was believed, its time, and the time from frame to frame before it.
        self._newest: tuple[Moment, float] | None = None
        self._step_s = NAN
        self._steps: deque[float] = deque(maxlen=STEPS)
        # The first frame since the clock was set or the scan paused.
        self._anchor: Moment | None = None
        # The latest time that was given while the clock stood still.
        self._given_s = NAN
        # Whether the files' times advanced as the stamps did; None: not seen yet.
        self._files_agree: bool | None = None
        self._told: set[bool] = set()

    @property
    def period_s(self) -> float:
        """From frame to frame, as the header, the experiment or else the last two stamps say; NaN where not known."""
        return self._step_s if math.isnan(self._period_s) else self._period_s

    @property
    def usual_period_s(self) -> float:
        """The same, but in the middle of the last steps: one that is long, as by a pause, is not the scan's pace."""
        return median_low(self._steps) if math.isnan(self._period_s) and self._steps else self.period_s

    def time_s(self, moment: Moment, *, readable: bool) -> float:
        """Seconds from the first frame that could be read; NaN where not known."""
        if self._first is None:
            return self._begin(moment) if readable else NAN
        if readable and self._rule is None:
            self._settle(self._first, moment)
        match self._rule:
            case None | _Rule.UNKNOWN:
                return NAN
            case _Rule.PERIOD:
                time_s = _frames_between(self._first, moment) * self._period_s
            case _:
                time_s = self._by_clock(moment, readable=readable)
        return round(time_s, 6)

    def _begin(self, moment: Moment) -> float:
        self._first, self._newest = moment, (moment, 0.0)
        if moment.period_s > 0.0:
            self._period_s = moment.period_s
        return 0.0

    def _settle(self, first: Moment, second: Moment) -> None:
        frames = max(_frames_between(first, second), 1)
        shortest_s = SHORTEST_S if math.isnan(self._period_s) else 0.5 * self._period_s
        if not math.isnan(first.stamp_s):
            self._use(_Rule.STAMPS)
        elif not math.isnan(second.stamp_s):
            self._use(_Rule.STAMPS, "the first frame has no time stamp: ")
            elapsed_s, _ = self._without_clock(first, second, frames)
            self._newest = second, elapsed_s
        elif (second.mtime_s - first.mtime_s) / frames >= shortest_s:
            self._use(_Rule.FILES)
        else:
            self._use(_Rule.UNKNOWN if math.isnan(self._period_s) else _Rule.PERIOD)

    def _use(self, rule: _Rule, why: str = "") -> None:
        self._rule = rule
        level = logging.WARNING if why or rule is _Rule.UNKNOWN else logging.INFO
        log.log(level, "%stimes of the frames come from %s", why, rule.value)

    def _reading(self, moment: Moment) -> float:
        return moment.mtime_s if self._rule is _Rule.FILES else moment.stamp_s

    def _by_clock(self, moment: Moment, *, readable: bool) -> float:
        """By the stamp or the file's time, whichever the rule says, as far as it can be believed."""
        newest, newest_s = self._newest or (moment, NAN)
        if moment is newest:
            return newest_s
        frames = _frames_between(newest, moment)
        pace_s = frames * self.period_s
        elapsed_s = self._reading(moment) - self._reading(newest)
        if frames <= 0:  # a frame that comes late
            early = elapsed_s <= 0.0 and not abs(elapsed_s - pace_s) > 0.5 * HOUR_S
            return newest_s + (elapsed_s if early else pace_s)
        if not readable or math.isnan(elapsed_s):
            return newest_s + (elapsed_s if math.isnan(pace_s) else pace_s)
        if elapsed_s < 0.0 and self._files_agree and self._is_confirmed(newest, moment, elapsed_s):
            return newest_s + elapsed_s  # an old frame under a new name
        if elapsed_s == 0.0:
            return self._standing(newest, newest_s, moment, frames)
        if self._was_set(newest, newest_s, moment, elapsed_s, pace_s):
            clock_s = elapsed_s
            elapsed_s, how = self._without_clock(newest, moment, frames)
            jump_s = clock_s if math.isnan(elapsed_s) else clock_s - elapsed_s
            name = printable(moment.name.name)
            log.warning("%s: the clock of the time stamps was set by %+.0f s; %s", name, jump_s, how)
            self._anchor = moment
        elif self._is_far(elapsed_s, pace_s):
            self._anchor = moment
        else:
            self._step_s = self._step(newest, moment, frames)
            self._steps.append(self._step_s)
            agree = self._rule is _Rule.STAMPS and abs(moment.mtime_s - newest.mtime_s - elapsed_s) <= 0.5 * elapsed_s
            self._files_agree = agree and self._files_agree is not False
        if math.isnan(newest_s):  # the first frame has no stamp, and no period was known: now it is
            newest_s = (_frames_between(self._first, newest) if self._first else 0) * self._step_s
        self._newest, self._given_s = (moment, newest_s + elapsed_s), NAN
        return newest_s + elapsed_s

    def _standing(self, newest: Moment, newest_s: float, moment: Moment, frames: int) -> float:
        """The clock says what it said at the frame before: it stands still, or counts in whole seconds."""
        elapsed_s, how = self._without_clock(newest, moment, frames)
        coarse = self._is_coarse(newest, frames, elapsed_s, how)
        if coarse not in self._told:
            self._told.add(coarse)
            what = "counts whole seconds, between them" if coarse else "is that of the frame before;"
            log.warning("%s: its time stamp %s %s", printable(moment.name.name), what, how)
        time_s = newest_s + elapsed_s
        if coarse:  # the second that is not over yet holds all its frames, in their order
            before_s = newest_s if math.isnan(self._given_s) else self._given_s
            time_s = min(time_s, 0.5 * (before_s + newest_s + 1.0))
        self._given_s = time_s
        return time_s

    def _step(self, newest: Moment, moment: Moment, frames: int) -> float:
        """The time from frame to frame; of a clock of whole seconds its mean since the clock was last set."""
        since = newest if self._anchor is None else self._anchor
        self._anchor = since
        if self._reading(moment) % 1.0 == 0.0 and (many := _frames_between(since, moment)) > 0:
            return (self._reading(moment) - self._reading(since)) / many
        return (self._reading(moment) - self._reading(newest)) / frames

    def _is_coarse(self, newest: Moment, frames: int, elapsed_s: float, how: str) -> bool:
        """Whether a clock that stands still for so many frames counts in whole seconds, and its second is not over."""
        if self._reading(newest) % 1.0 or math.isnan(elapsed_s):
            return False
        if how == BY_FILES:
            return elapsed_s <= 2.0
        shortest_s = self._period_s
        if math.isnan(shortest_s):
            many = _frames_between(self._anchor, newest) if self._anchor else 0
            passed_s = self._reading(newest) - self._reading(self._anchor) if self._anchor else 0.0
            shortest_s = max(passed_s - 1.0, 0.0) / max(many, 1)
        return shortest_s < 1.0 and frames * shortest_s <= 1.0 + 2.0 * shortest_s

    def _without_clock(self, before: Moment, moment: Moment, frames: int) -> tuple[float, str]:
        """Seconds between these two where the rule's own clock does not say, and by what."""
        files_s = moment.mtime_s - before.mtime_s
        if self._files_agree and files_s > 0.0:
            return files_s, BY_FILES
        if math.isnan(self.period_s):
            if self._rule is _Rule.STAMPS and files_s >= SHORTEST_S * frames:
                return files_s, BY_FILES
            return self._from_the_end(moment if math.isnan(self._reading(before)) else before, frames)
        return frames * self.period_s, f"a period of {self.period_s:g} s is used"

    def _from_the_end(self, known: Moment, frames: int) -> tuple[float, str]:
        """By the mean period up to the last frame or, where stamps stand still to the end, by the running number."""
        last = self._last()
        if last is None:
            return NAN, UNKNOWN
        total_s = self._reading(last) - self._reading(known)
        if total_s > 0.0:
            self._step_s = total_s / max(_frames_between(known, last), 1)
            return frames * self._step_s, f"the mean period up to the last frame is used, {self._step_s:g} s"
        if total_s != 0.0:
            return NAN, UNKNOWN
        self._period_s = COUNTED_S
        return frames * COUNTED_S, "frames are counted, one second each: set frame_period_s in experiment.toml"

    def _was_set(self, newest: Moment, newest_s: float, moment: Moment, elapsed_s: float, pace_s: float) -> bool:
        """Whether somebody set the clock between these two frames."""
        if elapsed_s < 0.0 or newest_s + elapsed_s <= self._given_s:
            return True
        by_an_hour = abs(elapsed_s - HOUR_S - pace_s) < 0.5 * self.period_s + 1.0 and pace_s < 0.1 * HOUR_S
        if not by_an_hour and not self._is_far(elapsed_s, pace_s):
            return False
        if self._files_agree and moment.mtime_s > newest.mtime_s:
            return not self._is_confirmed(newest, moment, elapsed_s)
        if by_an_hour or elapsed_s > DAY_S:
            return True
        log.warning(
            "%s: %.0f s after the frame before: taken for a pause of the scan", printable(moment.name.name), elapsed_s
        )
        return False

    def _is_confirmed(self, newest: Moment, moment: Moment, elapsed_s: float) -> bool:
        """Whether the files' times say so too."""
        return abs(moment.mtime_s - newest.mtime_s - elapsed_s) <= 0.25 * abs(elapsed_s)

    def _is_far(self, elapsed_s: float, pace_s: float) -> bool:
        return elapsed_s > pace_s + max(FAR * self.period_s, 60.0)


def _frames_between(first: Moment, moment: Moment) -> int:
    """Frames from one to the other: by the running number within a series, else by place."""
    if first.name.texts == moment.name.texts:
        steps: list[int] = [b - a for a, b in zip(first.name.numbers, moment.name.numbers, strict=True) if a != b]
        if len(steps) == 1:
            return steps[0]
    return moment.index - first.index
