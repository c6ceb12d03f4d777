"""Which numbers of a series came, which did not, and which came late."""

from collections.abc import Iterator

LISTED = 1000
"""So many missing numbers in a row are listed one by one; more are one entry: a counter may also jump."""


class Numbers:
    """The numbers of one series, which begins with ``first``. Memory grows with the losses only."""

    def __init__(self, first: int = 0) -> None:
        self._first = self.next = first
        self._skipped: list[range] = []
        self._late: set[int] = set()

    def is_known(self, number: int) -> bool:
        """Whether it came before, or lies before the series."""
        missing = number not in self._late and any(number in skipped for skipped in self._skipped)
        return number < self.next and not missing

    def take(self, number: int) -> Iterator[range] | None:
        """Note that this number came; the numbers skipped before it, None where it is one of those, late."""
        if number < self.next:
            self._late.add(number)
            return None
        skipped = range(self.next, number)
        if skipped:
            self._skipped.append(skipped)
        self.next = number + 1
        pieces = [range(each, each + 1) for each in skipped] if len(skipped) <= LISTED else [skipped]
        return iter(pieces)

    def take_next(self) -> int:
        """The number that is due, for a message that does not tell its own; it may still come."""
        self._skipped.append(range(self.next, self.next + 1))
        self.next += 1
        return self.next - 1
