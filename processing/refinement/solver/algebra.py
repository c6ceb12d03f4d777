"""Small dense linear algebra, compiled: the same bits on any number of threads."""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit

Floats = NDArray[np.float64]
# Polynomials over a part of their range are nearly dependent; this much of each keeps them apart.
RIDGE = 1e-11


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _two_by_four(
    u: Floats, v: Floats, a: Floats, b: Floats, c: Floats, d: Floats
) -> tuple[float, float, float, float, float, float, float, float]:
    """Dot products of u and v with four rows, each row read once."""
    s0, s1, s2, s3, t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(u)):
        p, q = u[k], v[k]
        s0 += p * a[k]
        s1 += p * b[k]
        s2 += p * c[k]
        s3 += p * d[k]
        t0 += q * a[k]
        t1 += q * b[k]
        t2 += q * c[k]
        t3 += q * d[k]
    return s0, s1, s2, s3, t0, t1, t2, t3


@njit(nogil=True, cache=True, error_model="numpy")
def normal_matrix(J: Floats, w: Floats, r: Floats, A: Floats, g: Floats) -> None:
    """A = J W Jᵀ, g = J W r, in a fixed order of summation: the same bits on any number of threads."""
    rows = len(J)
    for i in range(0, rows, 2):
        n = min(i + 1, rows - 1)
        u, v = J[i] * w, J[n] * w
        g[i], g[n] = dot(u, r), dot(v, r)
        for j in range(0, n + 1, 4):
            j1, j2, j3 = min(j + 1, rows - 1), min(j + 2, rows - 1), min(j + 3, rows - 1)
            s0, s1, s2, s3, t0, t1, t2, t3 = _two_by_four(u, v, J[j], J[j1], J[j2], J[j3])
            A[i, j], A[i, j1], A[i, j2], A[i, j3] = s0, s1, s2, s3
            A[n, j], A[n, j1], A[n, j2], A[n, j3] = t0, t1, t2, t3
    _mirror(A)


@njit(nogil=True, cache=True, error_model="numpy")
def gradient(J: Floats, w: Floats, r: Floats, g: Floats) -> None:
    """g = J W r."""
    weighted = w * r
    for i in range(len(J)):
        g[i] = dot(J[i], weighted)


@njit(nogil=True, cache=True, error_model="numpy")
def product(A: Floats, B: Floats) -> Floats:
    """A B, of small matrices."""
    out = np.zeros((len(A), B.shape[1]))
    for i in range(len(A)):
        for k in range(len(B)):
            for j in range(B.shape[1]):
                out[i, j] += A[i, k] * B[k, j]
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def factorise(A: Floats, L: Floats) -> bool:
    """Cholesky factor of A into L (lower); False where A is not positive definite."""
    for i in range(len(A)):
        for j in range(i + 1):
            total = A[i, j] - dot(L[i, :j], L[j, :j])
            if i == j:
                if not total > 1e-14 * A[i, i]:
                    return False
                L[i, i] = math.sqrt(total)
            else:
                L[i, j] = total / L[j, j]
    return True


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_to(factor: float, a: Floats, out: Floats) -> None:
    for k in range(len(out)):
        out[k] += factor * a[k]


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
        # What the data do not know at all (a component that is absent) gets a variance of 1.
        scaled[i, i] = 1.0 + RIDGE
    if not factorise(scaled, L):
        return out, False
    M = _inverse_factor(L)
    for k in range(n):
        for i in range(k + 1):
            _add_to(M[k, i], M[k, : i + 1], out[i, : i + 1])
    for i in range(n):
        for j in range(i + 1):
            out[i, j] *= s[i] * s[j]
    _mirror(out)
    return out, True


@njit(nogil=True, cache=True, error_model="numpy")
def _inverse_factor(L: Floats) -> Floats:
    n = len(L)
    M = np.zeros((n, n))
    for i in range(n):
        for k in range(i):
            _add_to(-L[i, k], M[k, : k + 1], M[i, : k + 1])
        M[i, i] = 1.0
        for j in range(i + 1):
            M[i, j] /= L[i, i]
    return M


@njit(nogil=True, cache=True, error_model="numpy")
def _mirror(A: Floats) -> None:
    for i in range(len(A)):
        for j in range(i):
            A[j, i] = A[i, j]
