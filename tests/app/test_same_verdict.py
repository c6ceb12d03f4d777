"""Live and in ``process``: the same verdict, to the frame, from frames that arrive in bursts and out of order."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.simulation.scan import write_scan
from tests.app.conftest import Said

Command = Callable[..., Said]


def arrive(scan: Path, folder: Path) -> None:
    """Frames as a busy detector writes them: under a hidden name first, in bursts, two of each burst swapped."""
    frames = sorted(scan.glob("*.cbf"))
    for first in range(0, len(frames), 4):
        burst = frames[first : first + 4]
        burst[1:3] = reversed(burst[1:3])
        for frame in burst:
            hidden = folder / f".{frame.name}"
            shutil.copy2(frame, hidden)
            hidden.rename(folder / frame.name)
        time.sleep(0.05)


def verdicts(run: Path) -> list[str]:
    """What was judged of each frame: state, since when, progress, forecast and reason."""
    with read_run(run) as read:
        return [f"{row.name} {row.verdict}" for row in read.traced]


@pytest.mark.parametrize(("recipe", "frames", "state"), [("iodide", 20, "paused"), ("iodide-bare", 34, "complete")])
def test_the_same_verdict_to_the_frame(
    latticewatch: Command, tmp_path: Path, recipe: str, frames: int, state: str
) -> None:
    scan, live = tmp_path / "scan", tmp_path / "live"
    write_scan(recipe, scan, frames=frames, seed=3, detector="pilatus300k")
    assert latticewatch("process", scan, "--out", tmp_path / "processed.h5").status == 0
    live.mkdir()
    for name in ("geometry.poni", "experiment.toml"):
        shutil.copy2(scan / name, live)
    writer = threading.Thread(target=arrive, args=(scan, live))
    writer.start()
    said = latticewatch("watch", live, "--headless", "--frames", frames, "--out", tmp_path / "watched.h5")
    writer.join()
    assert said.status == 0
    processed = verdicts(tmp_path / "processed.h5")
    assert len(processed) == frames
    assert any(f"'{state}'" in verdict for verdict in processed)
    assert verdicts(tmp_path / "watched.h5") == processed
