"""What a user sees of many scans: bars on a terminal, lines elsewhere, rows as JSON where asked."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latticewatch.app.batch.task import ENDS, Event, EventKind
from latticewatch.app.output import write_line
from latticewatch.app.run.headless import bars
from latticewatch.app.run.json_rows import json_line
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.text import printable

LINE_EVERY_S = 10.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Showing:
    """Takes every event; what it writes is for people, but for the rows when ``as_json``.

    scans: how many there are to do. bars: rich's progress, None where there is no terminal.
    """

    scans: int
    as_json: bool
    bars: Any = None
    _ended: int = 0
    _frames: dict[str, int] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _bar_of: dict[str, Any] = field(default_factory=dict)
    _all: Any = None
    _said: set[str] = field(default_factory=set)
    _began_s: float = field(default_factory=time.monotonic)
    _due_s: float = field(default_factory=lambda: time.monotonic() + LINE_EVERY_S)

    def take(self, event: Event) -> None:
        if event.kind == EventKind.SAID:
            if event.text not in self._said:  # what many scans say alike is logged once
                self._said.add(event.text)
                log.log(event.level, "%s: %s", event.name, event.text)
        elif event.kind == EventKind.ROW:
            self._frames[event.name] = event.done
            if self.as_json and event.frame == self._rows.get(event.name, 0):
                self._rows[event.name] = event.frame + 1
                write_line(event.text)
        elif event.kind == EventKind.AGAIN:
            _complain(f"{event.name}: {event.text}")
        elif event.kind in ENDS:
            self._end(event)
        self._draw(event)

    def _end(self, event: Event) -> None:
        self._ended += 1
        if event.done:
            self._frames[event.name] = event.done
        if event.kind == EventKind.DONE:
            if self.as_json:
                self._rows_missed(event)
            self._write(f"[{self._ended}/{self.scans}] {event.name}: {event.text}")
        elif event.kind == EventKind.STOPPED:
            self._write(f"{event.name}: stopped: {event.text}")
        else:
            _complain(f"{event.name}: not processed: {event.text}")

    def _rows_missed(self, event: Event) -> None:
        """Rows whose telling was lost with a worker stand in the run file."""
        told = self._rows.get(event.name, 0)
        if told >= event.done:
            return
        try:
            with read_run(Path(event.out)) as run:
                for row in run.traced[told:]:
                    write_line(json_line(row, run.setup, event.name))
        except UserError as error:
            _complain(f"{event.name}: {error}")

    def _write(self, text: str) -> None:
        """For people: on stdout, but where that is for JSON."""
        line = printable(text)
        if self.bars and (self.as_json or sys.stdout.isatty()):
            self.bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
            return
        write_line(line, sys.stderr if self.as_json else sys.stdout)

    def _draw(self, event: Event) -> None:
        if self.bars is None:
            self._line()
            return
        if self._all is None:
            self._all = self.bars.add_task("all scans", total=self.scans, rate="")
        if event.kind in ENDS:
            bar = self._bar_of.pop(event.name, None)
            if bar is not None:
                self.bars.remove_task(bar)
        elif event.kind != EventKind.SAID:
            if event.name not in self._bar_of:
                self._bar_of[event.name] = self.bars.add_task(printable(event.name), total=None, rate="")
            total = event.found or None
            self.bars.update(self._bar_of[event.name], completed=event.done, total=total)
        self.bars.update(self._all, completed=self._ended, rate=self._rate())

    def _line(self) -> None:
        """Where there is no terminal: now and then a line."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + LINE_EVERY_S
        told = f"{self._ended} of {self.scans} scans, {sum(self._frames.values())} frames, {self._rate()}"
        write_line(told, sys.stderr)

    def _rate(self) -> str:
        elapsed_s = max(time.monotonic() - self._began_s, 1e-3)
        return f"{sum(self._frames.values()) / elapsed_s:.0f} frames/s"


def _complain(text: str) -> None:
    write_line(f"latticewatch: {printable(text)}", sys.stderr)


@contextmanager
def showing(scans: int, *, as_json: bool) -> Iterator[Showing]:
    """Bars on stderr where that is a terminal; log lines then go above them."""
    if not sys.stderr.isatty():
        yield Showing(scans, as_json)
        return
    with bars() as shown:
        # stderr is rich's now; the log's lines must go through it too.
        handlers = [each for each in logging.getLogger("latticewatch").handlers if type(each) is logging.StreamHandler]
        before = [handler.setStream(sys.stderr) for handler in handlers]
        try:
            yield Showing(scans, as_json, shown)
        finally:
            for handler, stream in zip(handlers, before, strict=True):
                if stream is not None:
                    handler.setStream(stream)
