"""Processing, watching and replaying one scan give one trace; the run file stands alone."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import Said
from tests.same_runs import differences

Command = Callable[..., Said]
CLOCKS = {"recorded_s", "file_mtime_s"}


def trace(latticewatch: Command, run: Path) -> list[dict[str, str]]:
    """The rows of a run's exported trace without what a clock says."""
    out = run.with_suffix(".csv")
    assert latticewatch("export", run, "--trace", out).status == 0
    with out.open(newline="") as file:
        return [{key: cell for key, cell in row.items() if key not in CLOCKS} for row in csv.DictReader(file)]


def test_every_way_gives_the_same_trace(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    runs = {name: tmp_path / f"{name}.h5" for name in ("processed", "watched", "replayed", "again")}
    assert latticewatch("process", scan, "--out", runs["processed"]).status == 0
    assert latticewatch("watch", scan, "--headless", "--frames", 12, "--out", runs["watched"]).status == 0
    assert latticewatch("replay", scan, "--headless", "--speed", "max", "--out", runs["replayed"]).status == 0
    assert latticewatch("process", runs["processed"], "--out", runs["again"]).status == 0
    traces = {name: trace(latticewatch, run) for name, run in runs.items()}
    assert len(traces["processed"]) == 12
    assert sum(row["status"] == "fitted" for row in traces["processed"]) > 0
    for name in ("watched", "replayed", "again"):
        assert traces[name] == traces["processed"], name


def test_one_core_gives_the_same_run_in_one_thread(
    latticewatch: Command, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert latticewatch("process", scan, "--out", tmp_path / "two.h5").status == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for module in ("sources.folder.recorded", "integration.integrate"):
        monkeypatch.setattr(f"latticewatch.processing.{module}.ThreadPoolExecutor", None)
    monkeypatch.setattr("latticewatch.processing.pipeline.loop.batches", None)
    assert latticewatch("process", scan, "--out", tmp_path / "one.h5").status == 0
    assert not differences(tmp_path / "one.h5", tmp_path / "two.h5")


def test_json_says_one_object_for_each_frame_and_nothing_else(latticewatch: Command, scan: Path) -> None:
    said = latticewatch("process", scan, "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["frame"] for row in rows] == list(range(12))
    assert all(row["recorded_s"] > 0 for row in rows)


def test_header_values_go_with_the_row_into_the_run_file_and_on(
    latticewatch: Command, scan: Path, tmp_path: Path
) -> None:
    run, again = tmp_path / "run.h5", tmp_path / "again.h5"
    said = latticewatch("process", scan, "--json", "--out", run)
    kept = [json.loads(line)["header"] for line in said.out.splitlines()]
    assert {row["Temperature"] for row in kept} == {295.0}
    assert len({row["Flux"] for row in kept}) > 1
    assert latticewatch("process", run, "--out", again).status == 0
    for path in (run, again):
        with read_run(path) as read:
            assert [dict(row.header) for row in read.traced] == kept
    with h5py.File(run) as file:
        assert file["entry/header/Flux"][:].tolist() == [row["Flux"] for row in kept]


def test_only_the_header_values_that_are_asked_for(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    experiment = tmp_path / "experiment.toml"
    experiment.write_text((scan / "experiment.toml").read_text() + '\n[source]\nheader = ["Omega", "Blower"]\n')
    (tmp_path / "geometry.poni").write_bytes((scan / "geometry.poni").read_bytes())
    said = latticewatch("process", scan, "--json", "--experiment", experiment)
    assert {tuple(json.loads(line)["header"]) for line in said.out.splitlines()} == {("Omega",)}


def test_the_run_file_keeps_what_the_program_said(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = latticewatch("process", scan, "--json", "--out", tmp_path / "told.h5")
    assert said.status == 0
    with read_run(tmp_path / "told.h5") as run:
        told = [note.text for note in run.notes if note.kind == "log"]
    # Three frames in a row have to say so: the sample is mixed at 10 s, and a frame takes 2.5 s.
    first = next(row["time_s"] for row in map(json.loads, said.out.splitlines()) if row["state"] == "reacting")
    assert first == 17.5
    assert next(line for line in told if "reacting." in line).startswith("18 s: reacting."), told
    assert [line for line in told if "reacting." in line] == [line for line in caplog.messages if "reacting." in line]
