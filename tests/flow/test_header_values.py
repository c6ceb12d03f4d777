"""Which numbers of a header are kept."""

import threading
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.flow.header_values import MOST_NAMES, kept_names, kept_values
from latticewatch.processing.sources.hdf5.stack import HDF5Stack

PILATUS = {
    "Detector:": "PILATUS 2M",
    "Exposure_time": "2.4000000 s",
    "Beam_xy": "(737.50, 839.50) pixels",
    "Pixel_size": "172e-6 m x 172e-6 m",
    "Threshold_setting": "12000 eV",
    "Flux": "2.000e10",
    "Temperature": "295.0",
    "Omega": "0.5000 deg.",
    "Blower": "none",
}


def test_numbers_are_kept_and_conditions_come_first() -> None:
    assert kept_names(PILATUS) == ("Flux", "Temperature", "Exposure_time", "Threshold_setting", "Omega")


def test_what_is_asked_for_is_kept_even_where_the_first_frame_lacks_it() -> None:
    assert kept_names(PILATUS, ("Blower", "Pressure", "Blower")) == ("Blower", "Pressure")


def test_there_is_a_limit_and_names_that_are_no_column_are_left_out() -> None:
    many = {f"motor{number}": "1.0" for number in range(100)}
    assert len(kept_names(many)) == MOST_NAMES
    assert kept_names({"a/b": "1", "..": "1", "": "1", "x" * 65: "1", "bell\a": "1"}) == ()


@pytest.mark.parametrize(
    ("text", "value"), [("295.0", 295.0), ("-3e-4 mbar", -3e-4), ("2.4 s", 2.4), (".5", 0.5), (" 7 ", 7.0)]
)
def test_a_number_with_or_without_a_unit(text: str, value: float) -> None:
    assert kept_values({"x": text}, ("x",)) == {"x": value}


@pytest.mark.parametrize(
    "text", ["", "none", "nan", "1e999", "2.4 s 3", "2026-11-24T10:00:00", "1, 2", "7 of 8 frames"]
)
def test_what_is_no_number_is_not_known(text: str) -> None:
    assert kept_values({"x": text}, ("x", "y")) == {}


def test_a_stack_says_what_it_measured_with_each_frame(tmp_path: Path) -> None:
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.ones((3, 20, 30), np.uint16)
        file["entry/sample/temperature"] = np.array([295.0, 300.5, np.nan])
        file["entry/instrument/ring_current"] = 198.5
    headers = [dict(frame.header) for frame in HDF5Stack(path, period_s=1.0).frames(threading.Event())]
    names = kept_names(headers[0])
    assert names == ("ring_current", "temperature")
    assert [kept_values(header, names) for header in headers] == [
        {"ring_current": 198.5, "temperature": 295.0},
        {"ring_current": 198.5, "temperature": 300.5},
        {"ring_current": 198.5},
    ]
