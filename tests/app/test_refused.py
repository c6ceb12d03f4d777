"""A sample that slowly becomes another one: the program refuses its fits, with the reason in trace and run file."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.simulation import scan as simulated
from latticewatch.processing.simulation.recipes import Recipe
from latticewatch.processing.simulation.scan import exposed
from latticewatch.processing.simulation.truth import Truth
from tests.app.conftest import Said
from tests.refinement.test_family import with_fluorite

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


def test_what_slowly_goes_bad_is_refused(latticewatch: Command, spoilt: Path, tmp_path: Path) -> None:
    said = latticewatch("process", spoilt, "--json", "--out", tmp_path / "run.h5")
    assert said.status == 0, said.err
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert all(row["status"] == "fitted" and row["chi2_reduced"] < 1.5 for row in rows[5:PURE])
    late = rows[-10:]
    assert {row["status"] for row in late} == {"gap"}
    assert all(row["reason"].startswith("fit refused: ") for row in late)
    assert any("of the peaks is not explained" in row["reason"] for row in late)
    assert all(row["lp_mean_A"] is None for row in late)
    with h5py.File(tmp_path / "run.h5") as file:
        converged, iterations = file["entry/fits/converged"][:], file["entry/fits/iterations"][:]
    fitted = np.array([row["status"] == "fitted" for row in rows])
    assert (converged[fitted] == 1).all()
    assert ((iterations[fitted] >= 1) & (iterations[fitted] <= 100)).all()
    assert (converged[~fitted] == -1).all()
