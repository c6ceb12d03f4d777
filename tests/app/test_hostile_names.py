"""Names with markup, newlines and terminal codes in what the commands print, log and write."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from latticewatch.app.log import log_path

HOSTILE = "<b>[red]\x1b[31m\nsecond line\u202e=1+1"


@pytest.fixture
def hostile(scan: Path, tmp_path: Path) -> Path:
    """A scan whose folder, files and title have such names."""
    folder = tmp_path / HOSTILE
    folder.mkdir()
    for path in scan.iterdir():
        shutil.copy(path, folder / path.name.replace("iodide", f"=1+1{HOSTILE}"))
    toml = folder / "experiment.toml"
    title = "<b>[red] =1+1"
    toml.write_text(toml.read_text().replace('title = "Br/shell2 + I/shell1"', f'title = "{title}"'))
    return folder


def is_clean(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n")) and not any(
        line.startswith("second line") for line in text.splitlines()
    )


def test_what_is_printed_logged_and_written(latticewatch, hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / f"{HOSTILE}.h5"
    for arguments in (
        ("process", hostile, "--out", out),
        ("process", hostile, "--json", "--out", tmp_path / "again.h5"),
        ("export", out, "--trace", tmp_path / "trace.csv"),
        ("replay", out, "--speed", "max", "--headless"),
    ):
        said = latticewatch(*arguments)
        assert said.status == 0, said.err
        assert is_clean(said.out), ascii(said.out)
        assert is_clean(said.err), ascii(said.err)
    cells = (tmp_path / "trace.csv").read_text(encoding="utf-8")
    assert is_clean(cells)
    assert not any(cell.startswith(("=", "+", "@")) for line in cells.splitlines() for cell in line.split(","))


def test_the_log_file_has_a_line_for_each_message(hostile: Path, tmp_path: Path) -> None:
    state = tmp_path / "state of its own"
    command = [sys.executable, "-m", "latticewatch.app", "process", str(hostile), "--out", str(tmp_path / "x.h5")]
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=tmp_path)
    (log,) = state.rglob(log_path().name)
    assert "second line" in log.read_text(encoding="utf-8")
    assert is_clean(log.read_text(encoding="utf-8"))


def test_the_progress_bar_takes_no_markup(hostile: Path, tmp_path: Path) -> None:
    """On a terminal a name in brackets would be taken for a colour."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "latticewatch.app", "process", str(hostile), "--out", str(tmp_path / "x.h5")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        shown += piece
        if not piece:
            break
    os.close(ours)
    assert process.wait() == 0, shown
    assert b"<b>[red]" in shown
    assert b"\x1b[31m\nsecond" not in shown
