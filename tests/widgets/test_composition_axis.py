"""The composition beside the lattice parameter: round values, and what is out of range is shown as that."""

import pytest
from pytestqt.qtbot import QtBot

from latticewatch.processing.flow.composition import CompositionScale, cell_of
from latticewatch.widgets.axes import CompositionAxis

SCALE = CompositionScale(5.9, 6.0, 0.01)


def test_ticks_go_on_out_of_range_in_brackets(qtbot: QtBot) -> None:
    axis = CompositionAxis(SCALE)
    (_, cells), *_ = axis.tickValues(5.84, 6.06, 400.0)
    texts = axis.tickStrings(cells, 1.0, 0.5)
    assert texts[0].startswith("(-")
    assert texts[-1].startswith("(1")
    assert [text for text in texts if "(" not in text] == ["0", "0.5", "1.0"]
    assert cells == pytest.approx([cell_of(SCALE, float(text.strip("()"))) for text in texts])


def test_nothing_is_0_and_not_minus_0(qtbot: QtBot) -> None:
    axis = CompositionAxis(CompositionScale(5.842, 5.605))
    assert axis.tickStrings([5.842 + 1e-12, 5.605], 1.0, 0.5) == ["0", "1.0"]
