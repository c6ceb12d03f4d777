"""A recorder of a made-up run as a program of its own: ``python -m tests.record.recorder WHAT RUN.h5``.

WHAT: ``record``, ``resume``, ``fill``, ``note``, ``fallback``. Each row is told once it is recorded, as ``row NUMBER``;
what stops it is said in one line, with exit status 2.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Filled, Row
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs

ROWS = 40
Tell = Callable[[Row], None]


def record(path: Path, tell: Tell, rows: int = ROWS) -> None:
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        for row in runs.rows(rows):
            tell(writer.append(row))


def resume(path: Path, tell: Tell, rows: int = ROWS) -> None:
    with RunWriter.resume(path) as writer:
        start = len(writer.names)
        for number in range(start, start + rows):
            tell(writer.append(runs.row(number, runs.two_theta())))


def fill(path: Path, tell: Tell, rows: int = ROWS) -> None:
    """Record, and fill every gap that was unreadable when five more rows have come."""
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        for row in runs.rows(rows):
            tell(writer.append(row))
            if row.index % 10 == 8:
                tell(writer.append(filling(runs.row(row.index - 5, runs.two_theta()))))


def filling(gap: Row) -> Row:
    whole = runs.row(gap.index + 2, runs.two_theta())
    return replace(whole, index=gap.index, verdict=gap.verdict, filled=Filled("unreadable: cut short", gap.time_s))


def note(path: Path, tell: Tell, rows: int = ROWS) -> None:
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        for row in runs.rows(rows):
            tell(writer.append(row))
            writer.append_note(row.time_s, "a note " * 500)


def fallback(path: Path, tell: Tell, rows: int = ROWS) -> None:
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        writer.use_fallback(Fallback(path.with_name("fallback"), runs.header(), runs.two_theta()))
        for row in runs.rows(rows):
            tell(writer.append(row))


def show(path: Path, tell: Tell, rows: int = ROWS) -> None:
    del rows
    with read_run(path) as run:
        for row in run.rows:
            tell(row)


WHAT = {each.__name__: each for each in (record, resume, fill, note, fallback, show)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("path", type=Path)
    given = parser.parse_args()
    try:
        WHAT[given.what](given.path, _tell)
    except UserError as error:
        sys.stderr.write(f"latticewatch: {error}\n")
        return 2
    return 0


def _tell(row: Row) -> None:
    sys.stdout.write(f"row {row.index}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
