"""The calls by which a program reaches the disk, one of which fails: the N-th of its kind, or all from the N-th on.

Python's own calls are replaced, so that this runs everywhere; ``tests.record.traced`` does the same to system calls.
"""

import builtins
import errno
import fcntl
import importlib.util
import io
import itertools
import os
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

KINDS = {
    "open": (errno.ENOSPC, (os, "open"), (os, "dup")),
    "write": (errno.ENOSPC, (os, "write"), (os, "pwrite")),
    "read": (errno.EIO, (os, "read"), (os, "preadv")),
    "sync": (errno.EIO, (os, "fsync"), (os, "fdatasync")),
    "cut": (errno.EIO, (os, "ftruncate")),
    "rename": (errno.EIO, (os, "rename"), (os, "replace")),
    "remove": (errno.EIO, (os, "unlink")),
    "folder": (errno.ENOSPC, (os, "mkdir")),
    "lock": (errno.ENOLCK, (fcntl, "flock")),
    "close": (errno.EIO, (os, "close")),
}
MEMORY = "memory"
"""The N-th allocation of Python's own, where the interpreter has its test module; lasting makes no sense."""
SITE_LINES = 3
WRITTEN = {"write": 1, "pwrite": 1}
"""Which argument is the content: half of it is written before the error."""


def set_no_memory(first: int, end: int) -> None:
    """Allocations from ``first`` on, counted from now and up to ``end``, fail."""
    import _testcapi  # not in every Python

    _testcapi.set_nomemory(first, end)


def can_fail_memory() -> bool:
    return importlib.util.find_spec("_testcapi") is not None


@dataclass
class Plan:
    """Which call fails. number: from 1; 0: none. is_lasting: all later calls of this kind fail too.

    folder: only calls for files in it count. seen: calls so far by kind, counted from ``arm`` on. sites: where nothing
    is to fail, the number of the first call of each kind from each place of the program.
    """

    kind: str
    number: int
    folder: Path
    is_lasting: bool = False
    is_armed: bool = False
    seen: Counter[str] = field(default_factory=Counter)
    sites: dict[str, dict[str, int]] = field(default_factory=dict)

    def arm(self) -> None:
        self.is_armed = True
        if self.kind == MEMORY and self.number:
            set_no_memory(self.number, self.number + 1)

    def is_due(self, kind: str, file: Any) -> bool:
        if not self.is_armed or not self._is_inside(file):
            return False
        self.seen[kind] += 1
        if not self.number:
            self.sites.setdefault(kind, {}).setdefault(_site(), self.seen[kind])
        if kind != self.kind or not self.number:
            return False
        return self.seen[kind] == self.number or (self.is_lasting and self.seen[kind] > self.number)

    def _is_inside(self, file: Any) -> bool:
        try:
            path = Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else os.fspath(file)
        except (OSError, TypeError):
            return False
        return str(path).startswith(str(self.folder))


def _site() -> str:
    """The last lines of the program through which a call came."""
    frames = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_stack(None))
    lines = (f"{file}:{line}" for file, line in frames if "/latticewatch/" in file)
    return " ".join(itertools.islice(lines, SITE_LINES))


def error_of(kind: str) -> OSError:
    number = KINDS[kind][0]
    return OSError(number, os.strerror(int(str(number))))


@contextmanager
def failing(plan: Plan) -> Iterator[None]:
    """Calls fail after this plan once it is armed."""
    with patch.object(io, "open", _opener(plan)), patch.object(builtins, "open", _opener(plan)):
        undo = []
        for kind, (_, *places) in KINDS.items():
            for module, name in places:  # type: ignore[misc]
                undo.append((module, name, getattr(module, name)))
                setattr(module, name, _replaced(plan, kind, name, getattr(module, name)))
        try:
            yield
        finally:
            for module, name, real in undo:
                setattr(module, name, real)


def _replaced(plan: Plan, kind: str, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if not plan.is_due(kind, arguments[0]):
            return real(*arguments, **named)
        if name in WRITTEN:
            content = memoryview(arguments[WRITTEN[name]])
            real(arguments[0], content[: len(content) // 2], *arguments[2:])
        if kind == "close":  # a close that fails has closed
            real(*arguments)
        raise error_of(kind)

    return call


def _opener(plan: Plan) -> Callable[..., Any]:
    class Raw(io.FileIO):
        def write(self, content: Any) -> int:
            if plan.is_due("write", self.fileno()):
                super().write(memoryview(content)[: len(content) // 2])
                raise error_of("write")
            return super().write(content)

        def readinto(self, buffer: Any) -> int:
            if plan.is_due("read", self.fileno()):
                raise error_of("read")
            return super().readinto(buffer)

        def readall(self) -> bytes:
            if plan.is_due("read", self.fileno()):
                raise error_of("read")
            return super().readall()

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not isinstance(file, int) and plan.is_due("open", file):
            raise error_of("open")
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        kind = io.BufferedRandom if "+" in mode else io.BufferedReader if "r" in mode else io.BufferedWriter
        buffered = kind(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    return opened
