"""Run files and journals that an older version wrote are read whole, and give the trace that it gave."""

import csv
import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.record.export.trace import write_trace
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.record.equality import assert_same_rows

KEPT = Path(__file__).parent / "written_before"
ADDED = {"lp_Br_model_esd_A", "lp_I_model_esd_A", "foreign_lines", "pixels_left_out"}
FRAMES, CUT = 12, 3


def unpacked(name: str, folder: Path) -> Path:
    """The run file of this name in the folder, with its journal where it has one."""
    for packed in KEPT.glob(f"{name}.h5*.gz"):
        with gzip.open(packed) as content, (folder / packed.stem).open("wb") as file:
            shutil.copyfileobj(content, file)
    return folder / f"{name}.h5"


def trace_of(run: Run, path: Path) -> list[dict[str, str]]:
    write_trace(path, run.traced, run.setup.kept, run.setup.accuracy)
    return lines(path)


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["finished", "killed"])
def test_every_row_is_there_and_the_trace_is_the_one_that_was_exported_then(tmp_path: Path, name: str) -> None:
    with read_run(unpacked(name, tmp_path)) as run:
        rows = list(run.rows)
        trace = trace_of(run, tmp_path / "trace.csv")
    assert [row.index for row in rows] == list(range(FRAMES))
    assert [n for n, row in enumerate(rows) if row.pattern is None] == [CUT]
    assert {row.pixels_left_out for row in rows} == {None}
    assert {line.pop("segment") for line in trace} == {"0"}  # its settings could not be changed
    then = lines(KEPT / f"{name}.csv")
    assert set(trace[0]) - set(then[0]) == ADDED
    assert {line.pop(column) for line in trace for column in ADDED} == {""}
    assert [list(line.items()) for line in trace] == [list(line.items()) for line in then]


@pytest.mark.parametrize("name", ["finished", "killed"])
def test_it_is_continued_with_the_columns_of_now(tmp_path: Path, name: str) -> None:
    path = unpacked(name, tmp_path)
    with read_run(path) as run:
        before = list(run.rows)
    new = [row for row in before if row.pattern is not None][-1]
    with RunWriter.resume(path) as writer:
        writer.append(replace(new, index=FRAMES, name="new.cbf", pixels_left_out=7))
    with read_run(path) as run:
        after = list(run.rows)
    assert_same_rows(after[:FRAMES], before)
    assert [row.pixels_left_out for row in after] == [None] * FRAMES + [7]
    with h5py.File(path) as file:
        assert {len(column) for column in file["entry/trace"].values()} == {FRAMES + 1}
        assert np.isnan(file["entry/trace/lp_Br_model_esd_A"][:]).all()


def test_its_fits_are_drawn_as_they_were(tmp_path: Path) -> None:
    """The recorded Rwp follows from the drawn curve: parameters of version 0.1 have fewer numbers."""
    with read_run(unpacked("finished", tmp_path)) as run:
        drawn_by = TrackedRefinement(run.setup.components, run.setup.wavelength_A, run.two_theta)
        fitted = [(row.pattern, row.fit) for row in run.rows if row.pattern is not None and isinstance(row.fit, Fit)]
        assert fitted
        for pattern, fit in fitted:
            calculated = drawn_by.curves(fit.parameters).calculated
            known = np.isfinite(calculated + pattern.intensity) & (pattern.sigma > 0.0)
            y, c, w = pattern.intensity[known], calculated[known], 1.0 / np.square(pattern.sigma[known])
            rwp = 100.0 * np.sqrt(np.sum(w * (y - c) ** 2) / np.sum(w * y**2))
            assert rwp < 2.0 * fit.rwp_percent
        other = np.concatenate([fitted[0][1].parameters, [1.0]])
        assert np.isnan(drawn_by.curves(other).calculated).all()
