"""Fault injection by count: the first, second, third ... call fails, until the operation passes untouched.

``python -m tests.faults.injection`` does so for every operation on a run, for every kind of call, once and from then
on, and prints a table; ``--step 10`` takes every tenth and the last of each kind, ``--places`` the first call from each
place of the program. Each point runs in a process of its own. A point is

- a crash where the process ends by a signal;
- lost where a row or a change of settings that was reported, or was there before, cannot be read afterwards as it was;
- silent where the operation says that all is well and what it was to do is not done, or where it ends otherwise than in
  one line and exit status 2.
"""

import argparse
import gc
import itertools
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.reader import read_run
from tests.faults.failing_calls import KINDS, MEMORY, Plan, can_fail_memory, failing
from tests.faults.operations import OPERATIONS, Operation, Place, newest, row
from tests.record.equality import assert_same_row
from tests.record.recorder import filling

HANGS_S = 600
MOST_UNTOUCHED = 20
SAID, RAISED = 2, 9


@dataclass
class Tally:
    points: int = 0
    crashes: int = 0
    lost: int = 0
    silent: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Before:
    """What each point finds: the folder of the run, and the rows in it."""

    folder: Path
    rows: list[Row]


@dataclass(frozen=True)
class Ended:
    status: int
    seen: Counter[str]
    sites: dict[str, dict[str, int]] = field(default_factory=dict)
    is_crash: bool = False
    is_lost: bool = False
    is_silent: bool = False
    wrong: str = ""


Choice = Callable[[Ended, str], list[tuple[int, bool]]]
"""Which calls of a kind fail, by their numbers, and whether those after them do as well."""


def main() -> None:
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help=f"of {', '.join(OPERATIONS)}; none: all")
    parser.add_argument("--kind", choices=KINDS, action="append", help="kinds of calls; left out: all")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--places", action="store_true", help="the first call from each place of the program")
    parser.add_argument("--memory", type=int, default=0, metavar="STEP", help="every STEP-th allocation as well")
    parser.add_argument("--json", action="store_true", help="one JSON object with the counts")
    given = parser.parse_args()
    chosen = places() if given.places else every(given.step, given.first)
    memory_step = given.memory if can_fail_memory() else 0
    kinds = given.kind or list(KINDS)
    found = {name: tally(name, kinds, chosen, memory_step) for name in given.operations or OPERATIONS}
    if given.json:
        sys.stdout.write(json.dumps({name: vars(each) for name, each in found.items()}) + "\n")
        return
    sys.stdout.write("| operation | points | crashes | rows lost | silent ends |\n|---|---|---|---|---|\n")
    for name, each in found.items():
        sys.stdout.write(f"| {name} | {each.points} | {each.crashes} | {each.lost} | {each.silent} |\n")
    for each in found.values():
        sys.stderr.write("".join(f"{line}\n" for line in each.wrong))


def tally(name: str, kinds: list[str], chosen: Choice, memory_step: int = 0) -> Tally:
    """The chosen points of one operation; allocations only with a step of theirs."""
    found = Tally()
    with _scratch() as scratch:
        before = prepared(OPERATIONS[name], scratch / "before")
        undisturbed = attempt(name, before, Plan("none", 0, scratch), scratch / "undisturbed")
        if undisturbed.wrong or undisturbed.status:
            raise RuntimeError(f"{name}: fails by itself: {undisturbed}")
        for kind in kinds:
            for number, is_lasting in chosen(undisturbed, kind):
                _point(found, name, before, Plan(kind, number, scratch, is_lasting))
        if memory_step:
            _memory_points(found, name, before, scratch, memory_step)
    return found


def every(step: int, first: int = 1) -> Choice:
    """Every ``step``-th call of each kind from ``first`` on, once and from then on, and always the last."""

    def chosen(undisturbed: Ended, kind: str) -> list[tuple[int, bool]]:
        points = list(itertools.product(range(first, undisturbed.seen[kind] + 1), (False, True)))
        return [*points[::step], *points[-1:]][: len(points)]

    return chosen


def places() -> Choice:
    """Once the first call from each place of the program that was not seen in an operation before; from then on all
    calls of each kind."""
    known: set[str] = set()

    def chosen(undisturbed: Ended, kind: str) -> list[tuple[int, bool]]:
        sites = {f"{kind} {site}": number for site, number in undisturbed.sites.get(kind, {}).items()}
        new = sorted(number for site, number in sites.items() if site not in known)
        known.update(sites)
        return [*((number, False) for number in new), *([(1, True)] if sites else [])]

    return chosen


def prepared(operation: Operation, folder: Path) -> Before:
    folder.mkdir()
    return Before(folder, operation.prepare(folder / "run.h5"))


