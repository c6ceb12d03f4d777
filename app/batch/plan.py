"""What is left to do: each scan with its run file, and how far that is."""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.batch.find_scans import Found
from latticewatch.app.batch.run_status import Content, RunStatus, content_of, run_status_of
from latticewatch.app.run.decisions import gather, is_run, run_name
from latticewatch.app.run.given import Given
from latticewatch.app.run.integrating import integrator_of, setup_of
from latticewatch.app.run.open_session import recorded_source
from latticewatch.app.run.outcome_line import counted
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.names import is_taken, numbered
from latticewatch.processing.sources.first_image import peek_first_image

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """A scan and its run file. recorded: frames that it holds already. problem: why it cannot be processed."""

    name: str
    scan: Path
    out: Path
    status: RunStatus
    recorded: int = 0
    problem: str = ""

    @property
    def told(self) -> str:
        """What is to be done, in a few words."""
        if self.problem:
            return f"unusable ({self.problem})"
        if self.status == RunStatus.DONE:
            return f"done before, {counted(self.recorded, 'frame')}"
        if self.status == RunStatus.UNFINISHED:
            return f"to be resumed after {counted(self.recorded, 'frame')}"
        return "to do"


def named_scans(scans: Sequence[Path], folder: Path | None) -> list[Found]:
    """Scans named one by one; run files SCAN.h5 in ``folder`` (None: the present one), SCAN_2.h5 for a second SCAN."""
    found: list[Found] = []
    for scan in scans:
        base = run_name(scan, (folder or Path.cwd()).absolute())
        out = next(path for path in numbered(base) if all(path != other.out for other in found))
        found.append(Found(str(scan), scan.absolute(), out))
    return found


def plan(found: Iterable[Found], given: Given, *, look: bool = False) -> list[Planned]:
    """For each scan the run file that holds its content, whole or in part; else the first name that is free.

    look: at every scan, whether it can be processed, with its first image; else only where that tells what is left.
    """
    planned: list[Planned] = []
    taken: set[Path] = set()
    for each in found:
        planned.append(_planned(each, given, taken, look))
        taken.add(planned[-1].out)
    return planned


def _planned(found: Found, given: Given, taken: set[Path], look: bool) -> Planned:
    content = _content(found, given, look=True) if look else None
    for out in numbered(found.out):
        if out in taken:
            continue
        if not is_taken(out):
            break
        content = content or _content(found, given)
        status, count = (RunStatus.OTHER, 0) if isinstance(content, str) else run_status_of(out, content)
        if status == RunStatus.DONE or (
            status == RunStatus.UNFINISHED and isinstance(content, Content) and content.resumable
        ):
            return Planned(found.name, found.scan, out, status, count)
    if out != found.out and isinstance(content, Content):
        log.info("%s: %s is of other frames or settings and stays; recording in %s", found.name, found.out, out.name)
    problem = content if isinstance(content, str) else ""
    return Planned(found.name, found.scan, out, RunStatus.ABSENT, problem=problem)


def _content(found: Found, given: Given, *, look: bool = False) -> Content | str:
    """Where it cannot be told, why: the worker will say so too, and which inputs are used when they are."""
    ours = logging.getLogger("latticewatch")
    before = ours.level
    ours.setLevel(max(before, logging.WARNING))
    try:
        content = content_of(found.scan, given)
        if look and not (found.scan.is_file() and is_run(found.scan)):
            _check(found.scan, given)
        return content
    except UserError as error:
        return str(error)
    finally:
        ours.setLevel(before)


def _check(scan: Path, given: Given) -> None:
    """That geometry, mask, dark, flat, background and phases fit the first image. Raises UserError as a run would."""
    inputs = gather(scan, given)
    peeked = peek_first_image(recorded_source(scan, inputs.experiment, given), str(scan), threading.Event())
    if peeked is not None:
        setup_of(inputs, integrator_of(inputs, peeked.image, keep_plan=False))
