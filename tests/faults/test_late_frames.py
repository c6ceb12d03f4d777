"""A later good version of a file fills its gap: the row gets its numbers, its state stays what was known then."""

import csv
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.run.run_file_sessions import AsRecorded
from latticewatch.app.run.session import Unrecorded
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.flow.stages import Recorder
from latticewatch.processing.pipeline import late_frames as filling
from latticewatch.processing.pipeline import loop
from latticewatch.processing.pipeline.loop import Pipeline
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.sources.run_rows import RunFileSource, frame_of
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.app.conftest import scan as scan
from tests.record.equality import assert_same_row, assert_same_rows

Command = Callable[..., Said]
LATE = 7
CUT = "unreadable: cut short"


class Given:
    """A source of these frames."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames
        self._drawn = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        del stop
        for frame in self._frames:
            self._drawn += 1
            yield replace(frame, index=self._drawn - 1)

    def progress(self) -> Progress:
        return Progress(self._drawn, 0)


@pytest.fixture
def run(latticewatch: Command, scan: Path, tmp_path: Path) -> Iterator[Run]:
    """An undisturbed run."""
    assert latticewatch("process", scan, "--out", tmp_path / "undisturbed.h5").status == 0
    with closing(read_run(tmp_path / "undisturbed.h5")) as opened:
        yield opened


def disturbed(run: Run, *, fills_after: int | None, late: int = LATE) -> list[Frame]:
    """Its frames with one of them cut; what fills it comes after so many frames, or not at all."""
    frames = [frame_of(row) for row in run.rows]
    whole = frames[late]
    frames[late] = replace(whole, time_s=float("nan"), content=NoResult(CUT))
    if fills_after is not None:
        frames.insert(fills_after, whole)
    return frames


def loop_over(run: Run, frames: list[Frame], recorder: Recorder) -> tuple[Series, list[Row]]:
    """The series these frames give, and the rows that were told."""
    setup, told = run.setup, list[Row]()
    series = Series(run.two_theta, run.header.component_names)
    refinement = TrackedRefinement(setup.components, setup.wavelength_A, run.two_theta)
    parts = (Given(frames), AsRecorded(), refinement, Judge(setup), setup.composition, recorder, series)
    loop.run(Pipeline(*parts, run.header.header_names), threading.Event(), told.append)
    return series, told


@pytest.mark.parametrize("fills_after", [LATE + 1, 9, 12])
def test_a_filled_row_is_that_of_an_undisturbed_run_and_no_other_is_touched(run: Run, fills_after: int) -> None:
    series, told = loop_over(run, disturbed(run, fills_after=fills_after), Unrecorded())
    without, _ = loop_over(run, disturbed(run, fills_after=None), Unrecorded())
    found, gap = list(series.snapshot().rows()), without.snapshot().row(LATE)
    expected = replace(run.rows[LATE], verdict=gap.verdict, filled=filling.Filled(CUT, float("nan")))
    assert_same_row(found[LATE], expected, clocks=False)
    others = [number for number in range(12) if number != LATE]
    assert_same_rows([found[n] for n in others], [without.snapshot().row(n) for n in others])
    assert (len(told), told[fills_after].index) == (13, LATE)
    snapshot = series.snapshot()
    assert (snapshot.gaps, snapshot.filled) == (without.snapshot().gaps - 1, (LATE,))
    assert (snapshot.progress.found, snapshot.progress.waiting) == (12, 0)
    assert np.isfinite(snapshot.lp_mean_A[LATE])


def test_a_snapshot_that_was_taken_before_keeps_the_gap(run: Run) -> None:
    series, _ = loop_over(run, disturbed(run, fills_after=None), Unrecorded())
    before = series.snapshot()
    series.fill(replace(run.rows[LATE], filled=filling.Filled(CUT, 0.0)))
    assert isinstance(before.row(LATE).fit, NoResult)
    assert np.isnan(before.lp_mean_A[LATE])
    assert not isinstance(series.snapshot().row(LATE).fit, NoResult)


def test_only_so_many_gaps_stay_open_and_what_comes_for_older_ones_is_a_row(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "MOST_OPEN", 1)
    frames = disturbed(run, fills_after=12)
    frames[9] = replace(frames[9], content=NoResult(CUT))
    series, _ = loop_over(run, frames, Unrecorded())
    rows = list(series.snapshot().rows())
    assert [row.index for row in rows] == list(range(13))
    assert isinstance(rows[LATE].fit, NoResult)
    assert rows[12].name == rows[LATE].name


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_the_run_file_holds_what_was_filled_and_refitting_gives_it_again(run: Run, tmp_path: Path, end: str) -> None:
    path = tmp_path / "filled.h5"
    writer = RunWriter(path, run.header, run.two_theta)
    series, _ = loop_over(run, disturbed(run, fills_after=9), writer)
    if end == "closed":
        writer.close()
    else:
        writer._journal.close()
        writer._lock_file.release()
    expected = list(series.snapshot().rows())
    with read_run(path) as found:
        assert_same_rows(found.rows, expected)
        frames = list(RunFileSource(found).frames(threading.Event()))
        again, _ = loop_over(run, frames, Unrecorded())
        assert_same_rows(again.snapshot().rows(), expected, clocks=False)
    if end == "killed":
        writer._leave_file()


def test_a_copy_of_a_filled_run_is_the_same_run(run: Run, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "one.h5", run.header, run.two_theta) as writer:
        loop_over(run, disturbed(run, fills_after=9), writer)
    with read_run(tmp_path / "one.h5") as one, RunWriter(tmp_path / "copy.h5", run.header, run.two_theta) as copy:
        copy.append_many(list(one.rows))
    with RunWriter.resume(tmp_path / "copy.h5") as gone_on_with:
        assert gone_on_with.names == {row.name for row in run.rows}
    with read_run(tmp_path / "one.h5") as one, read_run(tmp_path / "copy.h5") as other:
        assert_same_rows(other.rows, one.rows, clocks=False)
        assert other.rows[LATE].filled is not None


def live(scan: Path, folder: Path, spoiled: dict[int, bytes]) -> list[Path]:
    """The scan with some of its files spoiled, and settings that give them up soon."""
    shutil.copytree(scan, folder)
    with (folder / "experiment.toml").open("a") as file:
        file.write("\n[source]\ngive_up_s = 0.2\n")
    frames = sorted(folder.glob("*.cbf"))
    for number, content in spoiled.items():
        frames[number].write_bytes(content)
    return frames


def trace(latticewatch: Command, run: Path) -> list[dict[str, str]]:
    assert latticewatch("export", run, "--trace", run.with_suffix(".csv")).status == 0
    with run.with_suffix(".csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("first", ["watch", "process"])
def test_a_run_that_goes_on_fills_the_gaps_it_has(
    latticewatch: Command, scan: Path, tmp_path: Path, first: str
) -> None:
    small = (scan / "iodide_0001p_00006.cbf").read_bytes().replace(b"Fastest-Dimension: 487", b"Fastest-Dimension: 486")
    frames = live(scan, tmp_path / "live", {5: small, LATE: b"###CBF: cut"})
    options = {"watch": ("--headless", "--until-idle", 0.3), "process": ()}[first]
    assert latticewatch(first, tmp_path / "live", *options, "--out", "run.h5").status == 0
    before = trace(latticewatch, tmp_path / "run.h5")
    assert [row["status"] for row in before[5:8:2]] == ["gap", "gap"]
    for number in (5, LATE):
        shutil.copy(scan / frames[number].name, frames[number])
    said = latticewatch(first, tmp_path / "live", *options, "--resume", "--json", "--out", "run.h5")
    assert said.status == 0, said.err
    told = [json.loads(line) for line in said.out.splitlines()]
    assert [row["frame"] for row in told[-2:]] == [5, LATE]
    assert {row["status"] for row in told[-2:]} == {"fitted"}
    after = trace(latticewatch, tmp_path / "run.h5")
    assert len(after) == 12
    assert [row["state"] for row in after] == [row["state"] for row in before]
    assert [row for n, row in enumerate(after) if n not in (5, LATE)] == [
        row for n, row in enumerate(before) if n not in (5, LATE)
    ]
    assert latticewatch("process", scan, "--out", "undisturbed.h5").status == 0
    assert after[5]["lp_mean_A"] == trace(latticewatch, tmp_path / "undisturbed.h5")[5]["lp_mean_A"]
    shown = latticewatch("replay", "run.h5", "--headless", "--speed", "max", "--json")
    assert [json.loads(line)["lp_mean_A"] for line in shown.out.splitlines()] == [
        float(row["lp_mean_A"]) if row["lp_mean_A"] else None for row in after
    ]
    assert latticewatch("process", "run.h5", "--out", "again.h5").status == 0
    assert [row["lp_mean_A"] for row in trace(latticewatch, tmp_path / "again.h5")] == [
        row["lp_mean_A"] for row in after
    ]


def test_a_run_that_goes_on_records_a_file_with_other_content_as_a_frame_of_its_own(
    latticewatch: Command, scan: Path, tmp_path: Path
) -> None:
    frames = live(scan, tmp_path / "live", {})
    assert latticewatch("process", tmp_path / "live", "--out", "run.h5").status == 0
    frames[2].write_bytes(frames[9].read_bytes())
    frames[3].write_bytes(frames[3].read_bytes())  # touched: the same content
    assert latticewatch("process", tmp_path / "live", "--resume", "--out", "run.h5").status == 0
    rows = trace(latticewatch, tmp_path / "run.h5")
    assert [row["file"] for row in rows[11:]] == [frames[11].name, frames[2].name]
    assert latticewatch("process", tmp_path / "live", "--resume", "--out", "run.h5").status == 0
    assert len(trace(latticewatch, tmp_path / "run.h5")) == 13
