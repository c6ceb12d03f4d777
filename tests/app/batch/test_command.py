"""Several scans in one command; stopping in the middle and resuming."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.conftest import Said
from tests.app.test_one_path import trace

Command = Callable[..., Said]


def test_a_scan_that_fails_does_not_stop_the_others(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(scan, tmp_path / "other" / "scan"))
    said = latticewatch("process", scan, tmp_path / "lost", other)
    assert said.status == 2
    assert "lost" in said.complaint
    assert trace(latticewatch, tmp_path / "scan.h5") == trace(latticewatch, tmp_path / "scan_2.h5")


@pytest.mark.parametrize("present", [1, 3, 9])
def test_resuming_gives_what_an_undisturbed_run_gives(
    latticewatch: Command, scan: Path, tmp_path: Path, present: int
) -> None:
    partial = tmp_path / "partial" / "scan"
    shutil.copytree(scan, partial)
    later = sorted(partial.glob("*.cbf"))[present:]
    for frame in later:
        frame.unlink()
    # The first frames show no line yet: alone they are a scan without a number.
    assert latticewatch("process", partial, "--out", "run.h5").status == (0 if present > 3 else 3)
    first = Path("run.h5").stat().st_mtime
    for frame in later:
        shutil.copy2(scan / frame.name, frame)
    assert latticewatch("process", partial, "--out", "run.h5", "--resume").status == 0
    assert Path("run.h5").stat().st_mtime > first
    assert latticewatch("process", scan, "--out", "whole.h5").status == 0
    assert trace(latticewatch, Path("run.h5")) == trace(latticewatch, Path("whole.h5"))


def test_rows_recorded_before_keep_the_time_they_were_recorded(latticewatch: Command, scan: Path) -> None:
    assert latticewatch("process", scan, "--out", "run.h5").status == 0
    assert latticewatch("export", "run.h5", "--trace", "before.csv").status == 0
    assert latticewatch("process", scan, "--out", "run.h5", "--resume").status == 0
    assert latticewatch("export", "run.h5", "--trace", "after.csv").status == 0
    assert Path("after.csv").read_text() == Path("before.csv").read_text()


def test_a_run_made_with_another_experiment_is_not_resumed(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    assert latticewatch("process", scan, "--out", "run.h5").status == 0
    other = tmp_path / "other.toml"
    other.write_text((scan / "experiment.toml").read_text().replace("Br/shell2", "another"))
    said = latticewatch(
        "process", scan, "--experiment", other, "--geometry", scan / "geometry.poni", "--out", "run.h5", "--resume"
    )
    assert said.status == 2
    assert "another geometry or experiment" in said.complaint
