"""The summary: its keys, and null where nothing is known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from latticewatch.processing.flow.composition import fraction_of
from latticewatch.processing.reaction.afterwards.kinetics import Completion, Kinetics, Pause, Rate
from latticewatch.processing.reaction.afterwards.reached import Reached
from latticewatch.processing.record.export.summary import summarise, write_summary
from tests.record import runs

KEYS = [
    *("schema", "title", "frames", "gaps", "mixing_s", "pauses", "complete", "half_time_s", "half_time_esd_s"),
    *("rates", "lp_start_A", "lp_start_esd_A", "lp_end_A", "lp_end_esd_A", "fraction_end", "fraction_end_esd"),
    *("software", "inputs", "lp_accuracy_A", "accuracy", "lp_errors"),
    *("reached", "fraction_end_out_of_range"),
]
KINETICS = Kinetics(
    mixing_s=10.0,
    pauses=(Pause(60.0, float("nan"), 5.867, 2e-4, 70.0),),
    complete=Completion(declared_s=700.0, reached_s=690.5, lp_A=6.0311, lp_esd_A=3e-4, reached_esd_s=2.0),
    reached=(Reached(0.5, 150.25, 1.0), Reached(0.97, 690.5)),
    half_time_s=140.25,
    half_time_esd_s=1.5,
    rates=(Rate(10.0, 60.0, 0.0123456789, 2e-4),),
    lp_start_A=5.842,
    lp_start_esd_A=1e-4,
    lp_end_A=6.0311,
    lp_end_esd_A=1e-4,
)


def test_keys_stand_in_the_order_of_the_contract() -> None:
    summary = summarise(runs.header(), runs.rows(20), KINETICS)
    assert list(summary) == KEYS
    assert summary["schema"] == "latticewatch-summary/1"
    assert (summary["frames"], summary["gaps"]) == (20, 8)
    pause = ["start_s", "end_s", "lp_A", "lp_esd_A", "declared_s", "start_esd_s", "end_esd_s"]
    assert list(summary["pauses"][0]) == pause
    assert list(summary["complete"]) == ["declared_s", "reached_s", "lp_A", "lp_esd_A", "reached_interval_s"]
    assert list(summary["rates"][0]) == ["start_s", "end_s", "rate_constant_per_s", "esd", "model"]


def test_values_are_the_kinetics_own_and_a_pause_that_lasts_has_no_end() -> None:
    summary = summarise(runs.header(), runs.rows(20), KINETICS)
    assert summary["pauses"][0]["lp_A"] == 5.867
    assert summary["pauses"][0]["end_s"] is None
    assert summary["complete"]["reached_s"] == 690.5
    assert summary["rates"][0]["rate_constant_per_s"] == 0.01234568
    assert summary["complete"]["reached_interval_s"] == pytest.approx([687.21, 693.79])
    assert summary["reached"][0] == {"share": 0.5, "at_s": 150.25, "interval_s": [148.605, 151.895]}
    assert summary["reached"][1]["interval_s"] is None
    scale = runs.setup().composition
    assert scale is not None
    fraction, esd = fraction_of(scale, 6.0311, 1e-4)
    assert summary["fraction_end"] == pytest.approx(fraction, abs=1e-7)
    assert summary["fraction_end_esd"] == pytest.approx(esd, abs=1e-7)


@pytest.mark.parametrize(("lp_A", "out"), [(5.83, True), (6.0, False), (6.3, True)])
def test_a_composition_out_of_range_is_said_and_not_clamped(lp_A: float, out: bool) -> None:
    summary = summarise(runs.header(), [], replace(KINETICS, lp_end_A=lp_A))
    assert summary["fraction_end_out_of_range"] is out
    assert (0.0 <= summary["fraction_end"] <= 1.0) is not out


def test_what_is_not_known_is_null_in_the_file(tmp_path: Path) -> None:
    write_summary(tmp_path / "summary.json", summarise(runs.header(), [], Kinetics()))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"), parse_constant=refuse)
    unknown = [key for key in KEYS if found[key] is None]
    assert unknown == [
        *("mixing_s", "complete", "half_time_s", "half_time_esd_s", "lp_start_A", "lp_start_esd_A"),
        *("lp_end_A", "lp_end_esd_A", "fraction_end", "fraction_end_esd", "lp_accuracy_A", "accuracy"),
        "fraction_end_out_of_range",
    ]
    assert [each["role"] for each in found["inputs"]] == ["poni", "mask"]
    assert {len(each["sha256"]) for each in found["inputs"]} == {64}
