"""Time stamps that go back, stand still, are coarse or missing: said, and replaced by what is known."""

from pathlib import Path

import pytest

from latticewatch.processing.record.run_file.reader import read_run
from tests.field.conftest import Process
from tests.sample_data import sample


def times(process: Process, name: str) -> list[float | None]:
    case = sample(f"field/clocks/{name}")
    _, rows = process(f"clocks/{name}", geometry=case / "g.poni", experiment=case / "experiment.toml")
    return [row["time_s"] for row in rows]


def test_a_clock_that_is_set_back(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    assert times(process, "dst_back") == pytest.approx([10.0 * number for number in range(24)])
    assert caplog.text.count("clock of the time stamps was set by -3600 s; a period of 10 s is used") == 1


def test_stamps_that_are_all_the_same(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    assert times(process, "same") == pytest.approx([float(number) for number in range(24)])
    assert caplog.text.count("frames are counted, one second each: set frame_period_s") == 1


def test_stamps_of_whole_seconds(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    assert times(process, "seconds") == pytest.approx([0.2 * number for number in range(24)], abs=0.2)
    assert caplog.text.count("its time stamp counts whole seconds") == 1


def test_only_the_first_stamp_is_missing(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    assert times(process, "first_missing") == pytest.approx([10.0 * number for number in range(24)])
    assert "the first frame has no time stamp" in caplog.text


@pytest.mark.parametrize("name", ["dst_back", "same", "seconds", "first_missing"])
def test_the_verdict_is_that_of_true_times(process: Process, name: str) -> None:
    case = sample(f"field/clocks/{name}")
    _, rows = process(f"clocks/{name}", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert list(dict.fromkeys(row["state"] for row in rows)) == ["waiting", "reacting", "complete"]


def test_times_of_areadetector(process: Process) -> None:
    case = sample("field/areadetector-times")
    _, rows = process("areadetector-times", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert [row["time_s"] for row in rows] == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_what_is_used_in_place_of_the_clock_is_kept_with_the_run(process: Process, tmp_path: Path) -> None:
    times(process, "same")
    with read_run(tmp_path / "run.h5") as run:
        kept = [note.text for note in run.notes]
    assert any("times of the frames come from time stamps in the headers" in text for text in kept)
    assert any("frames are counted, one second each" in text for text in kept)
