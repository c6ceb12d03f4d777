"""All frames of the shown run made again with other settings, beside it: begun, followed, shown in its place."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from latticewatch.app.run.all_again import AllAgain
from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.decisions import RunPlan, decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.names import free_name

log = logging.getLogger(__name__)

Start = Callable[[Request, Path], AllAgain]


@dataclass(frozen=True, slots=True)
class Offered:
    """How frames can be made again. why_not: why they cannot be; empty: they can. from_patterns: of those so far, from
    their recorded patterns, with what is changed from now on: their images are not kept."""

    why_not: str
    from_patterns: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """Frames that are being made again. request: of their run."""

    run: AllAgain
    request: Request


class MadeAgain:
    """plan: of the run that is shown, with the settings of now. start: begins to make all frames again."""

    def __init__(self, plan: RunPlan, start: Start = AllAgain) -> None:
        self.plan, self._start = plan, start
        self._made: Made | None = None
        self._waiting: Request | None = None
        self._told = ""
        self._has_caught_up = False

    @property
    def offered(self) -> Offered:
        """How frames can be made again now."""
        is_busy = self._waiting is not None or not (self._made is None or self._made.run.is_over)
        why_not = "all frames are being made again already" if is_busy else ""
        if self.plan.out is None or not self.plan.request.live:
            why_not = "no frame is being recorded"
        return Offered(why_not, from_patterns=self.plan.request.scan is None)

    def take(self, changes: ScanChanges) -> None:
        """The settings were changed, and are in the run file: what follows on this run has these."""
        request = replace(self.plan.request, given=changes.given)
        self.plan = replace(self.plan, request=request, inputs=changes.settings.inputs)
        out = self._waiting.out if self._waiting is not None else None
        if self._waiting is not None and out is not None:
            request, self._waiting = replace(self._waiting, scan=changes.recorded_in), None
            self._made = Made(self._start(request, out), request)

    def begin(self, given: Given, remark: str) -> Path:
        """Make all frames again with these settings; the run file. remark: kept in it. From patterns it begins once the
        change is taken up. Raises UserError where that cannot be begun."""
        offered = self.offered
        if offered.why_not or self.plan.out is None:
            raise UserError(offered.why_not)
        out = free_name(self.plan.out.with_name(f"{self.plan.out.stem}_again.h5"))
        told = f"all frames again of {self.plan.out.name}, {time.strftime('%Y-%m-%d %H:%M:%S')}: {remark}"
        if offered.from_patterns:
            self._waiting = Request(None, out=out, remark=told)
            return out
        request = replace(
            self.plan.request, given=given, stream=None, out=out, resume=False, may_command=False, remark=told
        )
        self._made, self._has_caught_up = Made(self._start(request, out), request), False
        return out

    def give_up_waiting(self) -> None:
        """The change that frames were to be made again with was not made."""
        self._waiting = None

    def follow(self, count: int, *, has_ended: bool) -> str:
        """How far it is, in a line that was not said yet; else empty. To be called again and again. count: rows of the
        run that is shown."""
        made = self._made
        if made is None or made.run.is_over:
            return ""
        run = made.run
        run.poll()
        where = f"in {run.out}"
        if run.error:
            told = f"not all frames were made again: {run.error}"
        elif not made.request.live:
            told = f"{run.done} frames are made again from their patterns, {where}" if run.is_over else ""
        elif run.done < count and not self._has_caught_up:
            return self._once(f"all frames again: {run.done} of {count}, {where}")
        else:
            self._has_caught_up = True
            told = f"all frames are made again, {where}; Ctrl+Shift+T goes on with them"
            if has_ended and run.done >= count:
                run.stop()
        if said := self._once(told):
            log.info("%s", said)
        return said

    def _once(self, told: str) -> str:
        """This line, where it is another one than the last."""
        is_new, self._told = told != self._told, told
        return told if is_new else ""

    def can_show(self) -> bool:
        """Whether there is a run that can continue in the place of the one that is shown."""
        return self._made is not None and self._made.request.live and not self._made.run.error

    def plan_of_it(self) -> RunPlan | None:
        """The plan of the run of all frames made again, which continues in the place of the one that is shown. Waits
        until its process has ended. Raises UserError where it cannot be resumed."""
        made = self._made
        if made is None or not self.can_show():
            return None
        made.run.end()
        if made.run.error:
            raise UserError(made.run.error)
        again = decide(replace(made.request, resume=True))
        return replace(again, on_state=self.plan.on_state)

    def end(self) -> None:
        """The window closes."""
        if self._made is not None:
            self._made.run.end()
