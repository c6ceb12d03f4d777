"""What network file systems do: stale caches, errors that pass, clocks that step; and events, which are only a hint."""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.api import BaseObserver

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.formats.image_file import NotWhole
from latticewatch.processing.sources.folder import candidate as candidate_module
from latticewatch.processing.sources.folder import event_hint as hint_module
from latticewatch.processing.sources.folder.candidate import Patience
from latticewatch.processing.sources.folder.event_hint import Hint
from latticewatch.processing.sources.folder.listing import FolderListing
from latticewatch.processing.sources.folder.watched import WatchedFolder
from tests.sources import frame_files

QUICK = Patience(settle_s=0.1, give_up_s=0.4, longest_s=5.0)


def put(folder: Path, number: int, name: str = "br_{:05d}.cbf") -> Path:
    path = folder / name.format(number)
    path.write_bytes(frame_files.cbf(frame_files.counts(number), stamp=frame_files.stamp(2.5 * number)))
    return path


def watch(folder: Path, *, until_idle_s: float | None = 0.8, events: bool = False, **options: Any) -> WatchedFolder:
    selection = FrameSelection(missing_wait_s=0.2, events=events)
    settings = {"poll_s": 0.01, "first_wait_s": 10.0, **options}
    return WatchedFolder(folder, selection=selection, patience=QUICK, until_idle_s=until_idle_s, **settings)


def run(source: WatchedFolder, after: dict[int, Callable[[], object]] | None = None) -> list[Frame]:
    found: list[Frame] = []
    for frame in source.frames(threading.Event()):
        found.append(frame)
        (after or {}).get(len(found), lambda: None)()
    return found


def numbers(found: list[Frame]) -> list[int]:
    return [int(frame.name.split("_")[-1].removesuffix(".cbf")) for frame in found]


def for_a_while(seconds: float) -> Callable[[], bool]:
    """Whether so much time has not passed since the first time it was asked."""
    begun: list[float] = []

    def still() -> bool:
        begun.append(time.monotonic())
        return begun[-1] - begun[0] < seconds

    return still


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EACCES, errno.ENOENT, errno.ETIMEDOUT])
def test_a_share_that_cannot_be_listed_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    for each in (1, 2):
        put(tmp_path, each)
    real, still = FolderListing._names, for_a_while(0.6)

    def names(listing: FolderListing) -> set[str]:
        if listing.listings and still():
            raise OSError(number, os.strerror(number))
        return real(listing)

    monkeypatch.setattr(FolderListing, "_names", names)
    found = run(watch(tmp_path, until_idle_s=2.0), {2: lambda: [put(tmp_path, each) for each in (3, 4)]})
    assert numbers(found) == [1, 2, 3, 4]
    assert caplog.text.count("folder gone since") == caplog.text.count("folder is back") == 1


def test_names_that_come_in_clumps_from_a_stale_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = FolderListing._names
    cached: list[tuple[float, set[str]]] = [(-1.0, set())]

    def names(listing: FolderListing) -> set[str]:
        if time.monotonic() - cached[-1][0] > 0.4:
            cached.append((time.monotonic(), real(listing)))
        return cached[-1][1]

    monkeypatch.setattr(FolderListing, "_names", names)
    monkeypatch.setattr(FolderListing, "_next_in_series", lambda _: [])
    put(tmp_path, 1)
    playing = threading.Thread(target=lambda: [(time.sleep(0.05), put(tmp_path, each)) for each in range(2, 30)])
    playing.start()
    found = run(watch(tmp_path))
    playing.join()
    assert numbers(found) == list(range(1, 30))
    assert len(cached) > 3


