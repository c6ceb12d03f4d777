"""Folders, outputs, addresses and words on the command line that cannot be."""

import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.bad_inputs import FRAMES, HOSTILE_NAMES, Bench, Case, Spoil, numbered, process

ADDRESSES = [
    "tcp://", "tcp://x", "tcp://x:0", "tcp://x:70000", "tcp://x:-1", "tcp://[::1", "tcp://a b:1", "tcp://\x1b[31m:1",
    "pva://", "pva://a b",
    "pva://a&b", "http://x:80", "file:///etc/passwd", "ipc:///tmp/x", "zmq://x:1", "tcp://nowhere.invalid:31001",
    "TCP://" + "x" * 5000 + ":1",
    "tcp://x:1/../../etc",
]  # fmt: skip
WORDS = [
    "process", "process SCAN --orientation 0", "process SCAN --orientation 5", "process SCAN --orientation one",
    "process SCAN --workers 0",
    "process SCAN --workers 9999", "process SCAN --nonsense", "process SCAN SCAN --out x.h5",
    "watch SCAN --frames 0", "watch SCAN --until-idle 0",
    "watch SCAN --until-idle -1", "watch SCAN --until-idle nan --frames x", "replay SCAN --speed 0",
    "replay SCAN --speed -1", "replay SCAN --speed fast",
    "replay SCAN --speed nan", "simulate nosuch FOLDER", "simulate iodide SCAN",
    "simulate iodide FOLDER --detector none", "simulate iodide FOLDER --frames 0",
    "simulate iodide FOLDER --seed -1", "compare", "export", "export RUN", "nonsense", "--nonsense",
    "watch SCAN --stream nonsense", "watch SCAN --stream tcp://x", "watch FOLDER --stream tcp://127.0.0.1:9",
    "watch tcp://127.0.0.1:9 --stream tcp://127.0.0.1:9", "watch tcp://127.0.0.1:9 --resume",
    "watch SCAN --stream tcp://127.0.0.1:9 --resume",
    "export RUN --trace", "watch",
]  # fmt: skip
TARGETS: dict[str, Callable[[Bench], object]] = {
    "in a folder that is missing": lambda bench: bench.folder / "no" / "such" / "x",
    "under a file": lambda bench: bench.toml / "x",
    "a folder": lambda bench: _made(bench.folder / "x", Path.mkdir),
    "a full device": lambda bench: _made(bench.folder / "x", lambda path: path.symlink_to("/dev/full")),
    "a kernel's folder": lambda _: "/proc/x",
    "a name too long": lambda bench: bench.folder / ("n" * 300),
    "a name with a zero": lambda bench: f"{bench.folder}/a\0b",
    "a link in circles": lambda bench: _made(bench.folder / "x", lambda path: path.symlink_to("x")),
}
OUTPUTS = {
    "--trace": ".csv",
    "--summary": ".json",
    "--map": ".npz",
    "--figure": ".pdf",
    "--patterns": "",
    "--screenshot": ".png",
}


def cases() -> list[Case]:
    return [*_folders(), *_outputs(), *_addresses(), *_words()]


def _made(path: Path, make: Callable[[Path], object]) -> Path:
    make(path)
    return path


