"""Where no window can be opened it is one line with what to do, and the doctor says the same beforehand."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import PyQt6
import pytest

from latticewatch.app.checks.qt_platform import OFFSCREEN, X11
from tests.app.conftest import Said

PLUGIN = Path(PyQt6.__file__).parent / "Qt6" / "plugins" / "platforms" / "libqxcb.so"
ABSENT = {"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":987"}


def run(*words: str, **environment: str) -> Said:
    """The command as a process, under these settings and no other display."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "latticewatch.app", *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**kept, **environment}, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def lacking(folder: Path, library: str) -> dict[str, str]:
    """Settings under which Qt's plugin for X11 needs a library that is not there."""
    content = PLUGIN.read_bytes()
    name = library.encode()
    assert name in content
    (folder / PLUGIN.name).write_bytes(content.replace(name, name[:-1] + b"9"))
    return {**ABSENT, "QT_QPA_PLATFORM_PLUGIN_PATH": str(folder)}


@pytest.fixture
def compared(tmp_path: Path, latticewatch: Callable[..., Said], scan: Path) -> str:
    """A run file to be shown."""
    assert latticewatch("process", scan, "--out", tmp_path / "run.h5").status == 0
    return str(tmp_path / "run.h5")


def test_a_display_that_is_not_there(compared: str) -> None:
    said = run("replay", compared, **ABSENT)
    assert said.status == 2
    assert said.err.splitlines() == [said.complaint]
    assert "could not connect to display :987; check DISPLAY, or use --headless" in said.complaint


def test_a_library_that_is_not_there(compared: str, tmp_path: Path) -> None:
    settings = lacking(tmp_path, "libxcb-icccm.so.4")
    said = run("replay", compared, **settings)
    assert said.status == 2
    assert said.err.splitlines() == [said.complaint]
    assert "libxcb-icccm.so.9 missing; install" in said.complaint
    assert "libxcb-icccm.so.9 missing; install" in run("doctor", **settings).out


def test_a_platform_that_is_not_there(compared: str) -> None:
    said = run("replay", compared, QT_QPA_PLATFORM="nonesuch")
    assert said.status == 2
    assert said.err.splitlines() == [said.complaint]
    assert "Qt has no platform 'nonesuch' here; unset QT_QPA_PLATFORM" in said.complaint


def test_the_doctor_opens_a_window() -> None:
    assert "window: opens (offscreen)" in run("doctor", QT_QPA_PLATFORM="offscreen").out
    assert "window: no window can be opened: could not connect to display :987" in run("doctor", **ABSENT).out


def test_the_set_up_installs_what_the_doctor_names() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "packaging"))
    try:
        import system_libraries  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    assert (OFFSCREEN, X11) == (system_libraries.OFFSCREEN, system_libraries.X11)
