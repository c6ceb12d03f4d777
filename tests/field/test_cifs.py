"""CIFs as other programs write them, taken by the whole command."""

import pytest

from tests.field.conftest import Process
from tests.sample_data import sample

CEO2_A = 5.4116


def options(name: str) -> dict[str, object]:
    case = sample("field/cif-styles")
    return {"geometry": case / "g.poni", "experiment": case / f"{name}.toml"}


@pytest.mark.parametrize("name", ["p1", "only_a", "icsd_s"])
def test_a_cif_of_another_style_gives_the_same_cell(process: Process, name: str) -> None:
    _, rows = process("cif-styles/frames", **options(name))
    assert rows[0]["lp_S_A"] == pytest.approx(CEO2_A, abs=1e-4)


@pytest.mark.parametrize("name", ["bom", "greek"])
def test_marks_and_letters_beyond_ascii_are_read(process: Process, name: str) -> None:
    said, _ = process("cif-styles/frames", **options(name))
    assert "not a CIF" not in said.complaint


def test_an_origin_that_is_not_said_is_asked_for(process: Process) -> None:
    said, rows = process("cif-styles/frames", **options("si_plain"))
    assert said.status == 2
    assert not rows
    assert "si_plain.cif: F d -3 m has two origins and the CIF does not say which" in said.complaint
