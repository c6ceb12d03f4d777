"""A folder is watched while a scan is played into it with every fault at once: nothing lost, nothing invented."""

import collections
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.folder.candidate import Patience
from latticewatch.processing.sources.folder.watched import WatchedFolder
from tests.faults import mischief
from tests.faults.player import BESIDE, FOR_EVER, LEFT_OPEN, TRANSIENT, Player, in_background

IMPATIENT = Patience(settle_s=0.5, give_up_s=1.5, longest_s=20.0)
LONG = bool(os.environ.get("LATTICEWATCH_LONG"))
SEEDS, FRAMES = (range(20), 700) if LONG else (range(1), 60)


def watched(player: Player) -> WatchedFolder:
    soon = FrameSelection(missing_wait_s=0.5)
    return WatchedFolder(player.folder, selection=soon, until_idle_s=2.0, poll_s=0.02, patience=IMPATIENT)


def watch_played(player: Player, frames: int, faults: float) -> tuple[list[Frame], WatchedFolder]:
    source = watched(player)
    playing = in_background(player, frames, faults)
    found = list(source.frames(threading.Event()))
    playing.join()
    return found, source


def test_there_are_faults_of_every_kind() -> None:
    assert len({**TRANSIENT, **FOR_EVER, **LEFT_OPEN, **BESIDE}) >= 40
    assert mischief.__doc__


def check(player: Player, found: list[Frame]) -> None:
    """Every frame that was played is there once, with its own pixels; every one that was spoiled is a gap."""
    by_name = collections.defaultdict(list)
    for frame in found:
        by_name[frame.name].append(frame.content)
    for name, fault in player.played.items():
        contents = by_name.pop(name, [])
        images = [content.counts for content in contents if isinstance(content, Image)]
        gaps = [content.reason for content in contents if isinstance(content, NoResult)]
        assert len(gaps) <= 1, (name, fault, gaps)
        if fault in FOR_EVER:
            assert (len(gaps), len(images)) == (1, 0), (name, fault, contents)
        elif fault in LEFT_OPEN:
            assert len(images) <= 1 + (name in player.again), (name, fault)
        else:
            assert len(images) == 1, (name, fault, contents)
        _check_pixels(player, name, images)
    for name in by_name:
        assert name.startswith("br_0002p_"), name
        _check_pixels(
            player, name.replace("br_0002p_", "br_0001p_"), [c.counts for c in by_name[name] if isinstance(c, Image)]
        )


def _check_pixels(player: Player, name: str, images: list[np.ndarray]) -> None:
    number = int(name.split("_")[-1].split(".")[0])
    again = player.image(player.again[name]) if name in player.again else None
    expected = [player.image(number)] + ([] if again is None else [again])
    for image in images:
        assert any(np.array_equal(image, one) for one in expected), f"{name}: pixels that nobody wrote"
    if again is not None:
        assert any(np.array_equal(image, again) for image in images), f"{name}: new content kept in silence"


@pytest.mark.parametrize("kind", ["cbf", "tif", "edf"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_invented(tmp_path: Path, kind: str, seed: int) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    player = Player(folder, kind, seed)
    found, source = watch_played(player, FRAMES, faults=0.5)
    check(player, found)
    assert [frame.index for frame in found] == list(range(len(found)))
    progress = source.progress()
    assert (progress.found, progress.waiting) == (len(found), 0)


@pytest.mark.parametrize("kind", ["cbf", "tif"])
def test_every_fault_once(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    player = Player(folder, kind, seed=99)
    writers = {**TRANSIENT, **FOR_EVER, **LEFT_OPEN}
    faults = [fault for name in sorted(writers) for fault in ("none", name, "none")]
    source = watched(player)
    playing = threading.Thread(target=player.play_these, args=(faults,))
    playing.start()
    found = list(source.frames(threading.Event()))
    playing.join()
    check(player, found)
