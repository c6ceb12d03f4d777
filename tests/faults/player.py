"""Plays a scan into a folder with faults: what a detector, a file server and people do to files."""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.sources import frame_files

Write = Callable[["Player", int, Path, bytes], None]
TRANSIENT: dict[str, Write] = {}
FOR_EVER: dict[str, Write] = {}
LEFT_OPEN: dict[str, Write] = {}
BESIDE: dict[str, Write] = {}


@dataclass
class Player:
    """What is played: number → fault; ``pause_s`` between the steps of a fault. ``kind``: suffix of the frames."""

    folder: Path
    kind: str
    seed: int
    pause_s: float = 0.02
    played: dict[str, str] = field(default_factory=dict)
    later: list[Callable[[], None]] = field(default_factory=list)
    again: dict[str, NDArray[np.int32]] = field(default_factory=dict)

    def name(self, number: int) -> str:
        return f"br_0001p_{number:05d}.{self.kind}"

    def image(self, number: int) -> NDArray[np.int32]:
        return frame_files.counts(1000 * self.seed + number)

    def content(self, number: int, image: NDArray[np.int32] | None = None) -> bytes:
        image = self.image(number) if image is None else image
        if self.kind == "cbf":
            return frame_files.cbf(image, stamp=frame_files.stamp(2.5 * number), Exposure_period="2.5")
        return frame_files.tiff(image) if self.kind == "tif" else frame_files.edf(image)

    def pause(self) -> None:
        time.sleep(self.pause_s)

    def play(self, frames: int, faults: float) -> None:
        """Write the scan; each frame has a fault with this probability. All that is put off is done at the end."""
        choice = random.Random(self.seed)
        every = sorted({**TRANSIENT, **FOR_EVER, **LEFT_OPEN})
        self.play_these([choice.choice(every) if choice.random() < faults else "none" for _ in range(frames)], faults)

    def play_these(self, faults: list[str], beside: float = 0.5) -> None:
        """Write one frame for each of these faults; what is no frame comes between with this probability."""
        choice = random.Random(self.seed)
        writers = {**TRANSIENT, **FOR_EVER, **LEFT_OPEN}
        for number, fault in enumerate(faults, 1):
            self.played[self.name(number)] = fault
            path, content = self.folder / self.name(number), self.content(number)
            writers.get(fault, write_plainly)(self, number, path, content)
            if choice.random() < 0.3 * beside:
                BESIDE[choice.choice(sorted(BESIDE))](self, number, path, content)
            while self.later and choice.random() < 0.5:
                self.later.pop(choice.randrange(len(self.later)))()
        for action in self.later:
            action()


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


@transient
def cut_then_whole(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 3])
    player.pause()
    path.write_bytes(content)


