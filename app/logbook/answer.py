"""What became of a post: the four things a client can know."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Fate(StrEnum):
    """ACCEPTED: the server confirmed it. REFUSED: the server or its certificate said no. UNREACHABLE: it was
    not sent. UNSURE: it was sent, and no answer says whether it arrived."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Answer:
    """words: where the entry is, or why it is nowhere."""

    fate: Fate
    words: str


accepted, refused = partial(Answer, Fate.ACCEPTED), partial(Answer, Fate.REFUSED)
unreachable, unsure = partial(Answer, Fate.UNREACHABLE), partial(Answer, Fate.UNSURE)
