"""Folders of patterns that were integrated elsewhere: the same loop, the same numbers."""

import math
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.start.change_dialog import ChangeDialog
from latticewatch.app.window.made_again import Offered
from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.app.conftest import scan as scan
from tests.app.test_changing import Live

Command = Callable[..., Said]


@pytest.fixture
def processed(scan: Path, tmp_path: Path, latticewatch: Command) -> Path:
    """The run of the images."""
    assert latticewatch("process", scan, "--out", tmp_path / "images.h5").status == 0
    return tmp_path / "images.h5"


@pytest.fixture
def patterns(scan: Path, processed: Path, tmp_path: Path, latticewatch: Command) -> Path:
    """Its patterns as files, with a set-up of their own."""
    folder = tmp_path / "patterns"
    assert latticewatch("export", processed, "--patterns", folder).status == 0
    text = (scan / "experiment.toml").read_text(encoding="utf-8")
    assert 'poni = "geometry.poni"' in text
    text = text.replace('poni = "geometry.poni"', f"wavelength_A = {WAVELENGTH_A}")
    (folder / "experiment.toml").write_text(text, encoding="utf-8")
    return folder


def assert_same_cells(one: Run, other: Run, frames: range = range(12)) -> None:
    """To 1e-7, and the same times and gaps."""
    for number in frames:
        row, expected = one.traced[number], other.traced[number]
        assert row.time_s == pytest.approx(expected.time_s, abs=1e-6)
        assert row.verdict.state == expected.verdict.state
        assert isinstance(row.fit, Fit) == isinstance(expected.fit, Fit)
        if isinstance(row.fit, Fit) and isinstance(expected.fit, Fit):
            for lattice, its in zip(row.fit.lattices, expected.fit.lattices, strict=True):
                np.testing.assert_allclose(lattice.lp_A, its.lp_A, rtol=1e-7)
                np.testing.assert_allclose(lattice.lp_esd_A, its.lp_esd_A, rtol=1e-3)


def test_exported_patterns_give_the_same_cells(
    patterns: Path, processed: Path, tmp_path: Path, latticewatch: Command
) -> None:
    assert latticewatch("process", patterns, "--out", tmp_path / "again.h5").status == 0
    with read_run(tmp_path / "again.h5") as again, read_run(processed) as images:
        assert len(again.traced) == 12
        assert_same_cells(again, images)
        assert again.traced[0].name.endswith(".xye")
        assert "poni" not in [each.role for each in again.header.inputs]
    assert latticewatch("replay", tmp_path / "again.h5", "--speed", "max", "--headless").status == 0
    out = tmp_path / "refitted.h5"
    assert latticewatch("process", tmp_path / "again.h5", "--out", out).status == 0
    with read_run(out) as refitted, read_run(processed) as images:
        assert_same_cells(refitted, images)


def test_they_are_watched_and_resumed(patterns: Path, processed: Path, tmp_path: Path, latticewatch: Command) -> None:
    folder, out = tmp_path / "live", tmp_path / "live.h5"
    shutil.copytree(patterns, folder)
    last = sorted(folder.glob("*.xye"))[-3:]
    for path in last:
        path.rename(tmp_path / path.name)
    # Beside them what is no frame: an image, a draft, a note.
    (folder / "frame_0001.cbf").write_bytes(b"###CBF")
    (folder / "x_0001.xye.part").write_text("1 2 3\n")
    (folder / "notes.txt").write_text("1 2 3\n")
    assert latticewatch("watch", folder, "--headless", "--frames", 9, "--out", out).status == 0
    for path in last:
        (tmp_path / path.name).rename(path)
    assert latticewatch("watch", folder, "--headless", "--until-idle", 4, "--out", out, "--resume").status == 0
    with read_run(out) as run, read_run(processed) as images:
        assert len(run.traced) == 12
        assert_same_cells(run, images)


