"""Plays a scan into a folder with faults: what a detector, a file server and people do to files."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.formats.decode import read_image
from tests.sources import frame_files

Write = Callable[["Player", int, Path, bytes], None]
TRANSIENT: dict[str, Write] = {}
FOR_EVER: dict[str, Write] = {}
LEFT_OPEN: dict[str, Write] = {}
BESIDE: dict[str, Write] = {}
UNPLAYED_PERIOD_S = 2.5
"""What headers say where frames come as fast as they can be written."""


@dataclass
class Player:
    """What is played: number → fault; ``pause_s`` between the steps of a fault. ``kind``: suffix of the frames.

    truth: images to play; left out, images of noise that differ for every seed and number. plain: so many
    frames at the beginning have no fault; then somebody is waited for. before_last: waits until
    every spoiled file is given up; then comes what is put off to the last. kinds: of faults that were played. period_s:
    from frame to frame. growing: files that grow by some bytes each time a frame is written, and what they grow by.
    written_s: when the good frames that have no fault were there. away: from when to when the folder was not.
    """

    folder: Path
    kind: str
    seed: int
    pause_s: float = 0.02
    played: dict[str, str] = field(default_factory=dict)
    later: list[Callable[[], None]] = field(default_factory=list)
    again: dict[str, int] = field(default_factory=dict)
    at_last: list[Callable[[], None]] = field(default_factory=list)
    before_last: Callable[[], None] = lambda: time.sleep(2.0)
    kinds: set[str] = field(default_factory=set)
    truth: Sequence[Path] = ()
    plain: int = 0
    wait_for_watcher: Callable[[], None] = lambda: None
    period_s: float = 0.0
    growing: list[tuple[Path, bytes]] = field(default_factory=list)
    written_s: dict[str, float] = field(default_factory=dict)
    away: list[tuple[float, float]] = field(default_factory=list)

    def name(self, number: int) -> str:
        return f"br_0001p_{number:05d}.{self.kind}"

    def other(self, number: int) -> int:
        """The number whose image is written over that of this one."""
        return (number + len(self.truth) // 2) % len(self.truth) + 1 if self.truth else number + 500_000

    def image(self, number: int) -> NDArray[np.int32]:
        if self.truth:
            return np.asarray(read_image(self.truth[number - 1]).counts)
        return frame_files.counts(1000 * self.seed + number)

    def content(self, number: int, shown: int | None = None) -> bytes:
        """The file of this number; shown: with the image of another one."""
        if self.truth and self.kind == "cbf":
            return self.truth[(shown or number) - 1].read_bytes()
        image = self.image(shown or number)
        if self.kind == "cbf":
            period_s = self.period_s or UNPLAYED_PERIOD_S
            stamp = frame_files.stamp(period_s * number)
            return frame_files.cbf(image, stamp=stamp, Exposure_period=f"{period_s}")
        return frame_files.tiff(image) if self.kind == "tif" else frame_files.edf(image)

    def pause(self) -> None:
        time.sleep(self.pause_s)

    def play(self, frames: int, faults: float) -> None:
        """Write the scan; each frame has a fault with this probability. All that is put off is done at the end."""
        choice = random.Random(self.seed)
        every = sorted({**TRANSIENT, **FOR_EVER, **LEFT_OPEN})
        drawn = [choice.choice(every) if choice.random() < faults else "none" for _ in range(frames)]
        self.play_these(["none"] * self.plain + drawn[self.plain :], faults)

    def play_these(self, faults: list[str], beside: float = 0.5) -> None:
        """Write one frame for each of these faults; what is no frame comes between with this probability."""
        choice = random.Random(self.seed)
        writers = {**TRANSIENT, **FOR_EVER, **LEFT_OPEN}
        for number, fault in enumerate(faults, 1):
            if number == self.plain + 1:
                self.wait_for_watcher()
            self.played[self.name(number)] = fault
            self.kinds.add(fault)
            path, content = self.folder / self.name(number), self.content(number)
            self.grow()
            time.sleep(self.period_s)
            writers.get(fault, write_plainly)(self, number, path, content)
            if fault == "none":
                self.written_s[path.name] = time.time()
            if choice.random() < 0.3 * beside:
                other = choice.choice(sorted(BESIDE))
                self.kinds.add(other)
                BESIDE[other](self, number, path, content)
            while self.later and choice.random() < 0.5:
                self.later.pop(choice.randrange(len(self.later)))()
        for action in self.later:
            action()
        if self.at_last:
            self.before_last()
        for action in self.at_last:
            action()

    def grow(self) -> None:
        """Let the files grow that do; the folder may be away."""
        for place, (path, rest) in enumerate(self.growing):
            with contextlib.suppress(OSError), path.open("ab") as file:
                file.write(rest[:50])
                self.growing[place] = path, rest[50:]


def write_plainly(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)


def transient(write: Write) -> Write:
    """A fault after which the frame is there."""
    TRANSIENT[write.__name__] = write
    return write


def for_ever(write: Write) -> Write:
    """A fault that leaves no frame."""
    FOR_EVER[write.__name__] = write
    return write


def left_open(write: Write) -> Write:
    """A fault after which it depends on the moment what there is to see; nothing invented in any case."""
    LEFT_OPEN[write.__name__] = write
    return write


def beside(write: Write) -> Write:
    """Something in the folder that is no frame."""
    BESIDE[write.__name__] = write
    return write


def in_background(player: Player, frames: int, faults: float) -> threading.Thread:
    """Start playing in a thread."""
    thread = threading.Thread(target=player.play, args=(frames, faults))
    thread.start()
    return thread
