"""Small dense linear algebra, compiled: the same bits on any number of threads."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def normal_matrix(J: Floats, w: Floats, r: Floats, A: Floats, g: Floats) -> None:
    """A = J W Jᵀ, g = J W r, in a fixed order of summation: the same bits on any number of threads."""
    rows, bins = J.shape
    weighted = np.empty(bins)
    for i in range(rows):
        total = 0.0
        for k in range(bins):
            weighted[k] = J[i, k] * w[k]
            total += weighted[k] * r[k]
        g[i] = total
        j = 0
        while j + 3 <= i:
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            for k in range(bins):
                v = weighted[k]
                s0 += v * J[j, k]
                s1 += v * J[j + 1, k]
                s2 += v * J[j + 2, k]
                s3 += v * J[j + 3, k]
            A[i, j], A[i, j + 1], A[i, j + 2], A[i, j + 3] = s0, s1, s2, s3
            j += 4
        while j <= i:
            s0 = 0.0
            for k in range(bins):
                s0 += weighted[k] * J[j, k]
            A[i, j] = s0
            j += 1
    _mirror(A)


@njit(nogil=True, cache=True, error_model="numpy")
def factorise(A: Floats, L: Floats) -> bool:
    """Cholesky factor of A into L (lower); False where A is not positive definite."""
    n = len(A)
    for i in range(n):
        for j in range(i + 1):
            total = A[i, j]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                if not total > 1e-14 * A[i, i]:
                    return False
                L[i, i] = math.sqrt(total)
            else:
                L[i, j] = total / L[j, j]
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def back_substitute(L: Floats, b: Floats) -> Floats:
    """x of L Lᵀ x = b."""
    n = len(b)
    x = b.copy()
    for i in range(n):
        for k in range(i):
            x[i] -= L[i, k] * x[k]
        x[i] /= L[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= L[k, i] * x[k]
        x[i] /= L[i, i]
    return x


@njit(nogil=True, cache=True, error_model="numpy")
def inverse(A: Floats) -> tuple[Floats, bool]:
    """Inverse of a symmetric positive definite matrix, and whether there is one."""
    n = len(A)
    L, out = np.zeros((n, n)), np.zeros((n, n))
    s = np.ones(n)
    for i in range(n):
        if A[i, i] > 0.0:
            s[i] = 1.0 / math.sqrt(A[i, i])
    scaled = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            scaled[i, j] = A[i, j] * s[i] * s[j]
    if not factorise(scaled, L):
        return out, False
    M = _inverse_factor(L)
    for k in range(n):
        for i in range(k + 1):
            v = M[k, i] * s[i]
            for j in range(i + 1):
                out[i, j] += v * M[k, j] * s[j]
    _mirror(out)
    return out, True


@njit(nogil=True, cache=True, error_model="numpy")
def _inverse_factor(L: Floats) -> Floats:
    n = len(L)
    M = np.zeros((n, n))
    for j in range(n):
        M[j, j] = 1.0 / L[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total -= L[i, k] * M[k, j]
            M[i, j] = total / L[i, i]
    return M


@njit(nogil=True, cache=True)
def _mirror(A: Floats) -> None:
    for i in range(len(A)):
        for j in range(i):
            A[j, i] = A[i, j]