def _folders() -> list[Case]:
    def no_frames(bench: Bench) -> None:
        for name in FRAMES:
            (bench.scan / name).unlink()

    def unnamed_poni(bench: Bench) -> None:
        bench.toml.write_text(bench.toml.read_text().replace('poni = "geometry.poni"', ""))

    def two(name: str, bench: Bench) -> None:
        path = bench.scan / name
        if "poni" in name:
            unnamed_poni(bench)
        shutil.copy(path, bench.folder / name)

    def only(names: tuple[str, ...], bench: Bench) -> None:
        no_frames(bench)
        for name in names:
            (bench.scan / name).write_bytes(b"x")

    changes: dict[str, Callable[[Bench], object]] = {
        "without frames": no_frames,
        "with hidden and temporary files only": functools.partial(only, (".a_0001.cbf", "b_0001.cbf.tmp",
        "c_0001.cbf~")),
        "with masks only": functools.partial(only, ("mask_1.edf", "dark_1.tif")),
        "with files of other kinds only": functools.partial(only, ("a.txt", "b.png", "c.docx")),
        "of several stacks": functools.partial(only, ("a.h5", "b.h5")),
        "without a poni": lambda bench: (bench.poni.unlink(), unnamed_poni(bench)),
        "without experiment.toml": lambda bench: bench.toml.unlink(),
        "with two ponis": functools.partial(two, "geometry.poni"),
        "with two experiments": functools.partial(two, "experiment.toml"),
        "gone": lambda bench: shutil.rmtree(bench.scan),
        "that is a file": lambda bench: (shutil.rmtree(bench.scan), bench.scan.write_bytes(b"x")),
        "that is a pipe": lambda bench: (shutil.rmtree(bench.scan), os.mkfifo(bench.scan)),
        "that is a link in circles": lambda bench: (shutil.rmtree(bench.scan), bench.scan.symlink_to("scan")),
    }  # fmt: skip
    found: list[tuple[str, Spoil]] = []
    for number, (name, change) in enumerate(changes.items()):
        found.append((name, functools.partial(_folder, change, number)))
    found += [(f"named {name}", functools.partial(_named, text)) for name, text in HOSTILE_NAMES.items()]
    return numbered("folder", found)


def _folder(change: Callable[[Bench], object], number: int, bench: Bench) -> list[object]:
    change(bench)
    if number % 2:
        return (
            ["watch", bench.scan, "--headless", "--until-idle", 0.2, "--frames", 1, "--out", bench.folder / "out.h5"]
            if number > 8
            else process(bench)
        )
    return process(bench)


def _named(text: str, bench: Bench) -> list[object]:
    """A folder without inputs whose name is shown."""
    folder = bench.folder / "elsewhere" / f"x{text}"
    folder.mkdir(parents=True)
    shutil.copy(bench.scan / FRAMES[0], folder / FRAMES[0])
    return ["process", folder, "--out", bench.folder / "out.h5"]


def _outputs() -> list[Case]:
    found: list[tuple[str, Spoil]] = []
    for name, target in TARGETS.items():
        found.append((f"--out {name}", functools.partial(_out, target)))
        for option, suffix in OUTPUTS.items():
            if option == "--screenshot" and name != "a folder":
                continue  # a window takes its time
            if name in ("a folder", "in a folder that is missing") and option == "--patterns":
                continue  # that is what it wants
            found.append((f"{option} {name}", functools.partial(_export, option, suffix, target)))
    found += [
        (
            "--out that is there",
            functools.partial(
                _out, lambda bench: _made(bench.folder / "x.h5", lambda path: path.write_text("precious"))
            ),
        )
    ]
    found += [
        (
            "--figure of an unknown kind",
            functools.partial(_export, "--figure", ".exe", lambda bench: bench.folder / "x"),
        )
    ]
    found += [("--map of an unknown kind", functools.partial(_export, "--map", "", lambda bench: bench.folder / "x"))]
    return numbered("output", found)


def _out(target: Callable[[Bench], object], bench: Bench) -> list[object]:
    return ["process", bench.scan, "--out", target(bench)]


def _export(option: str, suffix: str, target: Callable[[Bench], object], bench: Bench) -> list[object]:
    place = target(bench)
    if isinstance(place, Path) and len(place.name) < 200 and (place.is_symlink() or place.is_dir()):
        place = place.rename(place.with_name(f"{place.name}{suffix}"))
        if place.is_symlink() and place.readlink() == Path("x"):
            place.unlink()
            place.symlink_to(place.name)
        return ["export", bench.run(), option, place]
    return ["export", bench.run(), option, f"{place}{suffix}"]


def _addresses() -> list[Case]:
    return numbered(
        "address", [(text[:40], lambda _, text=text: ["watch", text, "--headless"]) for text in ADDRESSES], "://"
    )


def _words() -> list[Case]:
    def spoil(text: str, bench: Bench) -> list[object]:
        names = {"SCAN": bench.scan, "FOLDER": bench.folder / "new", "RUN": bench.good_run}
        return [names.get(word, word) for word in text.split()]

    return numbered("words", [(text, functools.partial(spoil, text)) for text in WORDS])
