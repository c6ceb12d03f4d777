"""All frames made again in a process of their own: told row by row, ended in order, never left behind."""

from pathlib import Path

import pytest

from latticewatch.app.run.all_again import AllAgain
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import scan as scan
from tests.app.test_changing import until


def started(scan: Path, out: Path, **more: object) -> AllAgain:
    given = Given(geometry=scan / "geometry.poni", experiment=scan / "experiment.toml")
    request = Request(scan, given, live=True, out=out, fallback=out.parent / "elsewhere", remark="why", **more)  # type: ignore[arg-type]
    return AllAgain(request, out)


def test_every_frame_is_told_and_the_run_ends_in_order(scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "again.h5"
    again = started(scan, out)
    until(lambda: again.poll() or again.done == 12)
    assert not again.is_over
    again.end()
    assert (again.is_over, again.error) == (True, "")
    assert not journal_path(out).exists()
    with read_run(out) as run:
        assert len(run.traced) == 12
        assert [str(each) for each in run.header.decided if each.name == "remark"] == ["remark: why (command line)"]


def test_it_ends_by_itself_as_the_run_would(scan: Path, tmp_path: Path) -> None:
    again = started(scan, tmp_path / "again.h5", frame_limit=5)
    until(lambda: again.poll() or again.is_over)
    assert (again.done, again.error) == (5, "")
    again.end()


def test_what_cannot_be_used_is_one_line(scan: Path, tmp_path: Path) -> None:
    again = started(scan, tmp_path / "nowhere" / "again.h5")
    until(lambda: again.poll() or again.is_over)
    assert "cannot be written" in again.error
    assert "\n" not in again.error
    again.end()


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "window gone"])
def test_nothing_is_lost_and_nothing_stays_behind(scan: Path, tmp_path: Path, killed: bool) -> None:
    out = tmp_path / "again.h5"
    again = started(scan, out)
    until(lambda: again.poll() or again.done == 12)
    if killed:
        again._process.kill()
        until(lambda: again.poll() or again.is_over)
        assert "ended with status -9" in again.error
    else:
        again._pipe.close()  # as the end of the window's process does
    again._process.join(30.0)
    assert not again._process.is_alive()
    with read_run(out) as run:
        assert len(run.traced) == 12
