"""``process`` for many scans: plan, work, tell what became of each."""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from os import sched_getaffinity
from pathlib import Path
from typing import Any

from latticewatch.app.batch.dask_workers import dask_crew
from latticewatch.app.batch.driving import Crew, drive
from latticewatch.app.batch.find_scans import Found, Skipped, scans_in
from latticewatch.app.batch.local_workers import LocalCrew
from latticewatch.app.batch.plan import Planned, named_scans, plan
from latticewatch.app.batch.progress import showing
from latticewatch.app.batch.run_status import RunStatus
from latticewatch.app.batch.summary import totals, write_scans
from latticewatch.app.batch.task import Event, EventKind, Task
from latticewatch.app.batch.worker import versions
from latticewatch.app.exit_status import DONE, INTERNAL_ERROR, INTERRUPTED, NO_NUMBERS, UNUSABLE
from latticewatch.app.output import write_line
from latticewatch.app.run.given import Given
from latticewatch.app.run.outcome_line import counted
from latticewatch.app.run.signals import stopped_by_signals
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import refuse_inputs
from latticewatch.processing.text import printable

STATUS_OF = {
    EventKind.DONE: DONE,
    EventKind.UNUSABLE: UNUSABLE,
    EventKind.UNFIT: UNUSABLE,
    EventKind.LOST: INTERNAL_ERROR,
    EventKind.STOPPED: INTERRUPTED,
}

RUN_SUFFIXES = (".h5", ".hdf5", ".nxs")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What ``process`` is asked for: scans, or all of a tree. out: the folder of the run files.

    workers: None: one per core. scheduler: address of a Dask cluster. summary: CSV with one line per scan.
    """

    given: Given
    scans: tuple[Path, ...] = ()
    tree: Path | None = None
    out: Path | None = None
    workers: int | None = None
    scheduler: str | None = None
    summary: Path | None = None
    as_json: bool = False
    dry_run: bool = False


def process_many(request: BatchRequest) -> int:
    """Process what is left of all scans, each into a run file of its own. The worst exit status of them all."""
    told: dict[str, Any] = {each.name: getattr(request.given, each.name) for each in fields(Given)}
    # Another host's working folder is another one.
    told |= {name: path.absolute() for name, path in told.items() if isinstance(path, Path)}
    given = Given(**told)
    if request.summary is not None:
        refuse_inputs(request.summary, (value for value in told.values() if isinstance(value, Path)))
    found, skipped = _found(request)
    bad = UNUSABLE if any(each.bad for each in skipped) else DONE
    planned = plan(found, given, look=request.dry_run)
    if request.dry_run:
        _say_plan(planned, skipped)
        return UNUSABLE if any(each.problem for each in planned) else bad
    for item in skipped:
        log.log(logging.WARNING if item.bad else logging.INFO, "skipped %s: %s", printable(item.name), item.why)
    left = [each for each in planned if each.status != RunStatus.DONE]
    for each in planned:
        if each not in left:
            log.info("%s: %s; recorded in %s", each.name, each.told, each.out)
    ends = _worked(left, given, request) if left else {}
    write_line(totals(planned, ends), sys.stderr if request.as_json else sys.stdout)
    if request.summary:
        write_scans(request.summary, planned, ends)
    numberless = [end for end in ends.values() if end.kind == EventKind.DONE and 0 < end.done == end.gaps]
    statuses = [STATUS_OF[end.kind] for end in ends.values()]
    return max([*statuses, NO_NUMBERS if numberless else DONE, bad])


def _found(request: BatchRequest) -> tuple[list[Found], list[Skipped]]:
    folder = request.out
    if folder is not None and (folder.is_file() or folder.suffix.lower() in RUN_SUFFIXES):
        raise UserError(f"{folder}: one run file for several scans; give a folder, or omit --out")
    if request.tree is None:
        return named_scans(request.scans, folder), []
    items = list(scans_in(request.tree, folder.resolve() if folder else None, request.given))
    found = [each for each in items if isinstance(each, Found)]
    if not found:
        raise UserError(f"{request.tree}: no scans in it or below; give the folder that holds the scans")
    refuse_collisions((each.name, each.out) for each in found)
    return found, [each for each in items if isinstance(each, Skipped)]


def refuse_collisions(outs: Iterable[tuple[str, Path]]) -> None:
    """Raises UserError naming two scans that would be recorded in the same file."""
    seen: dict[Path, str] = {}
    for name, out in outs:
        other = seen.setdefault(out, name)
        if other != name:
            raise UserError(
                f"{other} and {name} would both be recorded in {out}; rename one, or process them one by one"
            )


def _say_plan(planned: Sequence[Planned], skipped: Sequence[Skipped]) -> None:
    lines = [f"{each.name}: {each.told}{'' if each.problem else f': {each.out}'}" for each in planned]
    lines += [f"skipped {each.name}: {each.why}" for each in skipped]
    sys.stdout.writelines(printable(line) + "\n" for line in lines)
    unusable = sum(bool(each.problem) for each in planned)
    left = sum(each.status != RunStatus.DONE for each in planned) - unusable
    told = f", {unusable} unusable" if unusable else ""
    sys.stdout.write(f"{counted(len(planned), 'scan')}, {left} to do{told}\n")


def _worked(left: Sequence[Planned], given: Given, request: BatchRequest) -> dict[str, Event]:
    software = versions()
    tasks = [Task(each.name, each.scan, given, each.out, request.as_json, software=software) for each in left]
    _make_folders({task.out.parent for task in tasks})
    stop = threading.Event()
    shown_to = showing(len(tasks), as_json=request.as_json)
    with stopped_by_signals(stop), _crew(request, tasks) as crew, shown_to as shown:
        return drive(tasks, crew, shown.take, stop)


def _make_folders(folders: set[Path]) -> None:
    for folder in sorted(folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: cannot be made ({error.strerror}); choose another --out") from None


@contextmanager
def _crew(request: BatchRequest, tasks: Sequence[Task]) -> Iterator[Crew]:
    if request.scheduler is not None:
        with dask_crew(request.scheduler, request.workers) as cluster:
            cluster.check_workers(tasks[0])
            yield cluster
        return
    workers = request.workers or len(sched_getaffinity(0))
    with closing(LocalCrew(min(workers, len(tasks)))) as local:
        yield local
