"""The settings of a scan are changed while it is recorded: what its rows, its run file and a resumed run make of it."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.decisions import decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.request import Request
from latticewatch.app.run.session import Session
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import Run, read_run
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.app.conftest import scan as scan
from tests.record.equality import assert_same_row, assert_same_rows

Command = Callable[..., Said]
CHANGED_AT = 6
PATIENCE_S = 240.0  # the fit may have to be compiled first


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Live:
    """A live run of a folder into which the frames of a scan are put."""

    def __init__(self, scan: Path, folder: Path) -> None:
        self.folder = folder
        self.session: Session | None = None
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self._frames = sorted(scan.glob("*.cbf"))
        folder.mkdir(exist_ok=True)
        for name in ("geometry.poni", "experiment.toml"):
            if not (folder / name).exists():
                shutil.copy(scan / name, folder / name)

    def run(self, request: Request) -> None:
        try:
            run_session(decide(request), self.stop, lambda session: setattr(self, "session", session))
        except BaseException as error:
            self.error = error.with_traceback(None)  # it would keep the source and its threads

    def put(self, count: int) -> None:
        """Frames up to this number are there."""
        for frame in self._frames[:count]:
            if not (self.folder / frame.name).exists():
                shutil.copy(frame, self.folder / f"{frame.name}.part")
                (self.folder / f"{frame.name}.part").rename(self.folder / frame.name)

    def feed(self, count: int) -> None:
        """Frames up to this number are there and recorded."""
        self.put(count)
        until(lambda: self.error is not None or len(self.rows()) == count)

    def rows(self) -> list[Row]:
        return [] if self.session is None else list(self.session.pipeline.series.snapshot().rows())

    @property
    def changes(self) -> ScanChanges:
        assert self.session is not None
        assert self.session.changes is not None
        return self.session.changes

    def change(self, given: Given, why: str = "", *, is_undo: bool = False) -> None:
        """Change the settings and wait until the change is taken up."""
        before = len(self.changes.segments)
        prepared = self.changes.prepare(self.changes.read(given), why, is_undo=is_undo)
        self.changes.hand(prepared)
        until(lambda: self.error is not None or len(self.changes.segments) > before)


@contextmanager
def live(scan: Path, folder: Path, out: Path, given: Given | None = None, *, resume: bool = False) -> Iterator[Live]:
    there = Live(scan, folder)
    request = Request(folder, given or Given(), live=True, out=out, resume=resume, fallback=folder.parent / "elsewhere")
    thread = threading.Thread(target=there.run, args=(request,))
    thread.start()
    try:
        yield there
    finally:
        there.stop.set()
        thread.join()
    if there.error is not None:
        raise there.error


def with_setup(folder: Path, text: str, name: str = "changed.toml", **more: Path) -> Given:
    """Settings with this set-up; the geometry is the scan's own."""
    (folder.parent / name).write_text(text, encoding="utf-8")
    return Given(geometry=folder / "geometry.poni", experiment=folder.parent / name, **more)


def setup_text(scan: Path) -> str:
    return (scan / "experiment.toml").read_text(encoding="utf-8")


@pytest.fixture
def undisturbed(latticewatch: Command, scan: Path, tmp_path: Path) -> Iterator[Run]:
    assert latticewatch("process", scan, "--out", tmp_path / "undisturbed.h5").status == 0
    with read_run(tmp_path / "undisturbed.h5") as run:
        yield run


def test_another_tolerance_leaves_every_number_as_it_would_have_been(
    scan: Path, tmp_path: Path, undisturbed: Run
) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    with live(scan, folder, out) as run:
        run.feed(CHANGED_AT)
        given = with_setup(folder, setup_text(scan).replace("tolerance = 0.03", "tolerance = 0.1"))
        run.change(given, "too strict")
        run.feed(12)
    with read_run(out) as found:
        (change,) = found.changes
        assert (change.frame, change.why, change.keeps_fits, change.is_undo) == (CHANGED_AT, "too strict", True, False)
        assert [str(each) for each in change.what] == ["[plateau] tolerance: 0.03 → 0.1"]
        assert "tolerance = 0.1" in change.experiment_toml
        assert found.setup.tolerance == 0.1
        assert found.header.setup.tolerance == 0.03
        for one, other in zip(found.rows, undisturbed.rows, strict=True):
            as_before = replace(other, verdict=one.verdict, segment=int(one.index >= CHANGED_AT), mtime_s=one.mtime_s)
            assert_same_row(one, as_before, clocks=False)
        assert len(found.traced_alike) == 12
        assert "changed: too strict" in [note.text for note in found.notes]


