"""Every file that a user can name goes through one door: what is no regular file of sane size is said; none blocks."""

import ast
import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from latticewatch.processing.record.run_file.lock import lock_path
from latticewatch.processing.record.run_file.names import journal_path
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.app.conftest import scan as scan
from tests.record import runs

Command = Callable[..., Said]
CHECKOUT = Path(__file__).parents[2]
HANGS_S = 300


def empty(path: Path) -> None:
    path.write_bytes(b"")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)


def folder(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def missing(_: Path) -> None:
    pass


def unreadable(path: Path) -> None:
    path.write_bytes(b"secret")


SPOILS = {"pipe": os.mkfifo, "folder": folder, "device": device, "empty": empty, "huge": huge, "unreadable": unreadable,
          "missing": missing}  # fmt: skip

# What a user can name, as the words that name it; X is the file.
INPUTS = {
    "run file to export": "export X.h5 --trace out.csv",
    "run file to replay": "replay X.h5 --headless --speed max",
    "run file to compare": "compare X.h5 RUN --out out.csv",
    "run file to post": "logbook X.h5 --config LOGBOOK --dry-run",
    "run file to process": "process X.h5 --out out.h5",
    "run file to resume": "process SCAN --out X.h5 --resume",
    "stack": "process X.nxs --out out.h5",
    "frame of a standard": "check-geometry X.cbf --calibrant LaB6 --geometry PONI",
    "geometry": "process SCAN --geometry X.poni --out out.h5",
    "experiment": "process SCAN --experiment X.toml --out out.h5",
    **{f"{role} as {suffix}": f"process SCAN --{role} X{suffix} --out out.h5"
       for role, suffix in (("mask", ".npy"), ("mask", ".npz"), ("mask", ".msk"), ("mask", ".mask"), ("mask", ".h5"),
                            ("mask", ".edf"), ("mask", ".png"), ("dark", ".cbf"), ("flat", ".tif"), ("dark", ".npy"))},
    "logbook settings": "logbook RUN --config X.toml --dry-run",
}  # fmt: skip
MAY_BE_MISSING = {"run file to resume"}


@pytest.fixture
def hangs() -> Iterator[None]:
    """A test that waits for ever fails."""

    def fail(signal_number: int, frame: FrameType | None) -> None:
        del signal_number, frame
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(HANGS_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "good.h5"
    runs.write_run(path, 12)
    return path


@pytest.mark.parametrize("kind", SPOILS)
@pytest.mark.parametrize("what", INPUTS)
def test_it_is_refused_in_one_line(
    what: str,
    kind: str,
    hangs: None,
    latticewatch: Command,
    scan: Path,
    good_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del hangs
    if (what, kind) in {("stack", "folder"), *((each, "missing") for each in MAY_BE_MISSING)}:
        pytest.skip("that is what it may be")
    words = INPUTS[what].split()
    spoilt = next(tmp_path / word.replace("X", "spoilt") for word in words if word.startswith("X."))
    SPOILS[kind](spoilt)
    if kind == "unreadable":
        _refuse(spoilt, monkeypatch)
    logbook = tmp_path / "logbook.toml"
    logbook.write_text('[webhook.team]\nurl = "https://chat.example.org"\n')
    known = {"SCAN": scan, "RUN": good_run, "PONI": scan / "geometry.poni", "LOGBOOK": logbook}
    said = latticewatch(*(spoilt if word.startswith("X.") else known.get(word, word) for word in words))
    assert said.status == 2, said.err
    assert "spoilt" in said.complaint
    assert not (tmp_path / "out.csv").exists()


KEYS = {
    "poni": ('poni = "geometry.poni"', 'poni = "spoilt.poni"'),
    **{
        f"{key} as {suffix}": ("[map]", f'{key} = "spoilt{suffix}"\n\n[map]')
        for key, suffix in (("mask", ".npy"), ("dark", ".cbf"), ("flat", ".edf"), ("accuracy", ".accuracy.toml"))
    },
    "cif": ('phase = "CsPbI3"', 'cif = "spoilt.cif"'),
    "library": ("[map]", '[phases]\nlibrary = "library"\n\n[map]'),
}


@pytest.mark.parametrize("kind", SPOILS)
@pytest.mark.parametrize("key", KEYS)
def test_a_file_that_experiment_toml_names_is_refused_in_one_line(
    key: str,
    kind: str,
    hangs: None,
    latticewatch: Command,
    scan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del hangs
    if (key, kind) == ("library", "missing"):
        pytest.skip("that is what it may be")
    old, new = KEYS[key]
    text = (scan / "experiment.toml").read_text()
    assert old in text
    (tmp_path / "experiment.toml").write_text(text.replace(old, new))
    shutil.copy(scan / "geometry.poni", tmp_path)
    (tmp_path / "library").mkdir()
    spoilt = tmp_path / "library" / "spoilt.cif" if key == "library" else tmp_path / new.split('"')[1]
    SPOILS[kind](spoilt)
    if kind == "unreadable":
        _refuse(spoilt, monkeypatch)
    said = latticewatch("process", scan, "--experiment", tmp_path / "experiment.toml", "--out", "out.h5")
    assert said.status == 2, said.err
    assert "spoilt" in said.complaint


def _refuse(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No permission to read this file; whoever runs the tests may be root."""
    real = os.open

    def opened(name: object, *rest: object, **more: object) -> int:
        if os.fspath(name) == str(path):  # type: ignore[call-overload]
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
@pytest.mark.parametrize("beside", [journal_path, lock_path])
def test_what_lies_beside_a_run_file_does_not_block(
    beside: Callable[[Path], Path], kind: str, hangs: None, latticewatch: Command, good_run: Path, tmp_path: Path
) -> None:
    """Whoever may write to the folder can put a journal or a lock beside a run."""
    del hangs
    run = Path(shutil.copy(good_run, tmp_path / "run.h5"))
    SPOILS[kind](beside(run))
    if beside is lock_path:
        shutil.copy(good_run, journal_path(run))  # else no lock is needed
    said = latticewatch("export", run, "--trace", "out.csv")
    if beside is journal_path:
        assert said.status == 2
        assert "run.h5.journal: " in said.complaint
        assert "move it away" in said.complaint
    assert run.read_bytes()[:4] == b"\x89HDF"
    assert "Traceback" not in said.err


def test_a_draft_that_somebody_planted_is_not_written_through(
    latticewatch: Command, good_run: Path, tmp_path: Path
) -> None:
    """A link of the draft's name would lead the writer to another of the user's files."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    run = Path(shutil.copy(good_run, tmp_path / "run.h5"))
    (tmp_path / ".run.h5.draft").symlink_to(precious)
    (tmp_path / "mended.h5").unlink(missing_ok=True)
    writer = runs.RunWriter.resume(run)
    writer._file.failure = OSError("gone")
    writer._leave_file()
    writer._journal.close()
    writer._lock_file.release()
    assert latticewatch("export", run, "--trace", "out.csv").status == 0
    assert precious.read_text() == "precious"
    assert not journal_path(run).exists()


@pytest.mark.parametrize("option", ["--trace", "--summary", "--map", "--figure"])
def test_a_pipe_that_nobody_reads_is_no_place_to_write_to(
    option: str, hangs: None, latticewatch: Command, good_run: Path, tmp_path: Path
) -> None:
    del hangs
    suffix = {"--trace": ".csv", "--summary": ".json", "--map": ".npz", "--figure": ".pdf"}[option]
    os.mkfifo(tmp_path / f"pipe{suffix}")
    said = latticewatch("export", good_run, option, tmp_path / f"pipe{suffix}")
    assert said.status == 2
    assert "a pipe that nobody reads" in said.complaint


# Where files are opened otherwise than by files/regular_file.py, and why that is right.
OTHER_DOORS = {
    "processing/files/regular_file.py: os.open": "the door",
    "processing/files/guarded_hdf5.py: h5py.File": "by name, after the door",
    "processing/formats/hdf5_tree.py: h5py.File": "of bytes in memory",
    "processing/record/run_file/stored_run.py: h5py.File": "a file of this process, made aside",
    "processing/codecs/njit.py: read_bytes": "our own sources",
    "processing/crystal/phase.py: read_text": "a phase that is shipped",
    "processing/integration/geometry.py: read_text": "the list of detectors that is shipped",
    "processing/integration/masks.py: archive.open": "within a zip archive that came through the door",
}
READING = {"open", "read_bytes", "read_text", "load", "loadtxt", "genfromtxt", "imread", "File", "ZipFile"}
# These open for writing, under names of their own that nothing has.
WRITING = {
    "app/output.py",
    *(f"processing/files/{name}.py" for name in ("write_whole", "error_latching_file", "closed_hdf5")),
    *("processing/simulation/writing.py", "processing/record/export/patterns_and_map.py"),
    *(f"processing/record/run_file/{name}.py" for name in ("journal", "lock", "open_for_writing", "rebuild")),
}


def test_no_file_is_opened_by_another_door() -> None:
    found = set()
    for place in ("processing", "app", "widgets"):
        for path in sorted((CHECKOUT / place).rglob("*.py")):
            name = path.relative_to(CHECKOUT).as_posix()
            if name not in WRITING:
                found |= {f"{name}: {call}" for call in _openings(ast.parse(path.read_text()))}
    assert found == set(OTHER_DOORS)


def _openings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        *owner, last = call.split(".")
        if node.args and ast.unparse(node.args[0]) == "os.devnull":
            continue
        if last in READING and owner[-1:] not in (["json"], ["builder"]) and call not in NO_FILES:
            yield last if last.startswith("read_") else call


NO_FILES = {"buffer.open", "zipfile.ZipFile", "imread", "np.loadtxt"}
"""Of bytes in memory, or of a file that is open."""
