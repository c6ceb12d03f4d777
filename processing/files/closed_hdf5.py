"""Closing what HDF5 has open in a file of ours, whatever went wrong before.

HDF5 closes at the end of the process what is still open then. It would write through a Python object that is gone by
that time, and that ends the process with SIGSEGV. An object may stay open though nothing in Python leads to it: where
memory ran out while it was wrapped, or while it was let go.
"""

from contextlib import suppress
from typing import Any

import h5py

from latticewatch.processing.files.error_latching_file import TRIES, ErrorLatchingFile


def opened_hdf5(handle: ErrorLatchingFile, mode: str) -> Any:
    """HDF5 in this file; where it cannot be opened, nothing of it is left open."""
    try:
        return h5py.File(handle, mode)
    except BaseException:
        with suppress(Exception):  # the error to be told is the first
            close_hdf5(handle)
        raise


def close_hdf5(handle: ErrorLatchingFile) -> None:
    """Close all that HDF5 has open in this file; tried again where there is no memory for it. Raises what h5py raises,
    MemoryError where there never was memory."""
    for left in reversed(range(TRIES)):
        try:
            for file_id in h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE):
                if file_id.name == repr(handle).encode("ascii", "replace"):  # the name that h5py gives it
                    h5py.File(file_id).close()
            return
        except MemoryError:
            if not left:
                raise
