"""A sample that slowly becomes another one: its fits are refused with the reason, or its lines are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from latticewatch.processing.simulation import scan as simulated
from latticewatch.processing.simulation.recipes import Recipe, recipe_named
from latticewatch.processing.simulation.scan import exposed, frame_generator
from latticewatch.processing.simulation.truth import Truth
from tests.app.conftest import Said
from tests.refinement.test_fit_quality import LARGEST_ERROR_A, with_fluorite

Command = Callable[..., Said]
FRAMES, PURE = 52, 14


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scan in which fluorite grows from frame ``PURE`` on."""

    def spoiling(recipe: Recipe, number: int, rng: np.random.Generator) -> Truth:
        truth = exposed(recipe, number, rng)
        return with_fluorite(truth, 0.01 * (number - PURE)) if number > PURE else truth

    monkeypatch.setattr(simulated, "exposed", spoiling)
    simulated.write_scan("iodide", tmp_path / "scan", frames=FRAMES, seed=1, detector="pilatus300k")
    return tmp_path / "scan"


def test_a_phase_that_slowly_grows_bends_no_cell(latticewatch: Command, spoilt: Path, tmp_path: Path) -> None:
    rows = processed(latticewatch, spoilt, tmp_path)
    worst = [(row["frame"], name) for row in fitted(rows) for name in ("Br", "I") if not holds(row, name)]
    assert not worst


def test_what_slowly_goes_bad_is_refused_or_its_lines_are_told(
    latticewatch: Command, spoilt: Path, tmp_path: Path
) -> None:
    rows = processed(latticewatch, spoilt, tmp_path)
    assert all(row["status"] == "fitted" and row["chi2_reduced"] < 1.5 for row in rows[5:PURE])
    assert all(row["foreign_lines"] == 0 for row in rows[5:PURE])
    # From 5 % of the new phase on; what less of it does to the cells their esds hold.
    late = rows[PURE + 5 :]
    refused = [row for row in late if row["status"] == "gap"]
    assert all(row["reason"].startswith("fit refused: ") and row["lp_mean_A"] is None for row in refused)
    assert all(row["foreign_lines"] >= 1 for row in fitted(late))
    # In the end all of the new phase that matters is fitted, and the cells are right.
    for row in rows[-5:]:
        assert row["status"] == "fitted"
        assert row["foreign_lines"] >= 3
        assert row["chi2_reduced"] < 1.5
        assert holds(row, "Br")
        assert holds(row, "I")
    with h5py.File(tmp_path / "run.h5") as file:
        converged, iterations = file["entry/fits/converged"][:], file["entry/fits/iterations"][:]
    has_fit = np.array([row["status"] == "fitted" for row in rows])
    assert (converged[has_fit] == 1).all()
    assert ((iterations[has_fit] >= 1) & (iterations[has_fit] <= 100)).all()
    assert (converged[~has_fit] == -1).all()


def processed(latticewatch: Command, scan: Path, tmp_path: Path) -> list[dict[str, Any]]:
    said = latticewatch("process", scan, "--json", "--out", tmp_path / "run.h5")
    assert said.status == 0, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def fitted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["status"] == "fitted"]


def holds(row: dict[str, Any], name: str) -> bool:
    """Whether this cell is within what is allowed beside a growing phase."""
    found = row[f"lp_{name}_A"]
    if found is None:
        return True
    recipe = recipe_named("iodide")
    truth = exposed(recipe, row["frame"], frame_generator(1, row["frame"]))
    true = next(one.lp_A for one in truth.lattices if one.name == name)
    return bool(abs(found - true) < LARGEST_ERROR_A)
