"""HDF5 files that lead out of the scan's folder, lie about sizes or are no sound files: refused in one line."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.recorded_scan import open_scan

IMAGES = np.random.default_rng(3).poisson(30.0, (6, 20, 30)).astype(np.uint32)


def _external_link(folder: Path, secret: Path) -> None:
    with h5py.File(folder / "bad.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink(str(secret), "/images")


def _link_upwards(folder: Path, secret: Path) -> None:
    with h5py.File(folder / "bad.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink(f"../{secret.name}", "/images")


def _link_through_a_link(folder: Path, secret: Path) -> None:
    (folder / "inside.h5").symlink_to(secret)
    with h5py.File(folder / "bad.h5", "w") as file:
        file["images"] = h5py.ExternalLink("inside.h5", "/images")


def _external_storage(folder: Path, secret: Path) -> None:
    with h5py.File(folder / "bad.h5", "w") as file:
        file.create_dataset("images", (1, 4, 5), "u1", external=[(str(secret), 0, 20)])


def _virtual_source(folder: Path, secret: Path) -> None:
    layout = h5py.VirtualLayout((6, 20, 30), np.uint32)
    layout[:] = h5py.VirtualSource(str(secret), "/images", (6, 20, 30))
    with h5py.File(folder / "bad.h5", "w") as file:
        file.create_virtual_dataset("images", layout)


def _hidden_storage(folder: Path, secret: Path) -> None:
    with h5py.File(folder / "inner.h5", "w") as file:
        file.create_dataset("images", (1, 4, 5), "u1", external=[(str(secret), 0, 20)])
    layout = h5py.VirtualLayout((1, 4, 5), "u1")
    layout[:] = h5py.VirtualSource("inner.h5", "/images", (1, 4, 5))
    with h5py.File(folder / "bad.h5", "w") as file:
        file.create_virtual_dataset("images", layout)


def _links_in_circles(folder: Path, secret: Path) -> None:
    del secret
    with h5py.File(folder / "bad.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.SoftLink("/entry/data/data_000002")
        file["entry/data/data_000002"] = h5py.SoftLink("/entry/data/data_000001")
        file["entry/loop"] = file["entry"]


def _absurd_size(folder: Path, secret: Path) -> None:
    del secret
    with h5py.File(folder / "bad.h5", "w") as file:
        file.create_dataset("images", (1, 2**20, 2**20), np.uint32, chunks=(1, 512, 512))


def _absurd_chunk(folder: Path, secret: Path) -> None:
    del secret
    with h5py.File(folder / "bad.h5", "w") as file:
        file.create_dataset("images", (2**20, 512, 512), np.uint32, chunks=(4000, 512, 512))


def _text(folder: Path, secret: Path) -> None:
    del secret
    with h5py.File(folder / "bad.h5", "w") as file:
        file["images"] = np.full((2, 3, 4), b"text")


def _garbage(folder: Path, secret: Path) -> None:
    del secret
    (folder / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + os.urandom(4000))


def _cut(folder: Path, secret: Path) -> None:
    content = secret.read_bytes()
    (folder / "bad.h5").write_bytes(content[: len(content) // 2])


def _pipe(folder: Path, secret: Path) -> None:
    del secret
    os.mkfifo(folder / "bad.h5")


BAD = [
    _external_link, _link_upwards, _link_through_a_link, _external_storage, _virtual_source, _hidden_storage,
    _links_in_circles, _absurd_size, _absurd_chunk, _text, _garbage, _cut, _pipe,
]  # fmt: skip


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_what_must_not_be_read_is_refused_in_one_line(tmp_path: Path, spoil: Callable[[Path, Path], None]) -> None:
    folder, secret = tmp_path / "scan", tmp_path / "secret.h5"
    folder.mkdir()
    with h5py.File(secret, "w") as file:
        file["images"] = IMAGES
    spoil(folder, secret)
    with pytest.raises(UserError) as refused:
        list(open_scan(folder / "bad.h5").frames(threading.Event()))
    assert "bad.h5" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
