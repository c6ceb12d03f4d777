"""What the command line or the start dialog says of a scan's inputs. It loads nothing slow: every command needs it."""

from dataclasses import dataclass
from pathlib import Path

# Files that images or fits are corrected with, by their names in Given.
CORRECTIONS = ("mask", "dark", "flat", "background")


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line, or the start dialog, says of a scan's inputs; None: find it."""

    geometry: Path | None = None
    experiment: Path | None = None
    mask: Path | None = None
    dark: Path | None = None
    flat: Path | None = None
    background: Path | None = None
    orientation: int | None = None
    recursive: bool | None = None
    include: str | None = None
    dataset: str | None = None
