"""What the window says while all frames are made again: how far it is, once that it has caught up, why it failed."""

from dataclasses import replace
from pathlib import Path

import pytest

from latticewatch.app.run.all_again import AllAgain
from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.window.made_again import MadeAgain, Offered
from latticewatch.processing.errors import UserError

PLAN = RunPlan(Request(Path("scan"), live=True), None, None, Path("run.h5"), None, False, (), ())


class Process(AllAgain):
    """Makes frames again as it is told by the test."""

    def __init__(self, request: Request, out: Path) -> None:
        self.request, self.out = request, out
        self.done, self.error, self.is_over, self.is_stopped = 0, "", False, False

    def poll(self) -> None:
        """There is nothing to take up."""

    def stop(self) -> None:
        self.is_stopped = True

    def end(self) -> None:
        self.is_over = True


def begun(tmp_path: Path, plan: RunPlan = PLAN) -> tuple[MadeAgain, Process]:
    started: list[Process] = []

    def start(request: Request, out: Path) -> AllAgain:
        started.append(Process(request, out))
        return started[-1]

    again = MadeAgain(replace(plan, out=tmp_path / "run.h5"), start)
    again.begin(Given(orientation=2), "upside down")
    return again, started[0]


def test_the_run_is_the_same_scan_with_other_settings_in_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "run_again.h5").touch()
    _, process = begun(tmp_path)
    request = process.request
    assert (request.scan, request.live, request.given.orientation) == (Path("scan"), True, 2)
    assert request.out == process.out == tmp_path / "run_again_2.h5"
    assert not request.may_command  # one of the two runs tells the beamline
    assert request.remark.startswith("all frames again of run.h5, ")


def test_what_is_said_as_it_goes_on(tmp_path: Path) -> None:
    again, process = begun(tmp_path)
    caught_up = f"all frames are made again, in {process.out}; Ctrl+Shift+T goes on with them"
    # Rows that are made again, rows of the run, and what is said.
    table = [
        (0, 10, f"all frames again: 0 of 10, in {process.out}"),
        (0, 10, ""),
        (7, 11, f"all frames again: 7 of 11, in {process.out}"),
        (11, 11, caught_up),
        (11, 12, ""),  # it follows, a frame behind: that is not said for every frame
        (12, 12, ""),
    ]
    for done, count, said in table:
        process.done = done
        assert again.follow(count, has_ended=False) == said
    assert not process.is_stopped


def test_it_is_stopped_when_the_run_has_ended_and_all_is_made(tmp_path: Path) -> None:
    again, process = begun(tmp_path)
    process.done = 8
    again.follow(9, has_ended=True)
    assert not process.is_stopped
    process.done = 9
    again.follow(9, has_ended=True)
    assert process.is_stopped


def test_a_failure_is_said_once_and_cannot_be_shown(tmp_path: Path) -> None:
    again, process = begun(tmp_path)
    process.error, process.is_over = "geometry.poni: gone", True
    process.is_over = False
    assert again.follow(5, has_ended=False) == "not all frames were made again: geometry.poni: gone"
    assert again.follow(5, has_ended=False) == ""
    assert not again.can_show()
    assert again.plan_of_it() is None


def test_only_one_at_a_time_and_only_of_what_is_recorded(tmp_path: Path) -> None:
    again, process = begun(tmp_path)
    assert again.offered == Offered("all frames are being made again already")
    with pytest.raises(UserError, match="already"):
        again.begin(Given(), "")
    process.is_over = True
    assert again.offered == Offered("")
    assert MadeAgain(replace(PLAN, out=None)).offered.why_not
    assert MadeAgain(replace(PLAN, request=replace(PLAN.request, live=False))).offered.why_not
    assert MadeAgain(replace(PLAN, request=replace(PLAN.request, scan=None))).offered == Offered("", from_patterns=True)
