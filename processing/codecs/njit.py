"""``njit``, for all that is compiled here.

numba imports scipy.linalg when it loads, a tenth of a second of every start, so that compiled code may call
BLAS. None of ours does; what numba itself would use it for (the dot product of np.correlate) it then does without.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from numba import njit

__all__ = ["njit"]
BLAS = "scipy.linalg.cython_blas"


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


with _hidden(BLAS):
    import_module("numba.np.arraymath")
