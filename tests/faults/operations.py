"""What is done to a run while calls fail (``tests.faults.injection``): what is there before, the work, what is to be
there afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.recorder import filling
from tests.record.test_changes import change as changed

ROWS, CHANGES = 12, 2
HEADER, GRID = runs.header(), runs.two_theta()
Tell = Callable[[Row], None]


@dataclass(frozen=True)
class Place:
    """Where an operation works. arm: from here on calls fail. tell: a row is reported; tell_change: a change of the
    settings is, by its segment."""

    folder: Path
    arm: Callable[[], None]
    tell: Tell
    tell_change: Callable[[int], None]

    @property
    def run(self) -> Path:
        return self.folder / "place" / "run.h5"

    @property
    def fallback(self) -> Path:
        return self.folder / "fallback"


@dataclass(frozen=True)
class Operation:
    """prepare: what is there before each point, made once. work: in the child. done: whether all was done as it should
    be."""

    prepare: Callable[[Path], list[Row]]
    work: Callable[[Place], None]
    done: Callable[[Path], bool]


def row(number: int) -> Row:
    return runs.row(number, GRID)


# What is there before.


def nothing(_: Path) -> list[Row]:
    return []


def closed(path: Path) -> list[Row]:
    return runs.write_run(path, ROWS)


def killed(path: Path) -> list[Row]:
    """The run file holds the first rows, the journal all."""
    writer = RunWriter(path, HEADER, GRID)
    recorded = [writer.append(row(number)) for number in range(ROWS)]
    recorded[3] = writer.append(filling(row(3)))
    writer.append_note(1.0, "before the end")
    abandon(writer)
    return recorded


def damaged(path: Path) -> list[Row]:
    """The journal has lost a row that the run file holds."""
    writer = RunWriter(path, HEADER, GRID)
    recorded = writer.append_many([row(number) for number in range(ROWS)])
    writer.flush()
    abandon(writer)
    content = bytearray(journal_path(path).read_bytes())
    content[content.index(b"scan_0005p.cbf")] ^= 1
    journal_path(path).write_bytes(content)
    return recorded


def abandon(writer: RunWriter) -> None:
    writer._file.failure = OSError("gone")
    writer._leave_file()
    writer._journal.close()
    writer._lock_file.release()


# What is done.


def record(place: Place) -> None:
    place.arm()
    with RunWriter(place.run, HEADER, GRID) as writer:
        _rows(writer, place, range(ROWS))


def _rows(writer: RunWriter, place: Place, numbers: range) -> None:
    for number in numbers:
        place.tell(writer.append(row(number)))
    writer.set_account(0, 0)


def close(place: Place) -> None:
    writer = RunWriter(place.run, HEADER, GRID)
    for number in range(ROWS):
        place.tell(writer.append(row(number)))
    place.arm()
    writer.close()


def show(place: Place) -> None:
    place.arm()
    with read_run(place.run) as run:
        for each in run.rows:
            place.tell(each)
        assert len(run.rows) == ROWS


def resume(place: Place) -> None:
    place.arm()
    with RunWriter.resume(place.run) as writer:
        _rows(writer, place, range(ROWS, ROWS + 3))


def fill(place: Place) -> None:
    writer = RunWriter(place.run, HEADER, GRID)
    for number in range(ROWS):
        place.tell(writer.append(row(number)))
    place.arm()
    place.tell(writer.append(filling(row(3))))
    writer.close()


def note(place: Place) -> None:
    writer = RunWriter(place.run, HEADER, GRID)
    for number in range(ROWS):
        place.tell(writer.append(row(number)))
    place.arm()
    writer.append_note(2.0, "a note")
    writer.set_defects(np.array([[3, 4]]), np.empty((0, 2), np.int64))
    writer.close()


def change(place: Place) -> None:
    """The settings of a running scan are changed, twice."""
    with RunWriter(place.run, HEADER, GRID) as writer:
        _change(writer, place)


def change_with_fallback(place: Place) -> None:
    with RunWriter(place.run, HEADER, GRID) as writer:
        writer.use_fallback(Fallback(place.fallback, HEADER, GRID))
        _change(writer, place)


def _change(writer: RunWriter, place: Place) -> None:
    _rows(writer, place, range(ROWS - CHANGES))
    place.arm()
    for segment in range(1, CHANGES + 1):
        writer.append_change(changed(segment))
        place.tell_change(segment)
        place.tell(writer.append(replace(row(ROWS - CHANGES + segment - 1), segment=segment)))


def fallback(place: Place) -> None:
    """The folder of the run goes; then calls fail while all is copied to the other place."""
    writer = RunWriter(place.run, HEADER, GRID)
    writer.use_fallback(Fallback(place.fallback, HEADER, GRID))
    for number in range(ROWS - 3):
        place.tell(writer.append(row(number)))
    place.run.parent.rename(place.folder / "renamed")
    writer._space_at = float("-inf")
    place.arm()
    with writer:
        _rows(writer, place, range(ROWS - 3, ROWS))


def with_fallback(place: Place) -> None:
    """Calls fail where the run is, and recording continues in the other place."""
    place.arm()
    with RunWriter(place.run, HEADER, GRID) as writer:
        writer.use_fallback(Fallback(place.fallback, HEADER, GRID))
        _rows(writer, place, range(ROWS))


def to_export(path: Path) -> list[Row]:
    import_module("latticewatch.app.commands.exports")  # slow to load: matplotlib; and once for all points
    return closed(path)


def export(place: Place) -> None:
    _export(place, trace="lp.csv", patterns="xye", summary="s.json")


def export_figure(place: Place) -> None:
    _export(place, figure="f.png")


def export_map(place: Place) -> None:
    for suffix in ("npz", "csv", "h5"):
        _export(place, map_file=f"map.{suffix}")


def _export(place: Place, **names: str) -> None:
    from latticewatch.app.commands.exports import export_run  # slow to load: matplotlib

    place.arm()
    export_run(place.run, **{what: place.folder / "out" / name for what, name in names.items()})


# What is to be there afterwards.


def newest(folder: Path) -> Path:
    """The run file that is to hold all of the run: where the fallback folder failed once, its second, run_2.h5."""
    places = (folder / "fallback", folder / "place", folder / "renamed")
    paths = (place / name for place in places for name in ("run_2.h5", "run.h5"))
    return next(path for path in paths if path.exists() or journal_path(path).exists())


def holds(count: int, **more: object) -> Callable[[Path], bool]:
    def done(folder: Path) -> bool:
        with read_run(newest(folder)) as run:
            there = {"fills": bool(run.rows[3].filled) if len(run.rows) > 3 else False,
                     "notes": [each.text for each in run.notes], "hot": run.hot.tolist(),
                     "changes": len(run.changes)}  # fmt: skip
            return len(run.rows) == count and all(there[key] == value for key, value in more.items())

    return done


def exported(*names: str, patterns: int = 0) -> Callable[[Path], bool]:
    def done(folder: Path) -> bool:
        found = {path.name: path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file()}
        others = [name for name in found if not name.endswith(".xye")]
        return sorted(others) == sorted(names) and len(found) == len(names) + patterns and min(found.values()) > 0

    return done


OPERATIONS = {
    "record": Operation(nothing, record, holds(ROWS)),
    "close": Operation(nothing, close, holds(ROWS)),
    "open after a kill": Operation(killed, show, holds(ROWS, fills=True, notes=["before the end"])),
    "open with a damaged journal": Operation(damaged, show, holds(ROWS)),
    "open": Operation(closed, show, holds(ROWS)),
    "resume after a kill": Operation(killed, resume, holds(ROWS + 3, fills=True)),
    "resume": Operation(closed, resume, holds(ROWS + 3, notes=["pumps started"])),
    "fill": Operation(nothing, fill, holds(ROWS, fills=True)),
    "note": Operation(nothing, note, holds(ROWS, notes=["a note"], hot=[[3, 4]])),
    "change": Operation(nothing, change, holds(ROWS, changes=CHANGES)),
    "change with a fallback": Operation(nothing, change_with_fallback, holds(ROWS, changes=CHANGES)),
    "fallback": Operation(nothing, fallback, holds(ROWS)),
    "record with a fallback": Operation(nothing, with_fallback, holds(ROWS)),
    "export": Operation(to_export, export, exported("lp.csv", "s.json", patterns=ROWS - 1)),
    "export the figure": Operation(to_export, export_figure, exported("f.png")),
    "export the map": Operation(to_export, export_map, exported("map.npz", "map.csv", "map.h5")),
}
