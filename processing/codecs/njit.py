"""``njit``, for all that is compiled here.

numba keeps machine code beside the file of each function and looks at the time stamp of that file alone. Here the
folder's name is a digest of all compiled sources, so that a change in a called function, or an upgrade, never runs
yesterday's code. ``NUMBA_CACHE_DIR`` is obeyed where it is set.

numba imports scipy.linalg when it loads, a tenth of a second of every start, so that compiled code may call
BLAS. None of ours does; what numba itself would use it for (the dot product of np.correlate) it then does without.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from numba import config, njit
from platformdirs import user_cache_path

__all__ = ["njit"]
BLAS = "scipy.linalg.cython_blas"
PROCESSING = Path(__file__).parents[1]


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
