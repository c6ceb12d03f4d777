"""One file that never becomes whole does not hold up the frames after it; what comes of it later is not lost.

Time is the test's own: it passes where the watch waits, and nowhere else.
"""

import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.flow.frame import Image, NoResult
from latticewatch.processing.sources.folder import candidate as candidate_module
from latticewatch.processing.sources.folder import listing as listing_module
from latticewatch.processing.sources.folder import watched as watched_module
from latticewatch.processing.sources.folder.listing import FolderListing
from latticewatch.processing.sources.folder.watched import WatchedFolder
from tests.sources import frame_files

GROWING, STILL, CHANGING, OUT_OF_REACH = "growing", "still", "changing", "out of reach"


class Played(threading.Event):
    """The stop signal of a watch, in whose waits the time passes and a scan is written."""

    def __init__(self, folder: Path, period_s: float, kind: str = "cbf") -> None:
        super().__init__()
        self.folder, self.period_s, self.kind = folder, period_s, kind
        self.now_s = 1000.0
        self.written: dict[str, float] = {}
        self.bad: dict[int, str] = {}
        self.contents: dict[int, bytes] = {}
        self.actions: list[tuple[float, Callable[[], object]]] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pass_time(timeout or 0.01)
        return self.is_set()

    def pass_time(self, seconds: float) -> None:
        until_s = self.now_s + max(seconds, 1e-3)
        while self.actions and self.actions[0][0] <= until_s:
            at_s, action = self.actions.pop(0)
            self.now_s = max(self.now_s, at_s)
            action()
        self.now_s = until_s

    def at(self, time_s: float, action: Callable[[], object]) -> None:
        self.actions.append((1000.0 + time_s, action))
        self.actions.sort(key=lambda pair: pair[0])

    def path(self, number: int) -> Path:
        return self.folder / f"br_0001p_{number:05d}.{self.kind}"

    def content(self, number: int) -> bytes:
        if number not in self.contents:
            self.contents[number] = self.made(number)
        return self.contents[number]

    def made(self, number: int) -> bytes:
        image = frame_files.counts(number)
        if self.kind == "tif":
            return frame_files.tiff(image)
        period = {"Exposure_period": f"{self.period_s} s"}
        return frame_files.cbf(image, stamp=frame_files.stamp(self.period_s * number), **period)

    def put(self, number: int) -> None:
        self.path(number).write_bytes(self.content(number))
        self.written[self.path(number).name] = self.now_s

    def play(self, frames: int, bad: dict[int, str]) -> None:
        """Write the frames at their pace; those that are bad begin as the others do and never become whole."""
        self.bad = bad
        for number in range(frames):
            if number in bad:
                self.at(number * self.period_s, lambda number=number: self.spoil(number))  # type: ignore[misc]
            else:
                self.at(number * self.period_s, lambda number=number: self.put(number))  # type: ignore[misc]

    def spoil(self, number: int, size: int = 400) -> None:
        path, content = self.path(number), self.content(number)
        if self.bad.get(number) == CHANGING:  # whole, and each time with other pixels
            path.write_bytes(self.content(number + size))
        elif self.bad.get(number) is not None:
            path.write_bytes(content[:size])
        if self.bad.get(number) in (GROWING, CHANGING) and size < len(content) - 4200:
            self.at(self.now_s - 1000.0 + 0.21, lambda: self.spoil(number, size + 1))

    def finish(self, number: int) -> None:
        del self.bad[number]
        self.put(number)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Played]:
    def make(folder: Path, period_s: float, kind: str = "cbf") -> Played:
        made = Played(folder, period_s, kind)
        clock = SimpleNamespace(
            monotonic=lambda: made.now_s, time=lambda: made.now_s, thread_time=lambda: 0.0, strftime=lambda _: "now"
        )
        for module in (candidate_module, listing_module, watched_module):
            monkeypatch.setattr(module, "time", clock)
        return made

    return make


def watch(played: Played, **options: object) -> WatchedFolder:
    selection = FrameSelection(events=False, **options)  # type: ignore[arg-type]
    return WatchedFolder(played.folder, selection=selection, until_idle_s=20.0)


@pytest.mark.parametrize("kind", ["cbf", "tif"])
@pytest.mark.parametrize("how", [GROWING, STILL, CHANGING])
@pytest.mark.parametrize("period_s", [0.5, 2.5])
def test_no_good_frame_waits_long_for_a_bad_one(
    tmp_path: Path, played: Callable[..., Played], how: str, kind: str, period_s: float
) -> None:
    if (how, kind) == (CHANGING, "cbf"):
        pytest.skip("its checksum makes each version whole")
    play = played(tmp_path, period_s, kind)
    play.play(60, dict.fromkeys((12, 20, 21, 22, 40), how))
    source, latest, found = watch(play), {}, []
    for frame in source.frames(play):
        found.append(frame)
        if isinstance(frame.content, Image):
            latest[frame.name] = play.now_s - play.written[frame.name]
    gaps = [frame for frame in found if isinstance(frame.content, NoResult)]
    assert [int(frame.name[-9:-4]) for frame in gaps] == [12, 20, 21, 22, 40]
    assert len(latest) == 55
    settle_s = 2.0 if kind == "tif" else 0.0
    assert max(latest.values()) <= max(2.0, 2.0 * period_s) + settle_s + 0.3
    if how == GROWING:
        assert all(frame.content.reason.startswith("unreadable: not whole yet: still growing") for frame in gaps)


