"""Sub-folders and patterns: the same frames in the same order whether watched or read afterwards."""

import logging
import os
import threading
from pathlib import Path

import pytest

from latticewatch.processing.config.frame_selection import DEEPEST, FrameSelection
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.folder.candidate import Patience
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.sources.folder.watched import WatchedFolder
from latticewatch.processing.sources.live import LiveScan
from latticewatch.processing.sources.recorded_scan import open_scan
from tests.sources import frame_files

BELOW = FrameSelection(recursive=True, missing_wait_s=0.2)
QUICK = Patience(settle_s=0.1, give_up_s=0.3, longest_s=5.0)


def put(folder: Path, path: str, number: int) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    content = frame_files.cbf(frame_files.counts(number), stamp=frame_files.stamp(2.5 * number))
    (folder / path).write_bytes(content)


def tree(folder: Path) -> list[str]:
    """Frames in sub-folders, with what must not count among them; their names in order."""
    names = ["br_0000.cbf", "run_2/br_0001.cbf", "run_2/br_0002.cbf", "run_10/br_0001.cbf", "run_10/deep/br_1.cbf"]
    for number, name in enumerate(names, 1):
        put(folder, name, number)
    put(folder, ".snapshot/br_0009.cbf", 9)
    put(folder, "run_2/.br_0003.cbf.Xd93kf", 9)
    put(folder, "run_2/dark_0001.cbf", 9)
    (folder / "loop").symlink_to(".")
    (folder / "run_2" / "notes.txt").write_text("pumps on")
    return names


def watched(folder: Path, selection: FrameSelection, **options: float) -> tuple[list[Frame], WatchedFolder]:
    source = WatchedFolder(folder, selection=selection, patience=QUICK, until_idle_s=0.4, poll_s=0.01, **options)  # type: ignore[arg-type]
    return list(source.frames(threading.Event())), source


def recorded(folder: Path, selection: FrameSelection) -> list[Frame]:
    return list(RecordedFolder(folder, selection=selection).frames(threading.Event()))


def names_of(frames: list[Frame]) -> list[str]:
    return [frame.name for frame in frames]


def test_sub_folders_in_order_watched_and_recorded(tmp_path: Path) -> None:
    names = tree(tmp_path)
    found, source = watched(tmp_path, BELOW)
    assert names_of(found) == names == names_of(recorded(tmp_path, BELOW))
    assert all(isinstance(frame.content, Image) for frame in found)
    assert [frame.time_s for frame in found] == [0.0, 2.5, 5.0, 7.5, 10.0]
    assert source.progress().missing == 0
    assert (
        names_of(recorded(tmp_path, FrameSelection())) == names[:1] == names_of(watched(tmp_path, FrameSelection())[0])
    )


