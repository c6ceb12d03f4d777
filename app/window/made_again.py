"""All frames of the shown run made again with other settings, beside it: begun, followed, shown in its place."""

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

Start = Callable[[Request, Path], AllAgain]


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
        self._told = ""

    @property
    def why_not(self) -> str:
        """Why not all frames can be made again; empty: they can."""
        request = self.plan.request
        if request.scan is None or not request.live:
            return "the images of a stream are not kept, so that no frame can be made again"
        return "" if self._made is None or self._made.run.is_over else "all frames are being made again already"

    def take(self, changes: ScanChanges) -> None:
        """The settings were changed: what follows on this run has these."""
        request = replace(self.plan.request, given=changes.given)
        self.plan = replace(self.plan, request=request, inputs=changes.settings.inputs)

    def begin(self, given: Given, remark: str) -> Path:
        """Make all frames again with these settings; the run file. remark: kept in it. Raises UserError where that
        cannot be begun."""
        if self.why_not or self.plan.out is None:
            raise UserError(self.why_not or "the run is not recorded")
        out = free_name(self.plan.out.with_name(f"{self.plan.out.stem}_again.h5"))
        request = replace(
            self.plan.request,
            given=given,
            stream=None,
            out=out,
            resume=False,
            may_command=False,
            remark=f"all frames again of {self.plan.out.name}, {time.strftime('%Y-%m-%d %H:%M:%S')}: {remark}",
        )
        self._made = Made(self._start(request, out), request)
        return out

    def follow(self, count: int, *, has_ended: bool) -> str:
        """How far it is, in a line that was not said yet; else empty. To be called again and again. count: rows of the
        run that is shown."""
        made = self._made
        if made is None or made.run.is_over:
            return ""
        run = made.run
        run.poll()
        if run.error:
            told = f"not all frames were made again: {run.error}"
        elif run.done < count and not run.is_over:
            told = f"all frames again: {run.done} of {count}, in {run.out}"
        else:
            told = f"all frames are made again, in {run.out}; Ctrl+Shift+T shows them here from now on"
            if has_ended:
                run.stop()
        if told == self._told:
            return ""
        self._told = told
        return told

    def can_show(self) -> bool:
        return self._made is not None and not self._made.run.error

    def plan_of_it(self) -> RunPlan | None:
        """The plan of the run of all frames made again, which continues in the place of the one that is shown. Waits
        until its process has ended. Raises UserError where it cannot be resumed."""
        made = self._made
        if made is None:
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
