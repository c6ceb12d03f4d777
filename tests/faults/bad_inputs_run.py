"""Runs bad inputs one after the other by the real command line, in a process of their own; one line of JSON each."""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from tests.faults.bad_inputs import FRAMES, Bench, Case, all_cases, process

LONGEST_CPU_S, LONGEST_S, MOST_BYTES = 5.0, 30, 1 << 30
MOST_ADDRESSES = 6 << 30  # so that what grows without end fails here, and not the machine


class TooLong(BaseException):
    """It hangs."""


def main(base: Path, names: list[str]) -> None:
    """base: a folder with the scan ``scan`` and its run ``run.h5``."""
    wanted = {case.name: case for case in all_cases()}
    signal.signal(signal.SIGALRM, _on_alarm)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    warm_up(base)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for name in names:
        with tempfile.TemporaryDirectory(dir=base) as scratch:
            answers.write(json.dumps(answer(wanted[name], base, Path(scratch))) + "\n")
            answers.flush()


def warm_up(base: Path) -> None:
    """Whatever is slow the first time is done before anything is measured."""
    with tempfile.TemporaryDirectory(dir=base) as scratch:
        answer(Case("none", process), base, Path(scratch))


def bench_in(base: Path, folder: Path) -> Bench:
    (folder / "scan").mkdir()
    for name in (*FRAMES, "geometry.poni", "experiment.toml"):
        shutil.copy(base / "scan" / name, folder / "scan" / name)
    return Bench(folder, base / "run.h5")


def answer(case: Case, base: Path, folder: Path) -> dict[str, object]:
    """What the command says to it, what that costs, and what is wrong with the answer."""
    from latticewatch.app.main import run

    arguments = [str(word) for word in case.spoil(bench_in(base, folder))]
    before = Path.cwd()
    os.chdir(folder)
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    kept = os.dup(1), os.dup(2)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
    forget_memory()
    cpu_s = time.process_time()
    signal.alarm(LONGEST_S)
    try:
        status: object = run(arguments)
    except BaseException as error:
        status = f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(before)
    said = {"status": status, "out": _text(out), "err": _text(err), "cpu_s": time.process_time() - cpu_s}
    said["bytes"] = most_memory()
    return {"name": case.name, **said, "wrong": wrong_with(case, said)}


def forget_memory() -> None:
    """The kernel counts the most memory from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def most_memory() -> int:
    """Bytes that this process held at most since then."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def wrong_with(case: Case, said: dict[str, object]) -> list[str]:
    """What is not as it must be; empty where all is well."""
    err, out = str(said["err"]), str(said["out"])
    complaints = [line for line in err.splitlines() if line.startswith("latticewatch: ")]
    expected = 0 if case.gap else 2
    checks = {
        f"status {said['status']}, not {expected}": said["status"] != expected,
        f"{len(complaints)} complaints": len(complaints) != (0 if case.gap else 1),
        "a traceback": "Traceback" in err + out,
        "control characters": not all(line.isprintable() for line in (err + out).split("\n")),
        f"{case.says} is not said": not case.gap and not all(word in "".join(complaints) for word in case.says),
        f"{said['cpu_s']} s of computing": float(str(said["cpu_s"])) > LONGEST_CPU_S,
        f"{said['bytes']} bytes": int(str(said["bytes"])) > MOST_BYTES,
        "pickled code was run": "pickled code" in err + out,
    }
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")] if case.gap else []
    bad = [row for row in rows if str(row.get("reason", "")).startswith("unreadable: ")]
    if case.gap:
        checks[f"{len(rows)} rows, {len(bad)} unreadable"] = (len(rows), len(bad)) != (3, 1)
    return [what for what, is_so in checks.items() if is_so]


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "backslashreplace")


def _on_alarm(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"{LONGEST_S} s and not at an end")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