def test_a_sub_folder_that_comes_filled_while_the_scan_is_watched(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    put(folder, "run_1/br_0001.cbf", 1)
    put(tmp_path, "elsewhere/br_0001.cbf", 2)
    put(tmp_path, "elsewhere/br_0002.cbf", 3)
    found: list[Frame] = []
    source = WatchedFolder(folder, selection=BELOW, patience=QUICK, until_idle_s=1.0, poll_s=0.01)
    for frame in source.frames(threading.Event()):
        found.append(frame)
        if len(found) == 1:
            (tmp_path / "elsewhere").rename(folder / "run_2")
    assert names_of(found) == ["run_1/br_0001.cbf", "run_2/br_0001.cbf", "run_2/br_0002.cbf"]


def test_a_sub_folder_that_goes_and_comes_back_is_recorded_once(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    put(folder, "run_1/br_0001.cbf", 1)
    put(folder, "run_2/br_0001.cbf", 2)
    found: list[Frame] = []
    source = WatchedFolder(folder, selection=BELOW, patience=QUICK, until_idle_s=1.0, poll_s=0.01)
    for frame in source.frames(threading.Event()):
        found.append(frame)
        if len(found) == 2:
            (folder / "run_1").rename(tmp_path / "away")
            back = threading.Timer(0.3, lambda: (tmp_path / "away").rename(folder / "run_1"))
            back.start()
    back.join()
    assert names_of(found) == ["run_1/br_0001.cbf", "run_2/br_0001.cbf"]


def test_what_cannot_be_listed_below_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "a/br_1.cbf", 1)
    deep = "/".join(["d"] * (DEEPEST + 2))
    put(tmp_path, f"{deep}/br_2.cbf", 2)
    (tmp_path / "closed").mkdir(mode=0o000)
    found = names_of(recorded(tmp_path, BELOW))
    (tmp_path / "closed").chmod(0o755)
    assert found == ["a/br_1.cbf"]


def test_a_link_in_the_place_of_a_sub_folder_leads_nowhere(tmp_path: Path) -> None:
    put(tmp_path, "outside/br_0001.cbf", 1)
    put(tmp_path, "scan/run_1/br_0001.cbf", 2)
    (tmp_path / "scan" / "run_2").symlink_to(tmp_path / "outside")
    assert names_of(recorded(tmp_path / "scan", BELOW)) == ["run_1/br_0001.cbf"]
    assert names_of(watched(tmp_path / "scan", BELOW)[0]) == ["run_1/br_0001.cbf"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("br_*.cbf", ["br_0000.cbf", "run_2/br_0001.cbf", "run_2/br_0002.cbf", "run_10/br_0001.cbf"]),
        ("run_2/*", ["run_2/br_0001.cbf", "run_2/br_0002.cbf"]),
        ("*_000[12].cbf", ["run_2/br_0001.cbf", "run_2/br_0002.cbf", "run_10/br_0001.cbf"]),
    ],
)
def test_a_pattern_chooses(tmp_path: Path, include: str, expected: list[str], caplog: pytest.LogCaptureFixture) -> None:
    tree(tmp_path)
    (tmp_path / "run_10" / "deep" / "br_1.cbf").rename(tmp_path / "run_10" / "other_1.cbf")
    selection = BELOW.model_copy(update={"include": include})
    assert names_of(recorded(tmp_path, selection)) == expected
    with caplog.at_level(logging.INFO):
        found, source = watched(tmp_path, selection)
    assert names_of(found) == expected
    assert source.progress().ignored == 5 + 2 - len(expected)
    assert f"does not match {include}: left out" in caplog.text
    assert "not taken for frames, by their names: run_2/notes.txt" in caplog.text
    assert "dark_0001.cbf is taken for a mask, dark or flat" in caplog.text


def test_a_pattern_that_leaves_out_numbers_is_not_waited_for(tmp_path: Path) -> None:
    for number in range(1, 9):
        put(tmp_path, f"br_{number}.cbf", number)
    even = FrameSelection(include="br_[2468].cbf", missing_wait_s=60.0)
    found, source = watched(tmp_path, even)
    assert names_of(found) == [f"br_{number}.cbf" for number in (2, 4, 6, 8)]
    assert source.progress().missing == 0


def test_a_pattern_that_matches_nothing_is_said(tmp_path: Path) -> None:
    put(tmp_path, "br_0001.cbf", 1)
    with pytest.raises(UserError, match=r"none of its 1 frames matches the pattern cl_\*; the first is br_0001.cbf"):
        open_scan(tmp_path, selection=FrameSelection(include="cl_*"))
    put(tmp_path, "empty/below/br_0001.cbf", 1)
    with pytest.raises(UserError, match="--recursive looks into its sub-folders"):
        open_scan(tmp_path / "empty")
    source = LiveScan(tmp_path, selection=FrameSelection(include="cl_*"), until_idle_s=0.1, first_wait_s=0.2)
    assert list(source.frames(threading.Event())) == []


@pytest.mark.parametrize("include", ["*.txt", "*.h5", "/etc/*", "../*.cbf"])
def test_a_pattern_that_can_match_nothing_is_refused(include: str) -> None:
    with pytest.raises(ValueError, match=r"fix the pattern|out of the scan's folder"):
        FrameSelection(include=include)
    with pytest.raises(UserError, match="--include"):
        FrameSelection().given(None, include)


@pytest.mark.parametrize(
    "include", ["", "*", "br*", "*.cbf", "*.c?f", "*f", "*_001.cbf.gz", "run_[0-9]/br_*.tif", "*.CBF"]
)
def test_a_pattern_that_can_match_is_taken(include: str) -> None:
    assert FrameSelection(include=include).include == include


def test_the_command_line_wins_over_the_file() -> None:
    table = FrameSelection(recursive=True, include="a*")
    assert table.given(None, None) == table
    assert table.given(False, "b*") == FrameSelection(recursive=False, include="b*")
    assert table.given(None, "").include == ""


def test_a_pipe_in_a_sub_folder_blocks_nothing(tmp_path: Path) -> None:
    put(tmp_path, "run/br_0001.cbf", 1)
    os.mkfifo(tmp_path / "run" / "br_0002.cbf")
    found = recorded(tmp_path, BELOW)
    assert [type(frame.content) for frame in found] == [Image, NoResult]
