"""One writer to a run: an advisory lock beside the run file."""

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_start

# Where a file system knows no locks the text of the lock file has to do.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


class RunLock:
    """Held while a run is written; ``release`` removes the lock file. A killed holder leaves a lock file that
    holds nothing."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle

    def release(self) -> None:
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = -1


def lock_path(run: Path) -> Path:
    return run.with_name(run.name + ".lock")


def acquire(run: Path) -> RunLock:
    """Lock this run. Raises UserError where another process holds it, OSError where no lock can be made."""
    lock = try_acquire(run)
    if lock is None:
        pid, host = _signature(lock_path(run))
        holder = f"another process ({pid} on {host})" if pid else "another process"
        raise UserError(f"{run}: {holder} is writing this run; wait for it to end or give another --out")
    return lock


def is_held(run: Path) -> bool:
    """Whether another process writes this run now. Raises OSError where that cannot be found out."""
    if not lock_path(run).exists():
        return False
    lock = try_acquire(run)
    if lock is not None:
        lock.release()
    return lock is None


def try_acquire(run: Path) -> RunLock | None:
    """Lock this run, None where another process holds it. Raises OSError where no lock can be made."""
    path = lock_path(run)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            held = _lock(handle, path)
            if held and _same_file(handle, path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
                return RunLock(path, handle)
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if not held:
            return None
        # The holder removed the file between open and lock: take the new one.


def _lock(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return not _alive(path)
    return True


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _signature(path: Path) -> tuple[str, str]:
    try:
        pid, host = read_start(path, 300).decode("utf-8", "replace").split()
    except (OSError, ValueError):
        return "", ""
    return ascii(pid).strip("'"), ascii(host).strip("'")


def _alive(path: Path) -> bool:
    """Without locks: the signer lives, or its host is another one, of which nothing can be known."""
    pid, host = _signature(path)
    if not pid:
        return False
    return host != socket.gethostname() or Path(f"/proc/{pid}").exists()
