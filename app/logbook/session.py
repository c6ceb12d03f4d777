"""What ``latticewatch logbook`` does, one function for each thing; each gives the lines that it has to say."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from latticewatch.app.logbook import elog, icat
from latticewatch.app.logbook.answer import Fate
from latticewatch.app.logbook.entry import LogbookEntry, entry_of, plain
from latticewatch.app.logbook.posting import Outcome, post_waiting
from latticewatch.app.logbook.queue import add, locked, queue_folder, remove, waiting
from latticewatch.app.logbook.secret import Secret, secret_of, variable
from latticewatch.app.logbook.settings import (
    ElogLogbook,
    IcatLogbook,
    Logbook,
    Logbooks,
    chosen,
    read_logbooks,
    settings_path,
)
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.text import one_line


class NotKeptError(UserError):
    """The entry is neither posted nor on the disk: its words are nowhere yet."""


def post_run(
    path: Path, config: Path | None, to: str | None, text: str, draw: Callable[[Run], bytes], *, again: bool = False
) -> Iterator[str]:
    """Post this run, after whatever waits. draw: makes a PNG of a run.

    Raises NotKeptError where the set-up, the run or the folder of entries cannot be used, another UserError where a
    logbook refuses: the entry then waits.
    """
    with ExitStack() as stack:
        try:
            logbooks, name = _logbook_for(config, to)
            entry, picture = _composed(path, name, text, draw)
            ours = stack.enter_context(locked(queue_folder()))
            add(queue_folder(), entry, picture)
        except UserError as error:
            raise NotKeptError(str(error)) from None
        if not ours:
            yield f"{name}: another latticewatch is posting; entry {entry.key} waits: latticewatch logbook --pending"
            return
        yield from _told(post_waiting(queue_folder(), logbooks, again=again))


def post_pending(config: Path | None, *, again: bool = False) -> Iterator[str]:
    """Post what waits. Raises UserError as ``post_run`` does."""
    logbooks = read_logbooks(config)
    with locked(queue_folder()) as ours:
        if not ours:
            yield "another latticewatch is posting; try again when it has ended"
        elif not waiting(queue_folder()):
            yield "nothing waits"
        else:
            yield from _told(post_waiting(queue_folder(), logbooks, again=again))


def show_run(path: Path, config: Path | None, to: str | None, text: str, draw: Callable[[Run], bytes]) -> Iterator[str]:
    """What would be posted of this run, and where. Nothing is sent and nothing is kept."""
    logbooks, name = _logbook_for(config, to)
    entry, picture = _composed(path, name, text, draw)
    logbook, secret = logbooks.all[name], secret_of(name)
    yield f"to {name}: {logbook.url}"
    yield f"secret: {secret.source if secret.value else f'none; it would be taken from {variable(name)}'}"
    yield from _fields(logbook, entry)
    yield f"picture: PNG, {len(picture)} bytes"
    yield plain(entry)


def show_pending() -> Iterator[str]:
    """What waits, the oldest first."""
    kept = waiting(queue_folder())
    for each in kept:
        doubt = "; it may be there already" if each.entry.sending else ""
        told = f"; {each.entry.told}" if each.entry.told else ""
        yield f"{each.entry.key} for {each.entry.logbook}: {each.entry.subject}{told}{doubt}"
    if not kept:
        yield "nothing waits"


def discard_entry(key: str) -> Iterator[str]:
    """Forget an entry that waits. Raises UserError where none has this key."""
    with locked(queue_folder()) as ours:
        found = [each for each in waiting(queue_folder()) if each.entry.key == key]
        if not ours or not found:
            why = "no entry of this key waits" if ours else "another latticewatch is posting"
            raise UserError(f"{one_line(key)}: {why}; latticewatch logbook --pending --dry-run lists them")
        for each in found:
            remove(each)
            yield f"{key} discarded: {each.entry.subject}"


def _logbook_for(config: Path | None, to: str | None) -> tuple[Logbooks, str]:
    logbooks = read_logbooks(config)
    return logbooks, chosen(logbooks, to, config or settings_path())


def _composed(path: Path, name: str, text: str, draw: Callable[[Run], bytes]) -> tuple[LogbookEntry, bytes]:
    with read_run(path) as run:
        return entry_of(run, name, text), draw(run)


def _told(outcomes: Iterator[Outcome]) -> Iterator[str]:
    """A line for each entry; what was refused ends in an error when all are through."""
    refusals: list[str] = []
    for outcome in outcomes:
        line = _line(outcome)
        if outcome.answer.fate is Fate.REFUSED:
            refusals.append(line)
        else:
            yield line
    if refusals:
        more = f" (and {len(refusals) - 1} more entries wait)" if len(refusals) > 1 else ""
        raise UserError(refusals[0] + more)


def _line(outcome: Outcome) -> str:
    entry, words = outcome.entry, outcome.answer.words
    match outcome.answer.fate:
        case Fate.ACCEPTED:
            return f"posted to {entry.logbook}: {entry.subject} ({words})"
        case Fate.REFUSED:
            return (
                f"{entry.logbook}: {entry.subject}: {words}; entry {entry.key} waits: correct it, then "
                "latticewatch logbook --pending"
            )
        case Fate.UNREACHABLE:
            return f"{entry.logbook}: {words}; entry {entry.key} waits: latticewatch logbook --pending"
        case Fate.UNSURE:
            return (
                f"{entry.logbook}: {words}; entry {entry.key} may be there already: look, then --discard {entry.key} "
                "or --pending --again"
            )


def _fields(logbook: Logbook, entry: LogbookEntry) -> Iterator[str]:
    """What goes with the text, without a secret."""
    if isinstance(logbook, ElogLogbook):
        for name, value in elog.form_of(logbook, Secret(), entry).items():
            yield f"{name} = {value}"
    elif isinstance(logbook, IcatLogbook):
        yield f"parts = {', '.join(icat.PARTS)}"
        yield f"beamline = {logbook.beamline}, proposal = {logbook.proposal or 'none'}"
