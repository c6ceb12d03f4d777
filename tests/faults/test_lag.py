"""How long a good frame is not shown while others beside it are spoiled, late or never whole.

Time is the test's own, so that a machine that is busy with something else delays nothing: what is measured is how long
the watch makes a frame wait. What integration and fit take beyond that is in the benchmarks.
"""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.sources.folder import candidate as candidate_module
from latticewatch.processing.sources.folder import listing as listing_module
from latticewatch.processing.sources.folder import watched as watched_module
from latticewatch.processing.sources.folder.watched import WatchedFolder
from tests.faults import mischief
from tests.faults import player as player_module
from tests.faults.bench import KINDS, PERIODS, PLAIN, away_s
from tests.faults.own_time import OwnStop, OwnTime, stamp_files
from tests.faults.player import Player
from tests.faults.test_watched_with_faults import check

LONG = bool(os.environ.get("LATTICEWATCH_LONG"))
SEEDS, FRAMES = (range(20), 700) if LONG else ((0, 3, 4), 150)
PERIODS_S = (1.0, 2.5)
SETTLE_S, GIVEN_UP_S, IDLE_S = 0.5, 70.0, 100.0


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> OwnTime:
    made = OwnTime()
    clock = SimpleNamespace(
        monotonic=lambda: made.now_s, time=lambda: made.now_s, thread_time=lambda: 0.0, strftime=lambda _: "now"
    )
    for module in (candidate_module, listing_module, watched_module):
        monkeypatch.setattr(module, "time", clock)
    return made


def played(own: OwnTime, player: Player, frames: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Frame, float]]:
    """The frames of a scan that is played meanwhile, each with the time at which it was there."""

    def sleep(seconds: float) -> None:
        stamp_files(player.folder, own.now_s)
        own.sleep(seconds)

    clock = SimpleNamespace(sleep=sleep, time=lambda: own.now_s, monotonic=lambda: own.now_s)
    for module in (player_module, mischief):
        monkeypatch.setattr(module, "time", clock)
    player.before_last = lambda: sleep(GIVEN_UP_S)

    def play() -> None:
        own.begin()
        try:
            player.play(frames, faults=0.5)
            stamp_files(player.folder, own.now_s)
        finally:
            own.leave()

    own.join()
    playing = threading.Thread(target=play)
    playing.start()
    own.wait_for(2)
    source = WatchedFolder(
        player.folder, selection=FrameSelection(events=False, settle_s=SETTLE_S), until_idle_s=IDLE_S
    )
    try:
        for frame in source.frames(OwnStop(own)):
            yield frame, own.now_s
    finally:
        own.leave()
        playing.join()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_newest_good_frame_is_there_within_three_periods(
    tmp_path: Path, own: OwnTime, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    kind, period_s = KINDS[seed % len(KINDS)], PERIODS_S[seed % len(PERIODS_S)]
    folder = tmp_path / "scan"
    folder.mkdir()
    player = Player(folder, kind, seed, plain=PLAIN, period_s=period_s)
    found, shown_s = [], {}
    for frame, at_s in played(own, player, FRAMES, monkeypatch):
        found.append(frame)
        if isinstance(frame.content, Image):
            shown_s.setdefault(frame.name, at_s)
    check(player, found)
    lags = {
        name: (shown_s[name] - written_s - away_s(player, written_s, shown_s[name])) / period_s
        for name, written_s in player.written_s.items()
    }
    assert len(lags) > FRAMES / 3
    sys.stdout.write(f"seed {seed}, {kind}, {period_s} s: after {max(lags.values()):.2f} periods\n")
    assert {name: lag for name, lag in lags.items() if lag > PERIODS} == {}