def test_a_size_that_is_stale_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, still = candidate_module.read_file, for_a_while(0.3)

    def read(path: Path) -> Any:
        data, state = real(path)
        return (data[: len(data) // 2], state) if still() else (data, state)

    monkeypatch.setattr(candidate_module, "read_file", read)
    put(tmp_path, 1)
    (frame,) = run(watch(tmp_path))
    assert isinstance(frame.content, Image)


@pytest.mark.parametrize(("seconds", "expected"), [(0.2, [Image]), (0.8, [NoResult, Image])])
def test_reads_that_fail_and_work_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: list[type]
) -> None:
    real, still = candidate_module.read_file, for_a_while(seconds)

    def read(path: Path) -> Any:
        if still():
            raise NotWhole("cannot be read (input/output error)")
        return real(path)

    monkeypatch.setattr(candidate_module, "read_file", read)
    path = put(tmp_path, 1)
    touching = threading.Timer(1.2, lambda: path.write_bytes(path.read_bytes()))
    touching.start()
    found = run(watch(tmp_path, until_idle_s=2.0))
    touching.join()
    assert [type(frame.content) for frame in found] == expected
    assert {frame.name for frame in found} == {"br_00001.cbf"}


@pytest.mark.parametrize("step_s", [-7200.0, 7200.0, 4e9])
def test_the_clock_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    for each in (1, 2):
        put(tmp_path, each)
    real, step = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + step[0])

    def later() -> None:
        step[0] = step_s
        for each in (3, 4, 6):
            put(tmp_path, each)
            os.utime(tmp_path / f"br_{each:05d}.cbf", (real() + step_s, real() + step_s))

    found = run(watch(tmp_path), {2: later})
    assert numbers(found) == [1, 2, 3, 4, 6]
    assert [frame.time_s for frame in found] == [0.0, 2.5, 5.0, 7.5, 12.5]


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["a_9998.cbf", "a_9999.cbf", "a_10000.cbf", "a_10001.cbf"], 0),
        (["a_0001p_99998.cbf", "a_0001p_99999.cbf", "a_0002p_00000.cbf", "a_0002p_00001.cbf"], 0),
        (["a_0001p_00007.cbf", "a_0001p_00008.cbf", "a_0002p_00001.cbf", "a_0002p_00004.cbf"], 2),
        (["a_1.cbf", "a_2.cbf", "a_9.cbf", "a_10.cbf"], 6),
    ],
)
def test_an_index_that_rolls_over_or_widens(tmp_path: Path, names: list[str], missing: int) -> None:
    for number in (3, 2, 0, 1):
        put(tmp_path, number, names[number])
    source = watch(tmp_path)
    assert [frame.name for frame in run(source)] == names
    assert source.progress().missing == missing


def test_a_late_number_is_missing_no_longer(tmp_path: Path) -> None:
    for each in (1, 2, 7):
        put(tmp_path, each)
    source = watch(tmp_path)
    assert numbers(run(source, {3: lambda: [put(tmp_path, each) for each in (4, 5)]})) == [1, 2, 7, 4, 5]
    assert source.progress().missing == 2


def test_an_event_wakes_a_watch_that_would_sleep_for_an_hour(tmp_path: Path) -> None:
    put(tmp_path, 1)
    found: list[Frame] = []
    stop = threading.Event()

    def follow() -> None:
        for frame in watch(tmp_path, until_idle_s=None, events=True, poll_s=3600.0).frames(stop):
            found.append(frame)
            if len(found) < 4:
                hidden = put(tmp_path, len(found) + 1, ".br_{:05d}.cbf.part")
                hidden.rename(tmp_path / f"br_{len(found) + 1:05d}.cbf")
        stop.set()

    thread = threading.Thread(target=follow)
    thread.start()
    deadline_s = time.monotonic() + 30.0
    while len(found) < 4 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert numbers(found) == [1, 2, 3, 4]


def no_watches_left(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "inotify watch limit reached")


def dies(observer: BaseObserver, *_: object, **__: object) -> None:
    """Watches nothing, as an observer whose queue ran over or whose thread ended."""
    del observer


@pytest.mark.parametrize("failing", [no_watches_left, dies])
def test_without_events_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failing: Callable[..., None]
) -> None:
    monkeypatch.setattr(hint_module.Observer, "schedule", failing)
    put(tmp_path, 1)
    with caplog.at_level(logging.INFO):
        found = run(watch(tmp_path, events=True), {1: lambda: [put(tmp_path, each) for each in (2, 3)]})
    assert numbers(found) == [1, 2, 3]
    assert ("no file-system events" in caplog.text) == (failing is no_watches_left)


def test_a_storm_of_events_piles_up_nowhere(tmp_path: Path) -> None:
    hint = Hint(tmp_path)
    hint.start()
    try:
        for number in range(5000):
            (tmp_path / f"x{number}").touch()
        assert hint.wait(10.0, threading.Event())
        observer = hint._observer
        assert observer is not None
        deadline_s = time.monotonic() + 30.0
        while observer.event_queue.qsize() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert observer.event_queue.qsize() == 0
    finally:
        hint.stop()
    assert hint.wait(0.05, threading.Event()) in (True, False)
    assert not hint.wait(0.05, threading.Event())


def test_a_folder_made_anew_is_watched_anew(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    put(folder, 1)

    def renew() -> None:
        folder.rename(tmp_path / "away")
        back = threading.Timer(0.3, lambda: [folder.mkdir(), put(folder, 2)])
        back.start()

    source = watch(folder, until_idle_s=2.0, events=True)
    assert numbers(run(source, {1: renew, 2: lambda: put(folder, 3)})) == [1, 2, 3]
    assert source._hint is not None
    assert source._hint._observer is None
