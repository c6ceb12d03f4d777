"""Numbers that are missing in a series of frames."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from latticewatch.processing.files.frame_names import FrameName, frame_name, missing_between


@dataclass(slots=True)
class MissingFrames:
    """How many numbers are missing so far; a frame that comes late takes its number out of the hole it leaves."""

    count: int = 0
    _between: list[tuple[FrameName, FrameName]] = field(default_factory=list)

    def passed(self, before: FrameName, after: FrameName) -> int:
        """From one frame to the next in order; how many are missing between them."""
        missing = missing_between(before, after) or 0
        if missing:
            self.count += missing
            self._between.append((before, after))
        return missing

    def came_late(self, name: FrameName) -> None:
        """A frame that was passed over is there after all."""
        for place, (before, after) in enumerate(self._between):
            if before < name < after:
                del self._between[place]
                self.count -= missing_between(before, after) or 0
                self.passed(before, name)
                self.passed(name, after)
                return


def missing_numbers(names: Iterable[str]) -> int:
    """How many numbers are missing between the first and the last of each series among these names."""
    ordered = sorted(map(frame_name, set(names)), key=lambda name: name.key)
    return sum(missing_between(before, after) or 0 for before, after in pairwise(ordered))