def test_what_is_fitted_changes_from_the_next_frame_on_and_is_judged_anew(
    scan: Path, tmp_path: Path, undisturbed: Run, latticewatch: Command
) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    with live(scan, folder, out) as run:
        run.feed(CHANGED_AT)
        run.change(with_setup(folder, setup_text(scan) + "\n[fit]\nexclude_two_theta_deg = [[10.0, 11.5]]\n"))
        run.feed(12)
        told = [row.verdict.why for row in run.rows()]
    assert not any("Judged anew" in why for why in told[:CHANGED_AT])
    assert all("Judged anew from" in why for why in told[CHANGED_AT:])
    with read_run(out) as found:
        assert [row.segment for row in found.traced] == [0] * CHANGED_AT + [1] * (12 - CHANGED_AT)
        assert not found.changes[0].keeps_fits
        before, after = found.rows[:CHANGED_AT], found.rows[CHANGED_AT:]
        for one, other in zip(before, undisturbed.rows, strict=False):
            assert_same_row(one, replace(other, mtime_s=one.mtime_s), clocks=False)
        for one, other in zip(after, undisturbed.rows[CHANGED_AT:], strict=True):
            assert isinstance(one.fit, Fit)
            assert isinstance(other.fit, Fit)
            np.testing.assert_array_equal(_pattern(one).intensity, _pattern(other).intensity)
            assert one.fit.lp_mean_A != other.fit.lp_mean_A
            assert abs(one.fit.lp_mean_A - other.fit.lp_mean_A) < 5.0 * (
                one.fit.lp_mean_esd_A + other.fit.lp_mean_esd_A
            )
    assert latticewatch("export", out, "--summary", tmp_path / "summary.json").status == 0
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (summary["computed_from_frame"], summary["computed_frames"]) == (CHANGED_AT, 12 - CHANGED_AT)
    (told_change,) = summary["changes"]
    assert told_change["what"] == [{"setting": "[fit] exclude_two_theta_deg", "old": "none", "new": "[[10.0, 11.5]]"}]


def _pattern(row: Row) -> Pattern:
    assert row.pattern is not None
    return row.pattern


def test_a_wrong_start_cell_is_corrected(scan: Path, tmp_path: Path, undisturbed: Run) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    right = setup_text(scan)
    assert "lattice_parameter_A = 5.842" in right
    wrong = right.replace("lattice_parameter_A = 5.842", "lattice_parameter_A = 5.3", 1)
    with live(scan, folder, out, with_setup(folder, wrong, "wrong.toml")) as run:
        run.feed(CHANGED_AT)
        run.change(with_setup(folder, right), "typing error")
        run.feed(12)
    with read_run(out) as found:
        (change,) = found.changes
        assert "[[component]] Br lattice_parameter_A: 5.3 → 5.842" in map(str, change.what)
        for one, other in zip(found.traced[CHANGED_AT:], undisturbed.traced[CHANGED_AT:], strict=True):
            assert isinstance(one.fit, Fit)
            assert isinstance(other.fit, Fit)
            # The first fits of a start in mid-scan know no widths yet.
            assert abs(one.fit.lp_mean_A - other.fit.lp_mean_A) < 5.0 * (
                one.fit.lp_mean_esd_A + other.fit.lp_mean_esd_A
            )


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "killed"])
def test_a_resumed_run_goes_on_with_its_changes_as_if_it_had_never_stopped(
    scan: Path, tmp_path: Path, closed: bool
) -> None:
    folder, out, again = tmp_path / "live", tmp_path / "run.h5", tmp_path / "again" / "run.h5"
    again.parent.mkdir()
    with live(scan, folder, out) as run:
        changed_twice(run, scan)
        run.feed(7)
        run.change(with_setup(folder, setup_text(scan), "back.toml"), is_undo=True)
        run.feed(8)
        for path in (out, journal_path(out)):  # what a kill leaves
            shutil.copy(path, again.parent / path.name)
        run.feed(12)
    if closed:
        read_run(again).close()
        assert not journal_path(again).exists()
    with live(scan, folder, again, resume=True) as resumed:
        until(lambda: len(resumed.rows()) == 12)
        assert [segment.number for segment in resumed.changes.segments] == [0, 1, 2, 3]
    with read_run(out) as expected, read_run(again) as found:
        assert [row.segment for row in found.traced] == [0] * 4 + [1] * 2 + [2] + [3] * 5
        assert found.alike == {0, 3}
        # What is undone goes on with the fit and the verdict of before.
        assert [number for number, row in enumerate(found.traced) if "Judged anew" in row.verdict.why] == [4, 5, 6]
        assert found.changes == expected.changes
        assert_same_rows(found.rows, expected.rows, clocks=False)


