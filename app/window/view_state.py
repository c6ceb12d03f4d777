"""Whether the page follows the run or holds an older view: what the bar over it says, and the way back."""

import math
from dataclasses import dataclass
from enum import StrEnum

from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.wording import PART, moment


class Kind(StrEnum):
    """How much the page follows: it chooses the colour."""

    LIVE = "live"
    BACK = "back"
    HELD = "held"


class RunKind(StrEnum):
    """Where the rows come from, and whether more can come."""

    LIVE = "live"
    ENDED = "ended"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class ViewState:
    """kind, a word or two for it, what is shown in words, and what the one button back says; empty: no button."""

    kind: Kind
    words: str
    detail: str
    button: str = ""


FOLLOWED = {
    RunKind.LIVE: ("LIVE", "newest frame", "Back to live"),
    RunKind.ENDED: ("LAST FRAME", "frame", "Back to the last frame"),
    RunKind.REPLAY: ("NEWEST PLAYED", "frame", "Back to the newest"),
}


def view_state(newest: Row | None, chosen: Row | None, *, follows: bool, run: RunKind) -> ViewState:
    """What the page shows. newest: None while there is no row; chosen: None where the newest is shown. follows: map and
    trace take in what comes; not so once they were moved or zoomed by hand.
    """
    word, which, back = FOLLOWED[run]
    if newest is None:
        return ViewState(Kind.LIVE, word, "")
    last = f"{which} {_named(newest)}"
    if chosen is not None:
        shown = f"frame {_named(chosen)}"
        held = "" if follows else f"{PART}zoomed"
        return ViewState(Kind.BACK, "LOOKING BACK", f"{shown}{PART}the newest is {_named(newest)}{held}", back)
    if not follows:
        return ViewState(Kind.HELD, "ZOOMED", f"map and trace are held where they are{PART}{last}", back)
    return ViewState(Kind.LIVE, word, last)


def _named(row: Row) -> str:
    """``118 at 4:55 min``."""
    return f"{row.index} at {moment(row.time_s)}" if math.isfinite(row.time_s) else f"{row.index}"
