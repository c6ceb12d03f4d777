"""Time stamps that go back, stand still, are coarse or missing: said, and replaced by what is known."""

import pytest

from tests.field.conftest import Process
from tests.sample_data import sample


def times(process: Process, name: str) -> list[float | None]:
    case = sample(f"field/clocks/{name}")
    _, rows = process(f"clocks/{name}", geometry=case / "g.poni", experiment=case / "experiment.toml")
    return [row["time_s"] for row in rows]


def test_a_clock_that_is_set_back(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    assert times(process, "dst_back") == pytest.approx([10.0 * number for number in range(24)])
    assert caplog.text.count("clock of the time stamps was set by -3600 s") == 1


def test_stamps_that_are_all_the_same(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    found = times(process, "same")
    assert found[0] == 0.0
    assert set(found[1:]) == {None}
    assert caplog.text.count("its time is not known; set frame_period_s") == 1


def test_stamps_of_whole_seconds(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    found = times(process, "seconds")
    assert found[5:] == pytest.approx([0.2 * number for number in range(5, 24)])
    assert "its time stamp is that of the frame before" in caplog.text


def test_only_the_first_stamp_is_missing(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    found = times(process, "first_missing")
    assert found[2:] == pytest.approx([10.0 * number for number in range(2, 24)])
    assert "the first frame has no time stamp" in caplog.text


def test_times_of_areadetector(process: Process) -> None:
    case = sample("field/areadetector-times")
    _, rows = process("areadetector-times", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert [row["time_s"] for row in rows] == [0.0, 10.0, 20.0, 30.0, 40.0]
