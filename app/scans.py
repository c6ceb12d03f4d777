"""Several scans: one run file each, side by side where asked; one that fails does not stop the others."""

import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.headless import DONE, INTERRUPTED, run_headless
from latticewatch.app.log import start_logging
from latticewatch.app.main import UNUSABLE, printable
from latticewatch.app.openings import free_names, recorded_scan
from latticewatch.app.options import Given
from latticewatch.processing.errors import UserError


@dataclass(frozen=True, slots=True)
class Task:
    """One scan and where it is recorded."""

    scan: Path
    given: Given
    out: Path
    resume: bool
    as_json: bool


def process_scans(
    scans: Sequence[Path], given: Given, out: Path | None, *, resume: bool, as_json: bool, workers: int
) -> int:
    """Process each scan into a run file of its own. The worst exit status of them all."""
    if out and len(scans) > 1:
        raise UserError(f"{out}: one run file for {len(scans)} scans; leave --out out, each scan gets its own")
    outs = [out] if out else free_names(scans, resume=resume)
    tasks = [Task(scan, given, path, resume, as_json) for scan, path in zip(scans, outs, strict=True)]
    if len(tasks) == 1:
        return _run(tasks[0])
    if workers == 1:
        return _worst(_one_after_another(tasks))
    # spawn: a forked OpenMP or HDF5 may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=_start_worker) as pool:
        return _worst(pool.map(_run_named, tasks))


def _start_worker() -> None:
    start_logging(verbose=False)


def _one_after_another(tasks: Iterable[Task]) -> Iterator[int]:
    for task in tasks:
        status = _run_named(task)
        yield status
        if status == INTERRUPTED:
            return


def _worst(statuses: Iterable[int]) -> int:
    return max(statuses, default=DONE)


def _run_named(task: Task) -> int:
    """As ``_run``; what is unusable is said with the scan's name and the others go on."""
    try:
        return _run(task)
    except UserError as error:
        sys.stderr.write(f"latticewatch: {printable(f'{task.scan}: not processed: {error}')}\n")
        return UNUSABLE


def _run(task: Task) -> int:
    opening = recorded_scan(task.scan, task.given, task.out, resume=task.resume)
    return run_headless(opening, as_json=task.as_json, title=task.scan.name)