def test_a_file_that_grew_for_long_fills_its_gap_when_it_is_whole(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    play = played(tmp_path, 0.5)
    play.play(200, {12: GROWING})
    play.at(90.0, lambda: play.finish(12))
    found = list(watch(play).frames(play))
    of_it = [frame.content for frame in found if frame.name == play.path(12).name]
    assert [type(content) for content in of_it] == [NoResult, Image]
    assert len(found) == 201


def test_a_file_that_changed_for_long_fills_its_gap_when_it_stands_still(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    """It is whole from the moment on at which it was given up, and does not change again."""
    play = played(tmp_path, 0.5, "tif")
    play.play(60, {12: CHANGING})
    play.at(10.3, lambda: play.finish(12))
    first, last = [frame.content for frame in watch(play).frames(play) if frame.name == play.path(12).name]
    assert first == NoResult("unreadable: not whole yet: still changing")
    assert isinstance(last, Image)
    np.testing.assert_array_equal(np.asarray(last.counts), frame_files.counts(12))


def test_a_file_that_grows_for_ever_does_not_keep_the_watch_from_its_end(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    play = played(tmp_path, 0.5)
    play.play(20, {12: GROWING})
    found = list(watch(play).frames(play))
    assert len(found) == 20
    assert play.now_s < 1000.0 + 10.0 + 30.0
    assert play.bad


def test_a_file_that_is_not_whole_and_then_goes_holds_up_the_others_once(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    """Renamed into another scan, say: its time does not begin anew."""
    play = played(tmp_path, 2.5)
    play.play(30, {12: STILL})
    play.at(13 * 2.5 + 2.7, play.path(12).unlink)
    shown = {frame.name: play.now_s - play.written.get(frame.name, math.inf) for frame in watch(play).frames(play)}
    assert len(shown) == 30
    assert max(shown.values()) <= 3.0 * 2.5


def test_a_gap_is_filled_though_whoever_takes_the_frames_was_busy_for_longer_than_the_watch_may_be_idle(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    """The machine has other work, while the last spoiled file becomes whole."""
    play = played(tmp_path, 0.5)
    play.play(60, {12: GROWING})
    found = []
    for frame in watch(play, give_up_s=1.5).frames(play):
        found.append(frame)
        if len(found) == 60:
            play.finish(12)
            play.pass_time(25.0)
    assert [int(frame.name[-9:-4]) for frame in found] == [*range(60), 12]
    assert isinstance(found[-1].content, Image)


def test_a_watch_does_not_end_before_it_has_looked_once_more(
    tmp_path: Path, played: Callable[..., Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder is large the next listing may be further away than the watch may be idle."""
    play = played(tmp_path, 0.5)
    play.play(20, {})
    play.at(9.7, lambda: play.path(50).write_bytes(play.content(50)))
    monkeypatch.setattr(listing_module.time, "thread_time", lambda: play.now_s)  # each listing takes long

    def names(_: FolderListing) -> set[str]:
        play.pass_time(0.2)
        return {path.name for path in tmp_path.iterdir()}

    monkeypatch.setattr(FolderListing, "_names", names)
    source = WatchedFolder(tmp_path, selection=FrameSelection(events=False, missing_wait_s=0.05), until_idle_s=0.3)
    assert [int(frame.name[-9:-4]) for frame in source.frames(play)] == [*range(20), 50]


def test_the_last_file_has_its_time_where_nothing_waits(tmp_path: Path, played: Callable[..., Played]) -> None:
    """A slow one: nothing comes after it, and it is whole after eight seconds."""
    play = played(tmp_path, 0.5)
    play.play(20, {19: GROWING})
    play.at(19 * 0.5 + 8.0, lambda: play.finish(19))
    assert all(isinstance(frame.content, Image) for frame in watch(play).frames(play))


def test_a_missing_number_is_waited_for_no_longer(tmp_path: Path, played: Callable[..., Played]) -> None:
    play = played(tmp_path, 0.5)
    play.play(40, {12: "missing"})
    play.spoil = lambda *_: None  # type: ignore[method-assign, assignment]
    latest = {frame.name: play.now_s - play.written[frame.name] for frame in watch(play).frames(play)}
    assert len(latest) == 39
    assert max(latest.values()) <= 2.3


def test_a_missing_number_holds_up_no_frame_for_longer_because_another_came_out_of_order(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    play = played(tmp_path, 2.5)
    play.play(12, {})
    play.at(35.0, lambda: play.put(14))
    play.at(37.4, lambda: play.put(13))
    latest = {frame.name: play.now_s - play.written[frame.name] for frame in watch(play).frames(play)}
    assert len(latest) == 14
    assert max(latest.values()) <= 2.0 * 2.5 + 0.3


def test_what_the_user_says_of_waiting_holds(tmp_path: Path, played: Callable[..., Played]) -> None:
    play = played(tmp_path, 0.5)
    play.play(60, {12: GROWING})
    play.at(12 * 0.5 + 8.0, lambda: play.finish(12))
    found = list(watch(play, give_up_s=15.0).frames(play))
    assert [int(frame.name[-9:-4]) for frame in found] == list(range(60))
    assert all(isinstance(frame.content, Image) for frame in found)


def test_what_could_not_be_reached_fills_its_gap_though_the_file_is_as_it_was(
    tmp_path: Path, played: Callable[..., Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share answers with an error for half a minute."""
    play = played(tmp_path, 0.5)
    play.play(80, {})
    real = os.open

    def refused(path: object, *arguments: int, **options: int) -> int:
        if Path(str(path)).name == play.path(12).name and play.now_s < 1036.0:
            raise OSError(5, "Input/output error")
        return real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    found = list(watch(play).frames(play))
    of_it = [frame.content for frame in found if frame.name == play.path(12).name]
    assert [type(content) for content in of_it] == [NoResult, Image]
    assert isinstance(of_it[1], Image)
    np.testing.assert_array_equal(np.asarray(of_it[1].counts), frame_files.counts(12))


def test_a_folder_that_was_copied_holds_up_nothing(tmp_path: Path, played: Callable[..., Played]) -> None:
    """Every file in it is another one, with the content that was recorded."""
    play = played(tmp_path, 0.5)
    play.play(200, {})

    def renew() -> None:
        for path in tmp_path.iterdir():
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)

    source = watch(play)
    play.at(60.0, lambda: (renew(), source._ledger.check_all()))
    latest = {frame.name: play.now_s - play.written[frame.name] for frame in source.frames(play)}
    assert len(latest) == 200
    assert max(latest.values()) <= 1.0


def test_a_folder_named_like_a_frame_is_none_when_the_scan_folder_comes_back_before_it(
    tmp_path: Path, played: Callable[..., Played]
) -> None:
    """The scan folder is copied back: the file that was waited for is there first, the folder among the frames last."""
    folder, elsewhere = tmp_path / "scan", tmp_path / "elsewhere"
    folder.mkdir()
    play = played(folder, 0.5)
    play.play(3, {2: STILL})
    play.at(1.0, (folder / "folder_6.cbf").mkdir)
    play.at(1.6, lambda: folder.rename(elsewhere))
    play.at(3.0, lambda: ((elsewhere / "folder_6.cbf").rmdir(), elsewhere.rename(folder)))
    play.at(14.5, (folder / "folder_6.cbf").mkdir)
    frames = watch(play, settle_s=0.5, give_up_s=1.5).frames(play)
    assert [frame.name for frame in frames] == [play.path(number).name for number in (0, 1, 2)]


@pytest.mark.parametrize(("count", "longest_s"), [(5, 2.3), (1500, 5.0)])
def test_files_that_go_while_they_wait_hold_up_nothing(
    tmp_path: Path, played: Callable[..., Played], count: int, longest_s: float
) -> None:
    """They wait behind one that is not whole; each of them is a gap, and the time of all runs side by side."""
    play = played(tmp_path, 0.5)
    gone = range(1, count + 1)
    play.play(1, {0: STILL})

    def put_all() -> None:
        for number in gone:
            play.path(number).write_bytes(b"soon gone")

    play.at(0.2, put_all)
    play.at(0.4, lambda: [play.path(number).unlink() for number in gone])
    for place in range(20):
        play.at(1.0 + 0.5 * place, lambda number=count + 1 + place: play.put(number))  # type: ignore[misc]
    found, latest = [], {}
    for frame in watch(play).frames(play):
        found.append(frame)
        if isinstance(frame.content, Image):
            latest[frame.name] = play.now_s - play.written[frame.name]
    assert [int(frame.name[-9:-4]) for frame in found] == list(range(count + 21))
    assert len(latest) == 20
    assert max(latest.values()) <= longest_s


@pytest.mark.parametrize("others", [0, 50])
def test_a_folder_is_no_frame_until_a_file_of_its_name_is_there(
    tmp_path: Path, played: Callable[..., Played], others: int
) -> None:
    play = played(tmp_path, 0.5)
    play.path(others).mkdir()
    for number in range(others):
        play.put(number)
    play.at(5.0, lambda: (play.path(others).rmdir(), play.put(others)))
    found = list(watch(play).frames(play))
    assert [frame.name for frame in found] == [play.path(number).name for number in range(others + 1)]
    assert all(isinstance(frame.content, Image) for frame in found)
