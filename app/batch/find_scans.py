"""Scans in a tree of folders: folders that hold frames, and HDF5 files that hold stacks of them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.run.decisions import is_run
from latticewatch.app.run.given import Given
from latticewatch.processing.config.experiment import read_experiment
from latticewatch.processing.config.frame_selection import ALL, FrameSelection, names_in
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import (
    HDF5_SUFFIXES,
    TEMPORARY,
    are_a_series,
    frame_name,
    is_correction,
    is_frame,
)
from latticewatch.processing.sources.hdf5.one_a_file import one_a_file
from latticewatch.processing.sources.hdf5.stack import HDF5Stack

MASTER = "_master"


@dataclass(frozen=True, slots=True)
class Found:
    """A scan: what it is called, where it is, and where its run is to be recorded."""

    name: str
    scan: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was looked at and is no scan. bad: it may hide one."""

    name: str
    why: str
    bad: bool = False


Rules = Callable[[Path], FrameSelection]


def rules_of(given: Given) -> Rules:
    """Which files of a folder are frames, by what is given and the only experiment.toml in it or one above.

    Where that cannot be told all are; processing the scan then says what is wrong.
    """
    known: dict[Path, FrameSelection] = {}

    def rules(folder: Path) -> FrameSelection:
        beside = (folder / "experiment.toml", folder.parent / "experiment.toml")
        files = [given.experiment] if given.experiment else [path for path in beside if path.is_file()]
        if len(files) != 1:
            return ALL.given(given.recursive, given.include, given.dataset)
        if files[0] not in known:
            try:
                known[files[0]] = read_experiment(files[0])[0].source
            except UserError:
                known[files[0]] = ALL
        return known[files[0]].given(given.recursive, given.include, given.dataset)

    return rules


def scans_in(root: Path, out: Path | None, given: Given | None = None) -> Iterator[Found | Skipped]:
    """Every scan below ``root`` and in it, in natural order, and what was skipped. Links are not followed.

    out: the folder that mirrors the tree; None: run files lie beside their scans. given: on the command line. Raises
    UserError where ``root`` is no folder.
    """
    rules = rules_of(given or Given())
    named, root = root, root.resolve()
    if not root.is_dir():
        raise UserError(f"{named}: no such folder; give the folder that holds the scans")
    for folder, files, skipped in _walk(root, out, lambda inner: inner != root and rules(inner).recursive):
        yield from (Skipped(_below(path, root), why, bad) for path, why, bad in skipped)
        for item in _scans(folder, files, rules(folder)):
            if isinstance(item, Skipped):
                yield Skipped(_below(folder / item.name, root), item.why)
            else:
                yield Found(_below(item, root), item, _out(item, root, out))


def _below(path: Path, root: Path) -> str:
    return root.name if path == root else path.relative_to(root).as_posix()


def _out(scan: Path, root: Path, out: Path | None) -> Path:
    """FOLDER.h5 beside a folder of frames, STACK_run.h5 beside an HDF5 file; never outside the tree."""
    folder = scan if scan == root else scan.parent
    name = f"{scan.stem}_run.h5" if scan.is_file() else f"{scan.name}.h5"
    return (out / folder.relative_to(root) if out else folder) / name


def _walk(
    root: Path, out: Path | None, is_whole: Callable[[Path], bool]
) -> Iterator[tuple[Path, list[str], list[tuple[Path, str, bool]]]]:
    """Each folder with the names of its files and what was skipped in it, depth first.

    is_whole: whether a folder's scan takes in its sub-folders; then their files are among its own.
    """
    if is_whole(root) and any(map(is_frame, whole := list(names_in(root, True)))):
        yield root, whole, []
        return
    skipped: list[tuple[Path, str, bool]] = []
    files, folders = [], []
    try:
        with os.scandir(root) as entries:
            for entry in sorted(entries, key=lambda each: frame_name(each.name).key):
                path = root / entry.name
                if TEMPORARY.search(entry.name) or path == out:
                    continue
                if entry.is_symlink():
                    skipped += [(path, "a link, not followed", False)] if path.is_dir() or _is_stack(path) else []
                elif entry.is_dir():
                    folders.append(path)
                elif entry.is_file():
                    files.append(entry.name)
    except OSError as error:
        skipped.append((root, f"cannot be listed ({error.strerror}); check its permissions", True))
    yield root, files, skipped
    for folder in folders:
        yield from _walk(folder, out, is_whole)


def _is_stack(path: Path) -> bool:
    return path.suffix.lower() in HDF5_SUFFIXES


def _scans(folder: Path, files: list[str], rules: FrameSelection) -> Iterator[Path | Skipped]:
    """The scans of one folder as opening it has them: frames go before stacks, masters before their data files."""
    stacks = [folder / name for name in files if _is_stack(folder / name)]
    runs = [path for path in stacks if is_run(path)]
    yield from (Skipped(path.name, "a run file") for path in runs)
    others = [path for path in stacks if path not in runs]
    frames = [name for name in files if is_frame(name) or rules.is_frame(name)]
    if frames and not any(map(rules.takes, frames)):
        yield Skipped("", f"no frame in it matches {rules.include}")
    elif frames:
        yield folder
        yield from (Skipped(path.name, "an HDF5 file beside frames; give it as SCAN to process it") for path in others)
    if frames:
        return
    if are_a_series([name for name in files if is_correction(name)]):
        yield Skipped("", "called masks, darks or flats; --include takes them for frames")
    masters = [path for path in others if path.stem.endswith(MASTER)]
    if not masters and (series := one_a_file(folder, rules)):
        yield folder
        others = [path for path in others if not series.is_frame(path.name)]
    for path in masters or others:
        try:
            HDF5Stack(path)
        except UserError as error:
            yield Skipped(path.name, f"no scan: {str(error).removeprefix(f'{path}: ')}")
        else:
            yield path
