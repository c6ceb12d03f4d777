"""Whatever is given and cannot be used: one line that names it, exit status 2, or a row with the reason; never more."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from latticewatch.app.main import run
from latticewatch.processing.simulation.recipes import recipe_named
from latticewatch.processing.simulation.scan import write_scan
from tests.faults.bad_inputs import Case, all_cases
from tests.faults.bad_inputs_run import MOST_ADDRESSES, bench_in, wrong_with

LONG = bool(os.environ.get("LATTICEWATCH_LONG"))
CASES = all_cases()
KINDS = sorted({case.name.partition(":")[0] for case in CASES})
EVERY = 12
ONE_BY_ONE = 12 if LONG else 350
"""Of these a process of its own each, from the shell's side."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scan and its run."""
    folder = tmp_path_factory.mktemp("bad")
    mixed = replace(recipe_named("iodide"), mixing_s=0.0)  # so that its frames have numbers
    write_scan(mixed, folder / "scan", frames=3, seed=1, detector="pilatus300k")
    assert run(["process", str(folder / "scan"), "--out", str(folder / "run.h5")]) == 0
    return folder


def environment(base: Path) -> dict[str, str]:
    own = {f"XDG_{kind}_HOME": str(base / kind.lower()) for kind in ("STATE", "CONFIG", "CACHE")}
    return {**os.environ, **own, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}


def test_there_are_enough() -> None:
    assert len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)


def in_one_process(base: Path, cases: list[Case]) -> list[str]:
    """What is wrong with the answers to these cases."""
    names = base / "names.json"
    names.write_text(json.dumps([case.name for case in cases]))
    command = [sys.executable, "-m", "tests.faults.bad_inputs_run", str(base), str(names)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment(base), cwd=Path(__file__).parents[2]
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [answer["name"] for answer in answers] == [case.name for case in cases]
    return [f"{answer['name']}: {answer['wrong']}: {answer['err'][-400:]}" for answer in answers if answer["wrong"]]


def test_a_sample_of_bad_inputs(base: Path) -> None:
    assert in_one_process(base, CASES[::EVERY]) == []


@pytest.mark.parametrize("kind", KINDS if LONG else [])
def test_all_bad_inputs(base: Path, kind: str) -> None:
    """The long form: LATTICEWATCH_LONG=1."""
    assert in_one_process(base, [case for case in CASES if case.name.partition(":")[0] == kind]) == []


@pytest.mark.parametrize("case", CASES[5::ONE_BY_ONE], ids=lambda case: case.name[:40])
def test_as_from_the_shell(base: Path, case: Case) -> None:
    with tempfile.TemporaryDirectory(dir=base) as scratch:
        folder = Path(scratch)
        arguments = [str(word) for word in case.spoil(bench_in(base, folder))]
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "latticewatch.app", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=environment(base),
                preexec_fn=limited,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        said = {
            "status": process.returncode,
            "out": (folder / "out").read_text(errors="backslashreplace"),
            "err": (folder / "err").read_text(errors="backslashreplace"),
            "cpu_s": 0.0,  # with the start of the program in it
            "bytes": 1024 * used.ru_maxrss,
        }
        assert wrong_with(case, said) == [], said


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
