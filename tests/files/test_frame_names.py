"""Which files are frames, their order, and how their names are shown."""

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticewatch.processing.files.frame_names import (
    MissingFrames,
    frame_name,
    is_frame,
    missing_between,
    missing_numbers,
    successor,
)
from latticewatch.processing.text import printable

IN_ORDER = [
    "br_0001p_00001.cbf",
    "br_0001p_00002.cbf",
    "br_0001p_00010.cbf",
    "br_0001p_99999.cbf",
    "br_0001p_100000.cbf",
    "br_0002p_00001.cbf",
    "br_0010p_00001.cbf",
    "cl_0001p.cbf",
    "cl_0002p.cbf",
    "frame_9.tif",
    "frame_12.tif",
    "frame_100.tif",
]

FRAMES = [
    "a_0001p.cbf",
    "A.CBF",
    "x.tif",
    "x.TIFF",
    "x.edf.bz2",
    "x.edf.gz",
    "e.mar2300",
    "masked_1.cbf",
    "darkroom_3.tif",
    "flat_plate_01.cbf",
    "flat_plate_0001p_01.cbf",
]
NO_FRAMES = [
    ".a.cbf",
    ".a.cbf.X3kd9f",
    "a.cbf.tmp",
    "a.cbf.part",
    "a.cbf~",
    "~a.cbf",
    "#a.cbf#",
    "geometry.poni",
    "trace.csv",
    "run.h5",
    "experiment.toml",
    "mask.edf",
    "mask_2.tif",
    "dark_0001.tif",
    "my-flat.edf",
    "dark_0001p_00001.cbf",
    "mask_pilatus2m.edf",
    "a.cbf.txt",
    "cbf",
    ".cbf",
]


def test_natural_order_whatever_the_width_of_numbers() -> None:
    shuffled = random.Random(4).sample(IN_ORDER, len(IN_ORDER))
    assert [name.name for name in sorted(frame_name(name) for name in shuffled)] == IN_ORDER


@pytest.mark.parametrize(
    "name",
    FRAMES,
)
def test_frames(name: str) -> None:
    assert is_frame(name)


@pytest.mark.parametrize(
    "name",
    NO_FRAMES,
)
def test_no_frames(name: str) -> None:
    assert not is_frame(name)


def test_missing_numbers_are_counted_in_the_group_that_runs() -> None:
    def missing(before: str, after: str) -> int | None:
        return missing_between(frame_name(before), frame_name(after))

    assert missing("map_1_P1_E1_001.tif", "map_2_P1_E1_001.tif") == 0
    assert missing("map_3_P1_E1_001.tif", "map_6_P1_E1_001.tif") == 2
    assert missing("a_0001p_00300.cbf", "a_0002p_00001.cbf") == 0
    assert missing("a_9.cbf", "a_10.cbf") == 0
    assert missing("a_9.cbf", "b_10.cbf") is None
    assert missing("a_0001p_00003.cbf", "a_0002p_00007.cbf") is None


def test_the_name_that_comes_next() -> None:
    def after(before: str, last: str) -> str | None:
        return successor(frame_name(before), frame_name(last))

    assert after("a_0001p_00008.cbf", "a_0001p_00009.cbf") == "a_0001p_00010.cbf"
    assert after("map_1_P1_E1_001.tif", "map_2_P1_E1_001.tif") == "map_3_P1_E1_001.tif"
    assert after("f_98.tif", "f_99.tif") == "f_100.tif"
    assert after("f_98.tif", "g_99.tif") is None


def test_what_cannot_be_printed_is_escaped_byte_by_byte() -> None:
    assert printable("äöü π.cbf") == "äöü π.cbf"
    assert printable("a\nb\x1b[31m.cbf") == "a%0Ab%1B[31m.cbf"
    assert printable(os.fsdecode(b"a\xff.cbf")) == "a%FF.cbf"
    assert printable("left\u202eright") == "left%E2%80%AEright"


@given(st.binary(min_size=1, max_size=40).map(os.fsdecode))
def test_any_name_is_shown_in_one_printable_line(name: str) -> None:
    shown = printable(name)
    assert shown.isprintable() or all(character.isprintable() or character.isspace() for character in shown)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert frame_name(name).name == name


def test_dates_and_times_in_names_are_no_running_numbers() -> None:
    def missing(before: str, after: str) -> int | None:
        return missing_between(frame_name(before), frame_name(after))

    assert missing("s_20261128_015558.tif", "s_20261128_015600.tif") == 0
    assert missing("s_2026-11-28T23-59-58.tif", "s_2026-11-29T00-00-00.tif") == 0
    assert missing("20261128015558.tif", "20261128015603.tif") == 0
    assert missing("20261128_015558_0001.tif", "20261128_015558_0004.tif") == 2
    assert missing("s_20261128_0001.tif", "s_20261128_0004.tif") == 2


def counted(*numbers: int) -> int:
    return missing_numbers(f"a_{number:04d}.cbf" for number in numbers)


def test_a_step_that_repeats_is_the_series_step() -> None:
    assert counted(0, 5, 10, 15, 20) == 0
    assert counted(0, 5, 10, 20, 25) == 1
    assert counted(0, 1, 2, 5, 6) == 2
    assert counted(1, 3, 5, 6, 7) == 2  # two losses of one number each, and no step of two
    assert counted(1, 2, 4, 6, 7) == 2


def test_the_step_while_frames_come() -> None:
    numbers, names = MissingFrames(), [frame_name(f"a_{number:04d}.cbf") for number in (0, 5, 10, 15, 25)]
    assert numbers.note_step(names[0], names[1]) == 4
    assert numbers.note_step(names[1], names[2]) == 0
    assert (numbers.count, numbers.between(names[2], names[3])) == (0, 0)
    assert numbers.between(names[3], names[4]) == 1
    numbers.note_step(names[2], names[3])
    assert numbers.note_step(names[3], names[4]) == 1
    numbers.fill(frame_name("a_0020.cbf"))
    assert numbers.count == 0
