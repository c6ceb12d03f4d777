"""Files for HDF5 that do not fail: HDF5 cannot be told of a full disk without danger to the process."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

TRIES = 3
"""How often a call is tried that finds no memory for what it needs beside its content: a few bytes."""


class ErrorLatchingFile(io.RawIOBase):
    """Reads and writes a file descriptor; the first error is kept in ``failure`` and nothing reaches the file after.

    HDF5 leaves its tables in pieces when a write fails, or when it reads back another thing than it wrote, and a later
    close ends the process. Here it continues as if nothing had happened: what it writes after the error is kept in
    memory until the file is closed, and then thrown away. Whoever uses the file looks at ``failure``, stops soon where
    there is one, and never keeps the file.
    """

    def __init__(self, handle: int) -> None:
        super().__init__()
        self._handle = handle
        self._position = 0
        self._unwritten: list[tuple[int, bytes]] = []
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        if start is None:
            start = max([self._size(), *(place + len(content) for place, content in self._unwritten)])
        self._position = offset + start
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; what lies behind the end of the file, or cannot be read, is zeros."""
        for _ in range(TRIES):
            with suppress(MemoryError):
                return self._read(buffer)
        return self._without_memory(len(buffer))

    def _read(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        try:
            while done < len(view) and (count := self._read_at(self._position + done, view[done:])):
                done += count
        except OSError as error:
            self._keep(error)
        view[done:] = bytes(len(view) - done)
        for place, content in self._unwritten:
            start, stop = max(place, self._position), min(place + len(content), self._position + len(view))
            if start < stop:
                view[start - self._position : stop - self._position] = content[start - place : stop - place]
        self._position += len(view)
        return len(view)

    def write(self, content: Any) -> int:
        """Write all of it, or keep the error."""
        for _ in range(TRIES):
            with suppress(MemoryError):
                return self._write(content)
        return self._without_memory(len(content))

    def _without_memory(self, done: int) -> int:
        self._keep(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
        return done

    def truncate(self, size: int | None = None) -> int:
        """Cut or grow the file, or keep the error."""
        size = self._position if size is None else size
        try:
            if self.failure is None:
                self._cut(size)
        except OSError as error:
            self._keep(error)
        return size

    def sync(self) -> None:
        """Wait until everything is on the disk, or keep the error."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            self._keep(error)

    def close(self) -> None:
        """Close it, or keep the error: some file systems tell of a full disk only now. Safe to call twice."""
        try:
            if not self.closed:
                self._release()
        except OSError as error:
            self._keep(error)
        super().close()

    def _write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        done = 0
        try:
            while self.failure is None and done < len(view):
                done += self._write_at(self._position + done, view[done:])
        except OSError as error:
            self._keep(error)
        if done < len(view):
            self._unwritten.append((self._position + done, bytes(view[done:])))
        self._position += len(view)
        return len(view)

    def _keep(self, error: OSError) -> None:
        """Keep the first error without its traceback: frames in it hold what HDF5 has open, to the very end of the
        process, and that ends it with SIGSEGV."""
        if self.failure is None:
            self.failure = OSError(error.errno or errno.EIO, error.strerror or str(error))

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
        raise OSError(file.failure.errno, file.failure.strerror)
