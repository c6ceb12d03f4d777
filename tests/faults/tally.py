"""What the command made of a scan with faults, frame by frame against an undisturbed run."""

import collections
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.reader import read_run
from tests.faults.player import FOR_EVER, LEFT_OPEN, TRANSIENT, Player
from tests.faults.truth import Truth, command
from tests.record.equality import assert_same_row


@dataclass
class Tally:
    """What came of it. differing: patterns that are not those of an undisturbed run, bit for bit; refitted_wrong:
    rows that a second fit of the run's own patterns does not give again. lp_shift_esd: largest difference of a mean
    lattice parameter from the undisturbed run, in esds: the fit did not see the frames that are gaps. late_shown: good
    frames shown later than they may be; lag_periods: the longest time that one was not shown.
    """

    played: int = 0
    kinds: int = 0
    recorded: int = 0
    gaps: int = 0
    filled: int = 0
    late: int = 0
    lost: int = 0
    silent: int = 0
    duplicated: int = 0
    invented: int = 0
    differing: int = 0
    refitted_wrong: int = 0
    uncounted: int = 0
    lp_shift_esd: float = 0.0
    late_shown: int = 0
    lag_periods: float = 0.0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if name in ("kinds", "lp_shift_esd", "lag_periods") else mine + value)

    @property
    def fine(self) -> bool:
        """Nothing is lost, silent, duplicated, invented or different."""
        bad = (self.lost, self.silent, self.duplicated, self.invented, self.differing, self.refitted_wrong)
        return not any(bad) and not self.uncounted and not self.late_shown and self.recorded + self.gaps == self.played


def checked(truth: Truth, player: Player, path: Path) -> Tally:
    """Every frame that was played is there once with its own numbers, or is a gap with its reason."""
    tally = Tally(played=len(player.played), kinds=len(player.kinds - {"none"}))
    with read_run(path) as run:
        rows, traced = list(run.rows), list(run.traced)
    by_name = collections.defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    for number, (name, fault) in enumerate(player.played.items(), 1):
        moved = by_name.pop(f"br_0002p_{number:05d}.{player.kind}", [])
        _check_frame(truth, player, number, fault, by_name.pop(name, []) + moved, tally)
    for name in by_name:
        tally.invented += 1
        tally.wrong.append(f"{name}: nobody played it")
    tally.filled = sum(row.filled is not None for row in rows)
    _check_counts(path, traced, tally)
    _check_refitted(path, rows, tally)
    tally.wrong = tally.wrong[:20]
    return tally


def _check_frame(truth: Truth, player: Player, number: int, fault: str, rows: list[Row], tally: Tally) -> None:
    """One frame: what is left of it in the run."""
    name = player.name(number)
    measured = [row for row in rows if row.pattern is not None]
    gaps = [row for row in rows if row.pattern is None]
    numbers = [number] + ([player.again[name]] if name in player.again else [])
    for row in measured:
        known = [each for each in numbers if same_pattern(row, truth.rows[each - 1])]
        if not known:
            tally.differing += 1
            tally.wrong.append(f"{name}: {fault}: a pattern that nobody measured")
        elif known[0] == number:
            tally.lp_shift_esd = max(tally.lp_shift_esd, _shift_esd(row, truth.rows[number - 1]))
    if any(not isinstance(row.fit, NoResult) or not row.fit.reason for row in gaps):
        tally.silent += 1
    # A name that went before it could be read is a gap, and what it was renamed to is the frame.
    if len(measured) + len(gaps) > len(numbers) + (fault == "renamed"):
        tally.duplicated += 1
        tally.wrong.append(f"{name}: {fault}: {len(measured)} rows and {len(gaps)} gaps")
    tally.late += max(0, len(rows) - 1)
    if measured:
        tally.recorded += 1
    elif gaps or (fault in LEFT_OPEN and not (player.folder / name).exists()):
        # Deleted, or renamed, before anybody could look: there is nothing to record, and that is what was played.
        tally.gaps += 1
    else:
        tally.lost += 1
        tally.wrong.append(f"{name}: {fault}: not there")
    if (fault in TRANSIENT or fault == "none") and not measured:
        tally.lost += 1
        tally.wrong.append(f"{name}: {fault}: a gap for ever: {gaps[0].fit if gaps else ''}")
    if fault in FOR_EVER and measured:
        tally.invented += 1
        tally.wrong.append(f"{name}: {fault}: a number from nothing")


def same_pattern(row: Row, other: Row) -> bool:
    if row.pattern is None or other.pattern is None:
        return False
    pairs = ((row.pattern.intensity, other.pattern.intensity), (row.pattern.sigma, other.pattern.sigma))
    return all(np.array_equal(mine, true, equal_nan=True) for mine, true in pairs)


def _shift_esd(row: Row, other: Row) -> float:
    if isinstance(row.fit, NoResult) or isinstance(other.fit, NoResult):
        return 0.0
    return abs(row.fit.lp_mean_A - other.fit.lp_mean_A) / other.fit.lp_mean_esd_A


def _check_counts(path: Path, rows: list[Row], tally: Tally) -> None:
    """The summary's counts are those of the rows."""
    command("export", path, "--summary", path.with_suffix(".json"))
    summary = json.loads(path.with_suffix(".json").read_text())
    gaps = sum(isinstance(row.fit, NoResult) for row in rows)
    account = summary["account"]
    filled = sum(row.filled is not None for row in rows)
    wanted = {"seen": len(rows), "recorded": len(rows) - gaps, "gaps": gaps, "waiting": 0, "filled": filled}
    if summary["gaps"] != gaps or {key: account[key] for key in wanted} != wanted or account["missing_numbers"] < 0:
        tally.uncounted += 1
        tally.wrong.append(f"summary {account}, rows {wanted}")


def _check_refitted(path: Path, rows: list[Row], tally: Tally) -> None:
    """Its own patterns, fitted and judged again in their order, give the run's numbers."""
    again = path.with_name("again.h5")
    command("process", path, "--out", again)
    with read_run(again) as run:
        for one, other in zip(run.rows, rows, strict=True):
            try:
                assert_same_row(one, other, clocks=False)
            except AssertionError as error:
                tally.refitted_wrong += 1
                tally.wrong.append(f"{other.name}: fitted again: {str(error)[:200]}")
