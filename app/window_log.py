"""The last lines of the log, for the window: any thread writes, the window pulls."""

import logging
from collections import deque

FORMAT = "%(asctime)s  %(message)s"


class RecentLines(logging.Handler):
    """Keeps new lines until the window takes them; never more than ``most``."""

    def __init__(self, most: int = 2000) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter(FORMAT, datefmt="%H:%M:%S"))
        self._lines: deque[str] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep this line."""
        self._lines.append(self.format(record))

    def take(self) -> list[str]:
        """The lines since the last call."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def begin(self) -> None:
        """Listen to what the program says."""
        logging.getLogger("latticewatch").addHandler(self)

    def end(self) -> None:
        """Stop listening."""
        logging.getLogger("latticewatch").removeHandler(self)
