"""Why a recording stops."""

import os
from pathlib import Path

from latticewatch.processing.errors import UserError

RESERVE_BYTES = 64 << 20
RESERVE_SHARE = 0.01
FULL = "the disk is nearly full"
GONE = "its folder is gone, or it was renamed or removed"


class RecordingStopped(UserError):  # noqa: N818 - what happened, not that it is an error
    """The disk takes no more. What was recorded is safe; ``append`` may be tried again once there is room.

    reason: in a few words; empty where nothing but the end of the run is the reason.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


def stopped(path: Path, reason: str) -> RecordingStopped:
    """Recording in this file is over, for this reason."""
    told = f"{path}: recording stopped ({reason}); every row so far is safe: fix this, then continue with --resume"
    return RecordingStopped(told, reason)


def is_full(folder: Path) -> bool:
    """Whether there is too little room to finish what was begun; False where that cannot be told."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    reserve = min(RESERVE_BYTES, RESERVE_SHARE * disk.f_blocks * disk.f_frsize)
    return disk.f_bavail * disk.f_frsize < reserve
