"""A small tree of scans."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from latticewatch.app.main import run
from latticewatch.processing.simulation.scan import write_scan

NAMES = ("day1/s1", "day1/s2", "day2/s3")
FRAMES = 12


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scans of twelve frames; treat as read-only."""
    root = tmp_path_factory.mktemp("tree")
    for seed, name in enumerate(NAMES):
        write_scan("iodide", root / name, frames=FRAMES, seed=seed, detector="pilatus300k")
    return root


@pytest.fixture
def tree(simulated: Path, tmp_path: Path) -> Path:
    """The same, to be changed at will."""
    return Path(shutil.copytree(simulated, tmp_path / "tree"))


@pytest.fixture(scope="session")
def whole(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The run files of the same scans, each processed by itself and undisturbed."""
    outs = {name: tmp_path_factory.mktemp("whole") / f"{name.replace('/', '_')}.h5" for name in NAMES}
    for name, out in outs.items():
        assert run(["process", str(simulated / name), "--out", str(out)]) == 0
    return outs


@contextmanager
def first_writer_killed(folder: Path) -> Iterator[list[int]]:
    """While it lasts, the first process that records a row in this folder is killed in the middle of it; its id."""
    done, hit = threading.Event(), list[int]()
    thread = threading.Thread(target=_hunt, args=(folder, done, hit))
    thread.start()
    try:
        yield hit
    finally:
        done.set()
        thread.join()


def _hunt(folder: Path, done: threading.Event, hit: list[int]) -> None:
    begun: dict[Path, int] = {}
    while not done.is_set():
        for journal in folder.rglob("*.journal"):
            with suppress(OSError, ValueError, IndexError):
                size = journal.stat().st_size
                if size > begun.setdefault(journal, size):
                    hit += _killed_at_work(journal)
            if hit:
                return
        time.sleep(0.001)


def _killed_at_work(journal: Path) -> list[int]:
    """Held first, so that it is certain that the run is not over."""
    pid = int(journal.with_name(journal.name.removesuffix("journal") + "lock").read_text().split()[0])
    os.kill(pid, signal.SIGSTOP)
    at_work = journal.exists()
    os.kill(pid, signal.SIGKILL if at_work else signal.SIGCONT)
    return [pid] if at_work else []
