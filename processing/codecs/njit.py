"""``njit``, for all that is compiled here.

numba keeps machine code beside the file of each function and looks at the time stamp of that file alone. Here the
folder's name is a digest of all compiled sources, so that a change in a called function, or an upgrade, never runs
yesterday's code. ``NUMBA_CACHE_DIR`` is obeyed where it is set. Every file of machine code has a name of its own: numba
numbers them, and two processes that compile one function for different types at the same time give the same number,
so that later the code of one is run with the arguments of the other, which ends in a crash.

numba imports scipy.linalg when it loads, a tenth of a second of every start, so that compiled code may call
BLAS. None of ours does; what numba itself would use it for (the dot product of np.correlate) it then does without.
"""

import hashlib
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import config
from numba.core.caching import IndexDataCacheFile
from numba.core.dispatcher import Dispatcher
from platformdirs import user_cache_path

__all__ = ["njit"]
BLAS = "scipy.linalg.cython_blas"
PROCESSING = Path(__file__).parents[1]
F = TypeVar("F", bound=Callable[..., object])


class OwnNames(IndexDataCacheFile):
    """numba's files of one function: an index of signatures, and the machine code of each in a file of its own."""

    def _data_name(self, _number: int) -> str:
        return str(self._data_name_pattern.format(number=uuid.uuid4().int))


def njit(**options: Any) -> "Callable[[F], Dispatcher[F]]":
    """numba's njit with ``cache=True`` among its options, whose files several processes can write at once."""
    compiled = numba.njit(**options)

    def of(function: F) -> "Dispatcher[F]":
        dispatcher: Any = compiled(function)
        if not getattr(config, "DISABLE_JIT"):  # noqa: B009 — numba says nothing of its types
            numbas = dispatcher._cache._cache_file
            base = numbas._index_name.removesuffix(".nbi")
            dispatcher._cache._cache_file = OwnNames(numbas._cache_path, base, numbas._source_stamp)  # type: ignore[no-untyped-call]
        return dispatcher  # type: ignore[no-any-return]

    return of


def cache_folder(sources: Path) -> Path:
    """Where code compiled from the files below ``sources`` is kept: beside them, or with the user's caches."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*.py")):
        content = path.read_bytes()
        if b"njit" in content:
            digest.update(content)
    name = f"compiled-{digest.hexdigest()[:16]}"
    beside = sources / "__pycache__"
    if os.access(beside if beside.exists() else sources, os.W_OK):
        return beside / name
    return user_cache_path("latticewatch", appauthor=False) / name


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Not to be imported meanwhile; what is there already stays."""
    loaded = module in sys.modules
    if not loaded:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if not loaded:
            del sys.modules[module]


if not os.environ.get("NUMBA_CACHE_DIR"):
    setattr(config, "CACHE_DIR", str(cache_folder(PROCESSING)))  # noqa: B010 — numba says nothing of its types

with _hidden(BLAS):
    import_module("numba.np.arraymath")
