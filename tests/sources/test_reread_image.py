"""An image read once more by the name in its row, or the reason why not."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.reread_image import read_again
from latticewatch.processing.text import printable
from tests.sources import frame_files

IMAGE = np.arange(600, dtype=np.int32).reshape(20, 30)


@pytest.mark.parametrize("name", ["a_0001.cbf", "bell\a_0001.cbf", os.fsdecode(b"caf\xe9_0001.cbf"), "50%_0001.cbf"])
def test_a_frame_of_a_folder_by_its_printable_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(frame_files.cbf(IMAGE))
    np.testing.assert_array_equal(read_again(tmp_path, printable(name)), IMAGE)


def test_a_frame_of_a_sub_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a_0001.cbf").write_bytes(frame_files.cbf(IMAGE))
    np.testing.assert_array_equal(read_again(tmp_path, "sub/a_0001.cbf"), IMAGE)


@pytest.mark.parametrize("whole_folder", [True, False])
def test_a_frame_of_a_stack(tmp_path: Path, whole_folder: bool) -> None:
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.stack([IMAGE, IMAGE + 1]).astype(np.uint16)
    scan = tmp_path if whole_folder else path
    np.testing.assert_array_equal(read_again(scan, "stack.h5::000001"), IMAGE + 1)
    with pytest.raises(UserError, match="not in the file"):
        read_again(scan, "stack.h5::000002")


def test_why_not_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no longer in"):
        read_again(tmp_path, "gone_0001.cbf")
    whole = frame_files.cbf(IMAGE)
    (tmp_path / "a_0001.cbf").write_bytes(whole[: whole.index(b"\x0c\x1a\x04\xd5") + 100])
    (tmp_path / "b_0001.cbf").write_text("no image at all")
    for name in ("a_0001.cbf", "b_0001.cbf", "b_0001.cbf::000000"):
        with pytest.raises(UserError) as refused:
            read_again(tmp_path, name)
        assert "\n" not in str(refused.value)