def _point(found: Tally, name: str, before: Before, plan: Plan) -> Ended:
    ended = attempt(name, before, plan, plan.folder / "point")
    shutil.rmtree(plan.folder / "point")
    found.points += 1
    found.crashes += ended.is_crash
    found.lost += ended.is_lost
    found.silent += ended.is_silent
    if ended.wrong:
        when = "from then on" if plan.is_lasting else "once"
        found.wrong.append(f"{name}: {plan.kind} {plan.number} {when}: {ended.wrong}")
    return ended


def _memory_points(found: Tally, name: str, before: Before, scratch: Path, step: int) -> None:
    """Allocations cannot be counted beforehand: until several in a row have passed untouched."""
    untouched = 0
    for number in itertools.count(1, step):
        untouched = untouched + 1 if _point(found, name, before, Plan(MEMORY, number, scratch)).status == 0 else 0
        if untouched == MOST_UNTOUCHED:
            return


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that this process removes in the end, and no child of it."""
    owner, folder = os.getpid(), tempfile.mkdtemp()
    try:
        yield Path(folder)
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder)


def attempt(name: str, before: Before, plan: Plan, folder: Path) -> Ended:
    """One point, in a process of its own."""
    operation = OPERATIONS[name]
    shutil.copytree(before.folder, folder / "place")
    (folder / "out").mkdir()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(operation, plan, folder, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = [json.loads(line) for line in pipe.read().splitlines()]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    reported = {each["row"]: (each["recorded_s"], each["segment"]) for each in told if "row" in each}
    changes = {each["change"] for each in told if "change" in each}
    (end,) = [each for each in told if "seen" in each] or [{"seen": {}, "sites": {}, "said": "", "trace": ""}]
    seen = Counter(end["seen"])
    if status < 0:
        return Ended(status, seen, is_crash=True, wrong=f"ended by {signal.Signals(-status).name}")
    if lost := _lost(folder, before.rows, reported, changes):
        return Ended(status, seen, is_lost=True, wrong=f"{lost} ({end['said']})")
    if end["trace"] and plan.kind == MEMORY:  # the command says "internal error" in one line
        return Ended(status, seen)
    if silent := _silent(operation, folder, status, end):
        return Ended(status, seen, is_silent=True, wrong=silent)
    return Ended(status, seen, end["sites"])


def _in_child(operation: Operation, plan: Plan, folder: Path, writing: int) -> None:
    real_write = os.write

    def say(**told: object) -> None:
        real_write(writing, json.dumps(told).encode() + b"\n")

    signal.alarm(HANGS_S)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    said, trace, status = "", "", 0
    place = Place(
        folder,
        plan.arm,
        lambda each: say(row=each.index, recorded_s=each.recorded_s, segment=each.segment),
        lambda segment: say(change=segment),
    )
    with failing(plan):
        try:
            operation.work(place)
        except UserError as error:
            said, status = str(error), SAID
        except BaseException:
            trace, status = traceback.format_exc(), RAISED
    say(seen=plan.seen, sites=plan.sites, said=said, trace=trace)
    gc.freeze()  # as at the end of the command
    sys.exit(status)  # in order: what Python and HDF5 do at the end of a process must not crash either


def _lost(folder: Path, before: list[Row], reported: dict[int, tuple[float, int]], changes: set[int]) -> str:
    """What is not there any more, in words."""
    expected = {each.index: each for each in before}
    try:
        path = newest(folder)
    except StopIteration:
        return f"{len(reported) + len(before)} rows are gone with their file" if reported or before else ""
    try:
        with read_run(path) as run:
            found = {each.index: each for each in run.rows}
            missing = {*changes, *(each.segment for each in run.rows)} - {0, *(each.segment for each in run.changes)}
    except UserError as error:
        return f"cannot be opened: {error}" if reported or before else ""
    if missing:
        return f"the settings of segment {min(missing)} are lost"
    for number, (recorded_s, segment) in reported.items():
        wanted = expected.get(number) or row(number)
        there = found.get(number)
        if there is not None and there.filled is not None and wanted.filled is None:
            wanted = filling(row(number))
        expected[number] = replace(wanted, recorded_s=recorded_s, segment=segment)
    for number, wanted in expected.items():
        if number not in found:
            return f"row {number} is lost"
        try:
            assert_same_row(found[number], wanted)
        except AssertionError as error:
            return f"row {number} is another: {str(error)[:200]}"
    return ""


def _silent(operation: Operation, folder: Path, status: int, end: dict[str, str]) -> str:
    if end["trace"]:
        lines = end["trace"].splitlines()
        places = [line.strip() for line in lines if line.startswith("  File") and "/tests/" not in line]
        return f"raised {lines[-1]} at {'; '.join(place.rpartition('/')[2] for place in places[-4:])}"
    if status == SAID and ("\n" in end["said"] or not end["said"]):
        return f"does not say what happened in one line: {end['said']!r}"
    if status not in (0, SAID):
        return f"ended with exit status {status}"
    if status == 0 and not operation.done(folder):
        return "says that all is well, and it is not done"
    return ""


if __name__ == "__main__":
    main()