def test_a_pattern_with_other_angles_is_a_gap(patterns: Path, tmp_path: Path, latticewatch: Command) -> None:
    files = sorted(patterns.glob("*.xye"))
    table = np.loadtxt(files[7])
    table[:, 0] += 0.01
    np.savetxt(files[7], table)
    np.savetxt(files[8], np.loadtxt(files[8])[5:-5])  # ten points fewer: the same angles
    files[9].write_text("# q_nm^-1\n" + files[9].read_text())
    assert latticewatch("process", patterns, "--out", tmp_path / "run.h5").status == 0
    with read_run(tmp_path / "run.h5") as run:
        moved, cut, q = (run.traced[number].fit for number in (7, 8, 9))
    assert isinstance(moved, NoResult)
    assert moved.reason == f"unreadable: its {len(table)} angles are not those of the first pattern"
    assert isinstance(cut, Fit)
    assert q == NoResult("unreadable: its first column is Q; give 2θ in degrees")


def test_patterns_without_a_wavelength_are_no_frames(scan: Path, patterns: Path, latticewatch: Command) -> None:
    said = latticewatch("process", patterns, "--experiment", scan / "experiment.toml")
    assert said.status == 2
    assert "patterns are frames where [geometry] wavelength_A is set" in said.complaint


class LivePatterns(Live):
    """A live run of a folder into which patterns are put."""

    def __init__(self, scan: Path, folder: Path) -> None:
        super().__init__(scan, folder)
        self._frames = sorted(scan.glob("*.xye"))


def test_their_settings_are_changed_while_they_come(qtbot: QtBot, patterns: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    (patterns / "geometry.poni").touch()  # not looked at
    run = LivePatterns(patterns, folder)
    request = Request(folder, Given(), live=True, out=out, fallback=tmp_path / "elsewhere")
    thread = threading.Thread(target=run.run, args=(request,))
    thread.start()
    try:
        run.feed(6)
        parent = QWidget()
        qtbot.addWidget(parent)
        dialog = ChangeDialog(parent, run.changes, Offered(""), peak=(14.0, 15.0))
        assert dialog.draft().given.geometry is None
        qtbot.waitUntil(lambda: "[[peak]] p1 name: none → p1" in dialog.list.toPlainText(), timeout=60_000)
        dialog.accept()
        assert dialog.wanted is not None
        run.change(dialog.wanted.given)
        run.feed(8)
    finally:
        run.stop.set()
        thread.join()
    assert run.error is None
    with read_run(out) as found:
        assert [len(row.peaks) and math.isfinite(row.peaks[0].area) for row in found.traced] == [False] * 6 + [True] * 2


@pytest.mark.parametrize("option", ["--geometry", "--mask", "--dark", "--flat"])
def test_what_is_said_of_images_is_refused(patterns: Path, latticewatch: Command, option: str) -> None:
    said = latticewatch("process", patterns, option, patterns / "any.file")
    assert said.status == 2
    assert "wavelength_A says that the frames are patterns" in said.complaint
    assert option in said.complaint


def test_a_folder_without_patterns_says_what_they_are_called(scan: Path, tmp_path: Path, latticewatch: Command) -> None:
    text = (scan / "experiment.toml").read_text(encoding="utf-8")
    setup = tmp_path / "experiment.toml"
    setup.write_text(text.replace('poni = "geometry.poni"', "wavelength_A = 0.6"), encoding="utf-8")
    said = latticewatch("process", scan, "--experiment", setup)
    assert said.status == 2
    assert "patterns, which end in .xye" in said.complaint


def test_sectors_of_patterns_are_refused() -> None:
    """They would be columns of nothing."""
    text = '[geometry]\nwavelength_A = 0.6\n[sectors]\ncount = 4\n[[component]]\nname = "Br"\nphase = "CsPbBr3"\n'
    with pytest.raises(UserError, match=r"^[^\n]*which have no \[sectors\][^\n]*$"):
        parse_experiment(text, "experiment.toml")


@pytest.mark.parametrize("keys", ['poni = "a.poni"', 'mask = "m.npy"', "orientation = 2", "bins = 100"])
def test_keys_of_images_are_refused_beside_a_wavelength(keys: str) -> None:
    text = f'[geometry]\nwavelength_A = 0.6\n{keys}\n[[component]]\nname = "Br"\nphase = "CsPbBr3"\n'
    with pytest.raises(UserError, match=rf"^[^\n]*for which {keys.split()[0]} means nothing[^\n]*$"):
        parse_experiment(text, "experiment.toml")
