"""Files for HDF5 that do not fail: HDF5 cannot be told of a full disk without danger to the process."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ErrorLatchingFile(io.RawIOBase):
    """Reads and writes a file descriptor; the first error is kept in ``failure`` and nothing is written after.

    HDF5 leaves its tables in pieces when a write fails, and a later close ends the process. Here it continues
    as if nothing had happened, and what it wrote is thrown away: whoever uses the file looks at ``failure``, and never
    keeps a file that has one.
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
        self._position = offset + (self._size() if start is None else start)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; what is not in the file, because its write was thrown away, reads as zeros."""
        view = memoryview(buffer).cast("B")
        done = 0
        try:
            while done < len(view) and (count := self._read_at(self._position + done, view[done:])):
                done += count
        except OSError as error:
            self.failure = self.failure or error
        view[done:] = bytes(len(view) - done)
        self._position += len(view)
        return len(view)

    def write(self, content: Any) -> int:
        """Write all of it, or keep the error."""
        view = memoryview(content).cast("B")
        done = 0
        try:
            while self.failure is None and done < len(view):
                done += self._write_at(self._position + done, view[done:])
        except OSError as error:
            self.failure = error
        self._position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Cut or grow the file, or keep the error."""
        size = self._position if size is None else size
        try:
            if self.failure is None:
                self._cut(size)
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
            self._release()
        super().close()

    def _size(self) -> int:
        return os.fstat(self._handle).st_size

    def _read_at(self, offset: int, buffer: memoryview) -> int:
        return os.preadv(self._handle, [buffer], offset)

    def _write_at(self, offset: int, content: memoryview) -> int:
        return os.pwrite(self._handle, content, offset)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._handle, size)

    def _release(self) -> None:
        os.close(self._handle)


class MemoryFile(ErrorLatchingFile):
    """The same in memory, for where no disk takes anything. content: what was written; it is not closed with this."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.content = io.BytesIO()

    def sync(self) -> None:
        """There is no disk to wait for."""

    def _size(self) -> int:
        return self.content.getbuffer().nbytes

    def _read_at(self, offset: int, buffer: memoryview) -> int:
        self.content.seek(offset)
        return self.content.readinto(buffer)

    def _write_at(self, offset: int, content: memoryview) -> int:
        try:
            self.content.seek(offset)
            return self.content.write(content)
        except MemoryError:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from None

    def _cut(self, size: int) -> None:
        if size > self._size():
            self._write_at(size - 1, memoryview(b"\0"))
        self.content.truncate(size)

    def _release(self) -> None:
        pass


@contextmanager
def failure_raised(file: ErrorLatchingFile) -> Iterator[None]:
    """For what HDF5 writes to this file: raises the file's first error, whatever HDF5 made of it."""
    try:
        yield
    except Exception:
        if file.failure is None:
            raise
    if file.failure is not None:
        raise file.failure
