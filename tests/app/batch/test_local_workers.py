"""Scans side by side on this machine."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.app.batch.conftest import FRAMES, NAMES, first_writer_killed
from tests.app.conftest import Said
from tests.same_runs import all_differences
from tests.sample_data import sample

Command = Callable[..., Said]
Whole = dict[str, Path]


def test_a_killed_worker_loses_nothing(latticewatch: Command, tree: Path, whole: Whole) -> None:
    with first_writer_killed(tree) as killed:
        said = latticewatch("process", "--tree", tree, "--workers", 2)
    assert said.status == 0, said.err
    assert killed
    assert "died (SIGKILL); attempt 2 of 3" in said.complaint
    assert "3 scans: 3 done" in said.out
    assert all_differences(tree, whole) == {}
    again = latticewatch("process", "--tree", tree)
    assert "3 scans: 3 done before" in again.out


def test_a_scan_that_fails_is_named_and_the_others_are_done(latticewatch: Command, tree: Path, tmp_path: Path) -> None:
    (tree / NAMES[1] / "experiment.toml").write_text("[experiment]\ntitel = 'x'\n")
    said = latticewatch("process", "--tree", tree, "--json", "--summary", "table.csv")
    assert said.status == 2
    assert NAMES[1] in said.complaint
    assert "experiment.toml" in said.complaint
    rows = [json.loads(line) for line in said.out.splitlines()]
    for name in (NAMES[0], NAMES[2]):
        assert [row["frame"] for row in rows if row["scan"] == name] == list(range(FRAMES))
    assert len(rows) == 2 * FRAMES
    with Path("table.csv").open() as table:
        lines = {line["scan"]: line for line in csv.DictReader(table)}
    assert [lines[name]["status"] for name in NAMES] == ["done", "unusable", "done"]
    assert "titel" in lines[NAMES[1]]["reason"]
    assert lines[NAMES[0]]["frames"] == str(FRAMES)
    assert 5.8 < float(lines[NAMES[0]]["lp_end_A"]) < 5.9


def test_real_frames_each_with_the_geometry_beside_them(latticewatch: Command, tmp_path: Path) -> None:
    tree = tmp_path / "lab6"
    for angle in ("0023", "0050"):
        (tree / angle).mkdir(parents=True)
        for kind in ("tif", "poni"):
            shutil.copy(sample(f"lab6_pilatus300kw/lab6_{angle}.{kind}"), tree / angle)
    (tree / "experiment.toml").write_text('[[component]]\nname = "x"\nphase = "LaB6"\n')
    said = latticewatch("process", "--tree", tree, "--workers", 1, "--json")
    assert said.status == 0, said.err
    rows = {row["scan"]: row["lp_x_A"] for row in map(json.loads, said.out.splitlines())}
    assert rows.keys() == {"0023", "0050"}
    assert all(abs(lp_A / 4.156826 - 1.0) < 200e-6 for lp_A in rows.values())


def test_ctrl_c_ends_in_order_and_the_rest_is_done_later(latticewatch: Command, tree: Path, whole: Whole) -> None:
    command = [sys.executable, "-m", "latticewatch.app", "process", "--tree", str(tree), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(tree.rglob("*.h5")):
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "stopped" in out
    assert "Traceback" not in err
    assert not list(tree.rglob("*.journal"))
    assert not list(tree.rglob("*.lock"))
    said = latticewatch("process", "--tree", tree, "--workers", 1)
    assert said.status == 0
    assert all_differences(tree, whole) == {}
