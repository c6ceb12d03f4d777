"""A recording whose place takes no more continues in the fallback folder, with everything so far, or stops loudly."""

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latticewatch.processing.flow.series import Filled, Row
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.record.run_file.writer import RecordingStopped, RunWriter
from tests.app.conftest import scan as scan
from tests.record import runs
from tests.record.equality import assert_same_rows

Trouble = Callable[[Path, pytest.MonkeyPatch], None]


def full(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Whatever lies in this folder cannot be written to any more."""
    _refusing(folder, patch, errno.ENOSPC)


def read_only(folder: Path, patch: pytest.MonkeyPatch) -> None:
    _refusing(folder, patch, errno.EROFS)


def stale(folder: Path, patch: pytest.MonkeyPatch) -> None:
    _refusing(folder, patch, errno.ESTALE)


def _refusing(folder: Path, patch: pytest.MonkeyPatch, number: int) -> None:
    real = os.pwrite

    def pwrite(handle: int, content: bytes, offset: int) -> int:
        if Path(f"/proc/self/fd/{handle}").readlink().is_relative_to(folder):
            raise OSError(number, os.strerror(number))
        return real(handle, content, offset)

    patch.setattr(os, "pwrite", pwrite)


def removed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    del patch
    shutil.rmtree(folder)


def renamed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    del patch
    folder.rename(folder.with_name("renamed"))


def rows(start: int, stop: int) -> list[Row]:
    return [runs.row(number, runs.two_theta()) for number in range(start, stop)]


def writer_in(folder: Path, fallback: Path | None) -> RunWriter:
    folder.mkdir()
    writer = RunWriter(folder / "run.h5", runs.header(), runs.two_theta())
    if fallback:
        writer.use_fallback(Fallback(fallback, runs.header(), runs.two_theta()))
    return writer


def seen(writer: RunWriter) -> None:
    """Let the place be looked at with the next row, as it is a fifth of a second later."""
    writer._space_at = float("-inf")


def checked(path: Path, expected: list[Row], notes: list[str]) -> None:
    with read_run(path) as run:
        assert_same_rows(run.rows, expected)
        assert [note.text for note in run.notes] == notes
        assert run.hot.tolist() == [[3, 4]]
        assert run.notices == ()


@pytest.mark.parametrize("trouble", [full, read_only, stale, removed, renamed])
def test_it_continues_in_the_fallback_folder_with_all_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Trouble
) -> None:
    fallback = tmp_path / "fallback"
    writer = writer_in(tmp_path / "place", fallback)
    recorded = writer.append_many(rows(0, 150))
    writer.append_note(5.0, "before")
    writer.set_defects(runs_pixels(3, 4), runs_pixels())
    recorded[3] = writer.append(_filling(recorded[3]))
    trouble(tmp_path / "place", monkeypatch)
    seen(writer)
    recorded += writer.append_many(rows(150, 160))
    recorded[7] = writer.append(_filling(recorded[7]))
    writer.append_note(6.0, "after")
    writer.close()
    assert writer.path == fallback / "run.h5"
    checked(fallback / "run.h5", recorded, ["before", "after"])
    assert f"RECORDING CONTINUES IN {fallback / 'run.h5'}" in caplog.text
    assert [record.levelno for record in caplog.records if "CONTINUES" in record.message] == [logging.ERROR]
    assert sorted(each.name for each in fallback.iterdir()) == ["run.h5"]


def runs_pixels(*pixel: int) -> "runs.NDArray":  # type: ignore[type-arg]
    import numpy as np

    return np.array(pixel, np.int64).reshape(-1, 2)


def _filling(gap: Row) -> Row:
    from dataclasses import replace

    whole = runs.row(gap.index + 1 if gap.index % 10 == 3 else 10, runs.two_theta())
    return replace(
        gap, pattern=whole.pattern, fit=runs.row(0, runs.two_theta()).fit, filled=Filled("unreadable: cut", gap.time_s)
    )


@pytest.mark.parametrize("trouble", [full, read_only, removed])
def test_what_was_recorded_before_the_trouble_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    writer = writer_in(tmp_path / "place", tmp_path / "fallback")
    recorded = writer.append_many(rows(0, 20))
    with monkeypatch.context() as patch:
        trouble(tmp_path / "place", patch)
        seen(writer)
        writer.append_many(rows(20, 25))
        writer.close()
    if trouble is not removed:
        with read_run(tmp_path / "place" / "run.h5") as run:
            assert_same_rows(run.rows, recorded)


@pytest.mark.parametrize("at", ["note", "flush", "close", "account", "defects"])
def test_trouble_is_met_wherever_it_shows_first(tmp_path: Path, at: str) -> None:
    writer = writer_in(tmp_path / "place", tmp_path / "fallback")
    recorded = writer.append_many(rows(0, 20))
    shutil.rmtree(tmp_path / "place")
    seen(writer)
    if at == "flush":
        writer.flush()
    if at == "note":
        writer.append_note(1.0, "hello")
    if at == "account":
        writer.set_account(3, 0)
    if at == "defects":
        writer.set_defects(runs_pixels(3, 4), runs_pixels())
    writer.close()
    with read_run(tmp_path / "fallback" / "run.h5") as run:
        assert_same_rows(run.rows, recorded)


def test_a_resumed_run_takes_its_first_half_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "place"
    place.mkdir()
    recorded = runs.write_run(place / "run.h5", 40)
    writer = RunWriter.resume(place / "run.h5")
    with read_run(place / "run.h5") as run:
        writer.use_fallback(Fallback(tmp_path / "fallback", run.header, run.two_theta, before=run.rows))
        recorded += writer.append_many(rows(40, 45))
        full(place, monkeypatch)
        recorded += writer.append_many(rows(45, 50))
        recorded[3] = writer.append(_filling(recorded[3]))
        writer.close()
    with read_run(tmp_path / "fallback" / "run.h5") as found:
        assert_same_rows(found.rows, recorded)


def test_where_the_fallback_folder_takes_nothing_either_it_stops_and_says_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fallback").write_text("a file, not a folder")
    writer = writer_in(tmp_path / "place", tmp_path / "fallback")
    recorded = writer.append_many(rows(0, 5))
    with monkeypatch.context() as patch:
        full(tmp_path / "place", patch)
        with pytest.raises(RecordingStopped, match=r"^[^\n]*No space left[^\n]*nor can it continue in [^\n]*$"):
            writer.append_many(rows(5, 6))
    writer.close()
    with read_run(tmp_path / "place" / "run.h5") as run:
        assert_same_rows(run.rows, recorded)


def test_without_a_fallback_a_folder_that_is_gone_stops_the_recording(tmp_path: Path) -> None:
    writer = writer_in(tmp_path / "place", None)
    writer.append_many(rows(0, 5))
    shutil.rmtree(tmp_path / "place")
    seen(writer)
    with pytest.raises(RecordingStopped, match="its folder is gone"):
        writer.append_many(rows(5, 6))
    with pytest.raises(RecordingStopped):
        writer.close()


def test_a_taken_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "fallback").mkdir()
    (tmp_path / "fallback" / "run.h5").write_text("somebody's")
    writer = writer_in(tmp_path / "place", tmp_path / "fallback")
    recorded = writer.append_many(rows(0, 5))
    shutil.rmtree(tmp_path / "place")
    writer.close()
    assert (tmp_path / "fallback" / "run.h5").read_text() == "somebody's"
    with read_run(tmp_path / "fallback" / "run_2.h5") as run:
        assert_same_rows(run.rows, recorded)


def test_the_command_says_where_it_continues_and_ends_well(scan: Path, tmp_path: Path) -> None:
    """The run file's folder is removed while the command watches."""
    live, place, fallback = tmp_path / "live", tmp_path / "place", tmp_path / "fallback"
    live.mkdir()
    place.mkdir()
    for name in ("geometry.poni", "experiment.toml"):
        shutil.copy(scan / name, live)
    words = [sys.executable, "-m", "latticewatch.app", "watch", str(live), "--headless", "--frames", "12", "--json"]
    words += ["--out", str(place / "run.h5"), "--fallback", str(fallback)]
    frames = sorted(scan.glob("*.cbf"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for frame in frames[:6]:
            shutil.copy(frame, live)
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline())["frame"] for _ in range(6)]
        shutil.rmtree(place)
        playing = threading.Thread(target=_play, args=(frames[6:], live))
        playing.start()
        out, err = process.communicate(timeout=120)
        playing.join()
    told += [json.loads(line)["frame"] for line in out.splitlines()]
    assert process.returncode == 0, err
    assert told == list(range(12))
    assert f"RECORDING CONTINUES IN {fallback / 'run.h5'}, which holds every row so far" in err
    with read_run(fallback / "run.h5") as run:
        assert _frames(run) == list(range(12))


def _play(frames: list[Path], folder: Path) -> None:
    for frame in frames:
        time.sleep(0.3)
        shutil.copy(frame, folder)


def _frames(run: Run) -> list[int]:
    return [row.index for row in run.traced]