def changed_twice(run: Live, scan: Path) -> None:
    """Angles are left out of the fit from frame 4 on, and pixels of the detector instead from frame 6 on."""
    mask = np.zeros((619, 487), np.uint8)
    mask[100:140, 50:200] = 1
    np.save(run.folder.parent / "mask.npy", mask)
    run.feed(4)
    run.change(with_setup(run.folder, setup_text(scan) + "\n[fit]\nexclude_two_theta_deg = [[10.0, 11.5]]\n"))
    run.feed(6)
    run.change(with_setup(run.folder, setup_text(scan), "masked.toml", mask=run.folder.parent / "mask.npy"), "shadow")


def test_a_run_is_not_resumed_where_the_files_of_its_change_are_others(scan: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    with live(scan, folder, out) as run:
        changed_twice(run, scan)
        run.feed(8)
    np.save(tmp_path / "mask.npy", np.zeros((619, 487), np.uint8))
    said = "changed at frame 6, and the mask of then is another one now"
    with pytest.raises(UserError, match=said), live(scan, folder, out, resume=True) as resumed:
        until(lambda: resumed.error is not None)
    (tmp_path / "mask.npy").unlink()
    with pytest.raises(UserError, match=r"mask\.npy"), live(scan, folder, out, resume=True) as resumed:
        until(lambda: resumed.error is not None)


def test_a_run_is_resumed_with_what_it_began_with(scan: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    given = with_setup(folder, setup_text(scan).replace("tolerance = 0.03", "tolerance = 0.1"))
    with live(scan, folder, out) as run:
        run.feed(2)
        run.change(given)
        run.feed(3)
    said = "resume it with those that it began with"
    with pytest.raises(UserError, match=said), live(scan, folder, out, given, resume=True) as resumed:
        until(lambda: resumed.error is not None)


def test_a_change_that_is_undone_is_one_more_segment(scan: Path, tmp_path: Path, undisturbed: Run) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    with live(scan, folder, out) as run:
        run.feed(4)
        began = run.changes.settings
        run.change(with_setup(folder, setup_text(scan).replace("tolerance = 0.03", "tolerance = 0.1")))
        run.feed(6)
        run.changes.hand(run.changes.prepare(began, "", is_undo=True))
        until(lambda: len(run.changes.segments) == 3)
        run.feed(12)
    with read_run(out) as found:
        assert [change.is_undo for change in found.changes] == [False, True]
        assert [str(each) for each in found.changes[1].what] == ["[plateau] tolerance: 0.1 → 0.03"]
        assert found.setup == found.header.setup
        # Judged by all rows from the first on, as if nothing had been changed.
        verdicts = ([asdict(row.verdict) for row in run.traced[6:]] for run in (found, undisturbed))
        np.testing.assert_equal(*verdicts)


def test_nothing_is_changed_by_what_cannot_be(scan: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    text = setup_text(scan)
    table = [
        (text, None, "nothing is changed"),
        (text.replace('name = "I"', 'name = "iodide"'), None, "the columns of Br, I cannot become those of Br, iodide"),
        (
            text.replace("[composition]\nfirst_A = 5.842\nsecond_A = 6.205\n", ""),
            None,
            "a composition cannot begin or end",
        ),
        (text.replace("frame_period_s = 2.5", "frame_period_s = 5.0"), None, "frame_period_s cannot change within"),
        (text, 2, "orientation cannot change within a run file; all frames must be made again"),
        (text.replace("tolerance = 0.03", "tolerance = 7"), None, "plateau.tolerance"),
    ]
    with live(scan, folder, out) as run:
        run.feed(2)
        for number, (changed, orientation, said) in enumerate(table):
            given = replace(with_setup(folder, changed, f"changed_{number}.toml"), orientation=orientation)
            with pytest.raises(UserError, match=said.replace("(", r"\(")):
                run.changes.prepare(run.changes.read(given), "")
        run.feed(3)
    with read_run(out) as found:
        assert found.changes == ()
        assert len(found.traced) == 3
