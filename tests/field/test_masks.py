"""Masks as other programs save them."""

import pytest

from tests.field.conftest import Process
from tests.sample_data import sample

CEO2_A = 5.4116


def options(**changes: object) -> dict[str, object]:
    case = sample("field/masks")
    return {"geometry": case / "g.poni", "experiment": case / "experiment.toml", **changes}


@pytest.mark.parametrize("name", ["mask.h5", "mask.png"])
def test_masks_in_hdf5_and_as_pictures(process: Process, name: str) -> None:
    _, rows = process("masks/frames", **options(mask=sample(f"field/masks/{name}")))
    assert rows[0]["lp_S_A"] == pytest.approx(CEO2_A, abs=1e-4)


@pytest.mark.parametrize("name", ["inverted.npy", "mask.nxs"])
def test_an_inverted_mask_is_asked_about(process: Process, name: str) -> None:
    said, rows = process("masks/frames", **options(mask=sample(f"field/masks/{name}")))
    assert said.status == 2
    assert not rows
    assert name in said.complaint
    assert 'mask_nonzero = "good"' in said.complaint


@pytest.mark.parametrize("scan", ["dioptas", "dioptas_turned"])
def test_a_mask_on_a_turned_image(process: Process, scan: str, caplog: pytest.LogCaptureFixture) -> None:
    case = sample(f"field/masks/{scan}")
    _, rows = process(f"masks/{scan}", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert [row["lp_S_A"] for row in rows] == pytest.approx([CEO2_A] * 2, abs=5e-5)
    assert ("turned back" in caplog.text) == (scan == "dioptas")
