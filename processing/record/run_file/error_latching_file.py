"""A file for HDF5 that does not fail: HDF5 cannot be told of a full disk without danger to the process."""

import io
import os
from typing import Any


class ErrorLatchingFile(io.RawIOBase):
    """Reads and writes a file descriptor; the first error is kept in ``failure`` and nothing is written after.

    HDF5 leaves its tables in pieces when a write fails, and a later close ends the process. Here it goes on
    as if nothing had happened, and what it wrote is thrown away: the journal is the record.
    """

    def __init__(self, handle: int) -> None:
        super().__init__()
        self._handle = handle
        self._position = 0
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        self._position = offset + (os.fstat(self._handle).st_size if start is None else start)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; what is not in the file, because its write was thrown away, reads as zeros."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            count = os.preadv(self._handle, [view[done:]], self._position + done)
            if count == 0:
                view[done:] = bytes(len(view) - done)
                break
            done += count
        self._position += len(view)
        return len(view)

    def write(self, content: Any) -> int:
        """Write all of it, or keep the error."""
        view = memoryview(content).cast("B")
        done = 0
        try:
            while self.failure is None and done < len(view):
                done += os.pwrite(self._handle, view[done:], self._position + done)
        except OSError as error:
            self.failure = error
        self._position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Cut or grow the file, or keep the error."""
        size = self._position if size is None else size
        try:
            if self.failure is None:
                os.ftruncate(self._handle, size)
        except OSError as error:
            self.failure = error
        return size

    def sync(self) -> None:
        """Wait until everything is on the disk, or keep the error."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            self.failure = self.failure or error

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()
