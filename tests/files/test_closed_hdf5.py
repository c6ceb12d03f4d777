"""Nothing that HDF5 has open in a file outlives the closing of it: it would end the process with SIGSEGV."""

import io

import h5py
import pytest

from latticewatch.processing.files.closed_hdf5 import close_hdf5, opened_hdf5
from latticewatch.processing.files.error_latching_file import TRIES, MemoryFile

OBJECTS = h5py.h5f.OBJ_ALL


def open_objects() -> int:
    return len(h5py.h5f.get_obj_ids(OBJECTS, OBJECTS))


def test_what_nothing_leads_to_is_closed_and_other_files_stay_open() -> None:
    before = open_objects()
    other, handle = MemoryFile(), MemoryFile()
    kept = opened_hdf5(other, "w")
    file = opened_hdf5(handle, "w")
    group = file.create_group("entry")
    group["values"] = [1, 2, 3]
    h5py.h5i.inc_ref(group.id)  # as where memory ran out while it was let go
    close_hdf5(handle)
    assert not file
    assert not group
    assert kept
    close_hdf5(handle)
    close_hdf5(other)
    assert open_objects() == before
    with h5py.File(io.BytesIO(handle.content.getvalue())) as again:
        assert again["entry/values"][:].tolist() == [1, 2, 3]


@pytest.mark.parametrize("missing", [1, TRIES - 1, TRIES])
def test_closing_that_finds_no_memory_is_tried_again(monkeypatch: pytest.MonkeyPatch, missing: int) -> None:
    handle = MemoryFile()
    file = opened_hdf5(handle, "w")
    real, asked = h5py.File.close, []

    def without_memory(each: h5py.File) -> None:
        asked.append(each)
        if len(asked) <= missing:
            raise MemoryError
        real(each)

    with monkeypatch.context() as short:
        short.setattr(h5py.File, "close", without_memory)
        if missing < TRIES:
            close_hdf5(handle)
            assert not file
        else:
            with pytest.raises(MemoryError):
                close_hdf5(handle)
    close_hdf5(handle)
    assert not file


def test_a_file_that_cannot_be_opened_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before, handle, real = open_objects(), MemoryFile(), h5py.h5f.create

    def created(*given: object, **named: object) -> None:
        h5py.h5i.inc_ref(real(*given, **named))  # it is there, and there was no memory for what leads to it
        raise MemoryError

    monkeypatch.setattr(h5py.h5f, "create", created)
    with pytest.raises(MemoryError):
        opened_hdf5(handle, "w")
    assert open_objects() == before
