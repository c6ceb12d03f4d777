"""What became of a post: the four things a client can know."""

from dataclasses import dataclass
from enum import StrEnum


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


def accepted(words: str) -> Answer:
    """It is there."""
    return Answer(Fate.ACCEPTED, words)


def refused(words: str) -> Answer:
    """It is not there, and the same again will not be taken either."""
    return Answer(Fate.REFUSED, words)


def unreachable(words: str) -> Answer:
    """It is not there; the same again may be."""
    return Answer(Fate.UNREACHABLE, words)


def unsure(words: str) -> Answer:
    """It may be there."""
    return Answer(Fate.UNSURE, words)
