"""The account of a run: everything that was seen is recorded, a gap, or waits."""

from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_everything_that_was_seen_is_accounted_for(tmp_path: Path, end: str) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    rows = [replace(row, name=f"scan_{row.index + 3 * (row.index > 5):04d}p.cbf") for row in runs.rows(20)]
    writer.append_many(rows)
    if end == "closed":
        writer.set_account(waiting=4, left_out=2)
        writer.close()
    else:
        writer._journal.close()
        writer._lock_file.release()
    known = (4, 2) if end == "closed" else (None, None)
    with read_run(path) as run:
        account = run.account
        assert (account.waiting, account.left_out) == known
        assert (account.recorded, account.gaps, account.missing_numbers, account.filled) == (12, 8, 3, 0)
        assert account.seen == account.recorded + account.gaps + (account.waiting or 0)
    if end == "closed":
        with h5py.File(path) as file:
            assert {name: int(value[()]) for name, value in file["entry/account"].items()} == asdict(account)
    else:
        writer._leave_file()


def test_an_account_survives_a_kill_after_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    writer.append_many(runs.rows(5))
    writer.set_account(waiting=4, left_out=2)
    writer._journal.close()
    writer._lock_file.release()
    with read_run(path) as run:
        assert (run.account.seen, run.account.waiting, run.account.left_out) == (9, 4, 2)
    writer._leave_file()


def test_of_what_was_kept_several_times_the_newest_holds(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    writer.append_many(runs.rows(5))
    none = np.empty((0, 2), np.int64)
    for number in (1, 2, 3, 4):
        writer.set_account(waiting=number, left_out=10 * number)
        writer.set_defects(np.array([[number, 7]]), none if number < 3 else np.array([[number, 9]]))
    writer._journal.close()
    writer._lock_file.release()
    with read_run(path) as run:
        assert (run.account.waiting, run.account.left_out) == (4, 40)
        assert (run.hot.tolist(), run.dead.tolist()) == ([[4, 7]], [[4, 9]])
    writer._leave_file()
