"""Bad inputs, several hundred of them: each spoils one thing that a command is given and says what must be answered."""

import os
import shutil
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

FRAMES = tuple(f"iodide_0001p_{number:05d}.cbf" for number in (1, 2, 3))


@dataclass(frozen=True)
class Bench:
    """A fresh folder with a scan of three frames, and a recorded run of it."""

    folder: Path
    good_run: Path

    @property
    def scan(self) -> Path:
        return self.folder / "scan"

    @property
    def toml(self) -> Path:
        return self.scan / "experiment.toml"

    @property
    def poni(self) -> Path:
        return self.scan / "geometry.poni"

    def run(self) -> Path:
        return Path(shutil.copy(self.good_run, self.folder / "run.h5"))


Spoil = Callable[[Bench], list[object]]


@dataclass(frozen=True)
class Case:
    """spoil: does it and returns the command line. says: words that the one line must hold.

    gap: the answer is a row with the reason ``unreadable: ...``, and the other frames are read.
    """

    name: str
    spoil: Spoil
    says: tuple[str, ...] = ()
    gap: bool = False


def process(bench: Bench, *more: object) -> list[object]:
    return ["process", bench.scan, "--json", "--out", bench.folder / "out.h5", *more]


def new_poni(content: str | bytes) -> Spoil:
    return _written("geometry.poni", content)


def new_toml(content: str | bytes) -> Spoil:
    return _written("experiment.toml", content)


def _written(name: str, content: str | bytes) -> Spoil:
    def spoil(bench: Bench) -> list[object]:
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        (bench.scan / name).write_bytes(data)
        return process(bench)

    return spoil


def replaced(name: str, old: str, new: str) -> Spoil:
    """A text of the scan with one line changed."""

    def spoil(bench: Bench) -> list[object]:
        path = bench.scan / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return process(bench)

    return spoil


def given(option: str, name: str, content: bytes | Callable[[Path], None]) -> Spoil:
    """A file of this name and content, given with an option."""

    def spoil(bench: Bench) -> list[object]:
        path = bench.folder / name
        if callable(content):
            content(path)
        else:
            path.write_bytes(content)
        return process(bench, option, path)

    return spoil


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, chdir(path.parent):
        server.bind(path.name)


def a_link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def a_hole(size: int) -> Callable[[Path], None]:
    """A file of this size without content."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return write


def nothing(path: Path) -> None:
    path.unlink(missing_ok=True)


NO_FILES: dict[str, Callable[[Path], None]] = {
    "missing": nothing,
    "a folder": a_folder,
    "a pipe": a_pipe,
    "a socket": a_socket,
    "a link to a device without end": a_link_to("/dev/zero"),
    "a link to a device that blocks": a_link_to("/dev/tty"),
    "a link in circles": lambda path: path.symlink_to(path.name),
    "a dead link": a_link_to("nowhere"),
    "a hole of 8 GiB": a_hole(8 << 30),
}
CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "zeros": bytes(5000),
    "garbage": bytes((37 * n * n + 11 * n) % 251 for n in range(5000)),
    "html": b"<html><body><b>404</b> not found</body></html>",
    "utf-16": "Distance: 0.2\n".encode("utf-16"),
    "escapes": b"\x1b]0;owned\x07\x1b[2J\x1b[31m: \x1b[0m\n",
    "one long line": b"A" * 900_000,
    "a picture": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000),
}
HOSTILE_NAMES = {
    "markup": "<b>bold<img src=x>",
    "a newline": "two\nlines",
    "terminal codes": "\x1b[31mred\x07",
    "a carriage return": "over\rwritten",
    "turned round": "abc\u202etxt",
    "not UTF-8": os.fsdecode(b"caf\xe9"),
    "an option": "--out",
    "quotes": "a'b\"c`d$(id)",
    "200 letters": "n" * 200,
}


def all_cases() -> list[Case]:
    """Every case, by category; the names are unique."""
    from tests.faults import bad_hdf5, bad_images, bad_places, bad_texts

    cases: list[Case] = []
    for module in (bad_texts, bad_images, bad_hdf5, bad_places):
        cases += module.cases()
    return cases


def numbered(prefix: str, spoils: Iterable[tuple[str, Spoil]], *says: str, gap: bool = False) -> list[Case]:
    return [Case(f"{prefix}: {name}", spoil, says, gap) for name, spoil in spoils]
