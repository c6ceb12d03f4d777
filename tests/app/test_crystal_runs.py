"""Runs of crystals from the frames to the trace, by the commands."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from latticewatch.processing.simulation.crystals.recipes import CRYSTAL_RECIPES
from tests.app.conftest import Said

NOT_OF_THE_TRACE = {"progress", "flux", "along"}
# 5 esds; the shares of lines in the range that is fitted are not quite those up to a fixed angle.
SIGMAS, SHARE = 5.0, 0.01


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def esd_of(column: str) -> str:
    stem, _, unit = column.rpartition("_")
    return f"{stem}_esd_{unit}" if unit in ("A", "A3", "deg") else f"{column}_esd"


@pytest.mark.parametrize("recipe", CRYSTAL_RECIPES)
def test_a_scan_of_crystals_is_processed_to_its_truth(
    recipe: str, latticewatch: Callable[..., Said], tmp_path: Path
) -> None:
    assert latticewatch("simulate", recipe, "scan", "--frames", 3).status == 0
    said = latticewatch("process", "scan", "--out", "run.h5")
    assert said.status == 0, said.err
    assert latticewatch("export", "run.h5", "--trace", "run.csv").status == 0
    truth, trace = rows(tmp_path / "scan" / "truth.csv"), rows(tmp_path / "run.csv")
    assert [row["status"] for row in trace] == ["fitted"] * 3
    columns = [column for column in truth[0] if column not in NOT_OF_THE_TRACE]
    assert set(columns) - set(trace[0]) == ({"wt_CeO2"} if recipe == "standard-drift" else set())
    for true, found in zip(truth, trace, strict=True):
        for column in [each for each in columns if esd_of(each) in found]:
            if true[column] == "":
                assert found[column] == "", column
                continue
            esd = float(found[esd_of(column)])
            assert math.isfinite(esd)
            floor = SHARE if column.startswith(("weight", "wt")) else 0.0
            assert abs(float(found[column]) - float(true[column])) <= SIGMAS * esd + floor, column
    again = latticewatch("process", "run.h5", "--out", "again.h5")
    assert again.status == 0, again.err
    assert latticewatch("export", "again.h5", "--trace", "again.csv").status == 0
    assert [row["lp_mean_A"] for row in rows(tmp_path / "again.csv")] == [row["lp_mean_A"] for row in trace]
