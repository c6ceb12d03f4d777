"""Pixels that are no part of the powder pattern: spots, masked by the file itself; and negative values that are."""

import pytest

from tests.field.conftest import Process
from tests.sample_data import sample

CEO2_A = 5.4116


def test_spots(process: Process) -> None:
    case = sample("field/spots")
    _, rows = process("spots/f", geometry=case / "g.poni", experiment=case / "experiment.toml")
    fitted = [row for row in rows if row["status"] == "fitted"]
    assert len(fitted) == len(rows)
    for row in rows:
        assert row["lp_S_A"] == pytest.approx(5.874, abs=max(5 * row["lp_S_esd_A"], 2e-4))
        assert row["pixels_left_out"] > 1000


def test_the_files_own_pixel_mask(process: Process) -> None:
    case = sample("field/pixel-mask-ignored")
    _, rows = process("pixel-mask-ignored", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert rows
    assert [row["lp_S_A"] for row in rows] == pytest.approx([CEO2_A + 0.001 * n for n in range(5)], abs=1e-4)


def test_negative_values_of_a_dark_subtracted_image(process: Process) -> None:
    case = sample("field/integrating-detector")
    scan = "integrating-detector/dark-subtracted"
    _, rows = process(scan, geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert [row["intensity"] for row in rows] == pytest.approx([4.7] * len(rows), rel=0.05)