@transient
def written_in_pieces(player: Player, number: int, path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        for start in range(0, len(content), len(content) // 5):
            file.write(content[start : start + len(content) // 5])
            file.flush()
            player.pause()


@transient
def preallocated(player: Player, number: int, path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(len(content))
        file.flush()
        player.pause()
        file.seek(0)
        file.write(content[: len(content) // 2])
        file.flush()
        player.pause()
        file.write(content[len(content) // 2 :])


@transient
def created_empty(player: Player, number: int, path: Path, content: bytes) -> None:
    path.touch()
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def renamed_into_place(player: Player, number: int, path: Path, content: bytes) -> None:
    hidden = path.with_name(f".{path.name}.Xd93kf")
    hidden.write_bytes(content)
    player.pause()
    hidden.rename(path)


@transient
def linked_into_place(player: Player, number: int, path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(content)
    path.hardlink_to(temporary)
    temporary.unlink()


@transient
def comes_late(player: Player, number: int, path: Path, content: bytes) -> None:
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def without_permission_at_first(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)
    player.later.append(lambda: path.chmod(0o644))


@transient
def written_twice(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def replaced_by_itself(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    copy = path.with_name(f".{path.name}.copy")
    copy.write_bytes(content)
    player.later.append(lambda: copy.replace(path) and None)


@transient
def touched(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(lambda: os.utime(path))


@transient
def garbage_at_first(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(b"\xffgarbage" * 100)
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def clock_of_the_server_is_wrong(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9) if number % 2 else (4e9, 4e9))


@for_ever
def cut(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 3])


@for_ever
def cut_within_the_header(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[:300])


@for_ever
def empty(player: Player, number: int, path: Path, content: bytes) -> None:
    path.touch()


@for_ever
def zeros(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(bytes(len(content)))


@for_ever
def garbage(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(random.Random(number).randbytes(len(content)))


@for_ever
def text(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_text("<html><b>404</b> not found</html>")


@for_ever
def a_pipe(player: Player, number: int, path: Path, content: bytes) -> None:
    os.mkfifo(path)


@for_ever
def a_link_out(player: Player, number: int, path: Path, content: bytes) -> None:
    path.symlink_to("/dev/zero")


@for_ever
def a_link_in_circles(player: Player, number: int, path: Path, content: bytes) -> None:
    path.symlink_to(path.name)


@for_ever
def a_dead_link(player: Player, number: int, path: Path, content: bytes) -> None:
    path.symlink_to("nowhere.cbf")


@for_ever
def enormous_hole(player: Player, number: int, path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(64 << 30)


@for_ever
def lying_header(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(
        content.replace(b"Fastest-Dimension: 50", b"Fastest-Dimension: 99999999")
        .replace(b"Dim_1 = 50", b"Dim_1 = 90000000")
        .replace(b"\x00\x01\x04\x00\x01\x00\x00\x00\x32\x00", b"\x00\x01\x04\x00\x01\x00\x00\x00\xff\xff")
    )


@left_open
def never_written(player: Player, number: int, path: Path, content: bytes) -> None:
    pass


@left_open
def deleted(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(path.unlink)


@left_open
def renamed(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(lambda: path.rename(path.with_name(f"br_0002p_{number:05d}.{player.kind}")) and None)


@left_open
def written_again_with_other_content(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.again[path.name] = player.image(number + 500_000)
    player.later.append(lambda: write_plainly(player, number, path, player.content(number, player.again[path.name])))


@beside
def a_folder_named_like_a_frame(player: Player, number: int, path: Path, content: bytes) -> None:
    path.with_name(f"folder_{number}.{player.kind}").mkdir()


@beside
def a_loop_of_folders(player: Player, number: int, path: Path, content: bytes) -> None:
    path.with_name(f"loop_{number}").symlink_to(".")


@beside
def temporary_files(player: Player, number: int, path: Path, content: bytes) -> None:
    for name in (f".hidden_{number}.{player.kind}", f"a_{number}.{player.kind}.part", f"a_{number}.{player.kind}~"):
        path.with_name(name).write_bytes(content)


@beside
def files_of_other_kinds(player: Player, number: int, path: Path, content: bytes) -> None:
    for name in (f"notes_{number}.txt", f"mask_{number}.edf", f"dark_{number}.tif", f"log\n\x1b[31m{number}.csv"):
        path.with_name(name).write_bytes(content)


@beside
def folder_gone_for_a_while(player: Player, number: int, path: Path, content: bytes) -> None:
    elsewhere = player.folder.with_name("elsewhere")
    player.folder.rename(elsewhere)
    player.pause()
    if number % 2:
        elsewhere.rename(player.folder)
        return
    shutil.copytree(elsewhere, player.folder, symlinks=True, copy_function=_copy)
    shutil.rmtree(elsewhere)


def _copy(source: str, target: str) -> None:
    path = Path(source)
    if path.is_file() and path.stat().st_size < 1e6:
        path.chmod(0o644)
        Path(target).write_bytes(path.read_bytes())
    elif path.is_fifo():
        os.mkfifo(target)
    else:
        enormous_hole(Player(Path(), "", 0), 0, Path(target), b"")


def in_background(player: Player, frames: int, faults: float) -> threading.Thread:
    """Start playing in a thread."""
    thread = threading.Thread(target=player.play, args=(frames, faults))
    thread.start()
    return thread
