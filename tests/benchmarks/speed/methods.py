"""The ways from files to patterns that are timed against each other: fabio or h5py with pyFAI, and the program's."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fabio
import h5py
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.packed_images import ByteOffset
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.formats.cbf import END_OF_HEADER, decode_cbf
from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator

Work = Callable[[Sequence[Path]], object]


def side_by_side(works: Sequence[Work]) -> Work:
    """Each thread its own integrator and its share of the files."""

    def work(files: Sequence[Path]) -> object:
        shares = [files[place :: len(works)] for place in range(len(works))]
        with ThreadPoolExecutor(len(works)) as pool:
            return list(pool.map(lambda one, share: one(share), works, shares))

    return work


class PyFAI:
    """The yardstick: fabio.open, then integrate1d with Poisson errors, polarization, solid angle and a mask."""

    def __init__(self, geometry: Geometry, shape: tuple[int, int], bins: int, splitting: str, algorithm: str) -> None:
        self._integrator = azimuthal_integrator(geometry, shape)
        self._mask = module_gaps(geometry, shape)
        self._bins, self._method = bins, (splitting, algorithm, "cython")

    def all(self, files: Sequence[Path]) -> list[Any]:
        return [self.one(path) for path in files]

    def one(self, path: Path) -> Any:
        with fabio.open(str(path)) as image:
            return self.image(image.data)

    def stack(self, path: Path) -> list[Any]:
        with h5py.File(path) as file:
            data = file["entry/data/data"]
            return [self.image(data[place]) for place in range(len(data))]

    def image(self, counts: NDArray[Any]) -> Any:
        return self._integrator.integrate1d_ng(
            counts, self._bins, mask=self._mask, polarization_factor=0.99,
            error_model="poisson", method=self._method, unit="2th_deg",
        )  # fmt: skip


class Ours:
    """The program's own way; unchecked: without the MD5 that the program always verifies."""

    def __init__(self, integrator: ImageIntegrator, *, checked: bool = True) -> None:
        self._integrator = integrator
        self._frame = checked_frame if checked else unchecked_frame

    def one_by_one(self, files: Sequence[Path]) -> list[Any]:
        return [self._integrator.integrate(self._frame(path, self._integrator.plan.shape)) for path in files]

    def by_eight(self, files: Sequence[Path]) -> list[Any]:
        results: list[Any] = []
        for first in range(0, len(files), 8):
            frames = [self._frame(path, self._integrator.plan.shape) for path in files[first : first + 8]]
            results += self._integrator.integrate_many(frames)
        return results


def checked_frame(path: Path, shape: tuple[int, int]) -> Frame:
    image = decode_cbf(path.read_bytes())
    assert image.counts.shape == shape
    return Frame(0, path.name, 0.0, 0.0, Image(image.counts), image.header)


def unchecked_frame(path: Path, shape: tuple[int, int]) -> Frame:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    start = bytes(data[:8192]).index(END_OF_HEADER) + len(END_OF_HEADER)
    return Frame(0, path.name, 0.0, 0.0, Image(ByteOffset(data[start:], shape, np.dtype(np.int32))))


def checksum_only(files: Sequence[Path]) -> object:
    """What the checksum costs by itself."""
    return [hashlib.md5(path.read_bytes(), usedforsecurity=False).digest() for path in files]


def read_only(files: Sequence[Path]) -> object:
    """What reading costs by itself."""
    return [len(path.read_bytes()) for path in files]


def largest_difference(geometry: Geometry, shape: tuple[int, int], files: Sequence[Path]) -> tuple[float, float]:
    """Relative, from pyFAI without splitting: of intensity and of sigma, over these files."""
    ours = ImageIntegrator(geometry, shape=shape, find_defects=False)
    judge = PyFAI(geometry, shape, len(ours.two_theta), "no", "csr")
    patterns = Ours(ours).by_eight(files)
    differences = [_differences(pattern, judge.one(path)) for pattern, path in zip(patterns, files, strict=True)]
    return max(one for one, _ in differences), max(two for _, two in differences)


def _differences(pattern: Pattern, judge: Any) -> tuple[float, float]:
    filled = judge.count > 0
    return tuple(  # type: ignore[return-value]
        float(np.abs(_of(ours, filled) / _of(theirs, filled) - 1).max())
        for ours, theirs in ((pattern.intensity, judge.intensity), (pattern.sigma, judge.sigma))
    )


def _of(values: NDArray[Any], filled: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(values[filled], np.float64)
