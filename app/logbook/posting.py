"""Everything that waits, posted in order; an entry leaves the queue when the server has confirmed all of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.logbook import elog, icat, webhook
from latticewatch.app.logbook.answer import Answer, Fate, refused, unsure
from latticewatch.app.logbook.entry import LogbookEntry
from latticewatch.app.logbook.queue import Waiting, remove, rewrite, waiting
from latticewatch.app.logbook.secret import Secret, secret_of
from latticewatch.app.logbook.settings import ElogLogbook, IcatLogbook, Logbook, Logbooks, WebhookLogbook
from latticewatch.processing.errors import UserError

Post = Callable[[str, LogbookEntry, bytes], Answer]
AGAIN = "Posted again: whether the first post arrived is not known."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entry."""

    entry: LogbookEntry
    answer: Answer


def post_waiting(folder: Path, logbooks: Logbooks, *, again: bool = False) -> Iterator[Outcome]:
    """Post what waits in this folder, the oldest first, and say of each what became of it.

    A logbook that cannot be reached or that refuses is left alone until the next time, so that its order is
    kept and a wrong password is tried once. An entry that may have arrived is not posted a second time unless
    ``again`` says so; the second post says that it is one. Hold the folder's lock.
    """
    stopped: dict[str, Answer] = {}
    for kept in waiting(folder):
        entry = kept.entry
        if entry.sending and not again:
            yield Outcome(entry, unsure(entry.told or "the program ended before the server answered"))
        elif entry.logbook in stopped:
            yield Outcome(entry, stopped[entry.logbook])
        else:
            answer = _post(kept, logbooks)
            if answer.fate is not Fate.ACCEPTED:
                stopped[entry.logbook] = answer
            yield Outcome(entry, answer)


def _post(kept: Waiting, logbooks: Logbooks) -> Answer:
    logbook = logbooks.all.get(kept.entry.logbook)
    if logbook is None:
        return refused(f'no logbook is called "{kept.entry.logbook}" any more; check logbook.toml')
    parts, post = poster(logbook, secret_of(kept.entry.logbook))
    try:
        picture = kept.picture
    except UserError as error:
        return refused(str(error))
    if kept.entry.sending and AGAIN not in kept.entry.text:
        text = f"{kept.entry.text}\n{AGAIN}".strip()
        kept = rewrite(kept, kept.entry.model_copy(update={"text": text}))
    words = []
    for part in (part for part in parts if part not in kept.entry.done):
        kept, answer = _post_part(kept, part, post, picture)
        if answer.fate is not Fate.ACCEPTED:
            return answer
        words.append(answer.words)
    remove(kept)
    return Answer(Fate.ACCEPTED, ", ".join(words))


def _post_part(kept: Waiting, part: str, post: Post, picture: bytes) -> tuple[Waiting, Answer]:
    """Write down that it is on its way, send it, write down what is known then."""
    kept = rewrite(kept, kept.entry.model_copy(update={"sending": part}))
    answer = post(part, kept.entry, picture)
    known: dict[str, object] = {"told": answer.words}
    if answer.fate is not Fate.UNSURE:
        known["sending"] = ""
    if answer.fate is Fate.ACCEPTED:
        known["done"] = (*kept.entry.done, part)
    return rewrite(kept, kept.entry.model_copy(update=known)), answer


def poster(logbook: Logbook, secret: Secret) -> tuple[tuple[str, ...], Post]:
    """The parts that this kind of logbook takes, and what posts one of them."""
    match logbook:
        case ElogLogbook():
            return elog.PARTS, lambda part, entry, picture: elog.post_part(part, logbook, secret, entry, picture)
        case IcatLogbook():
            return icat.PARTS, lambda part, entry, picture: icat.post_part(part, logbook, secret, entry, picture)
        case WebhookLogbook():
            return webhook.PARTS, lambda part, entry, picture: webhook.post_part(part, logbook, secret, entry, picture)
    raise TypeError(f"no poster for {type(logbook).__name__}")
