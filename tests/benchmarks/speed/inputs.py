"""The scans that are timed: simulated PILATUS frames, and EIGER stacks with the detectors' own gaps and packing."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.simulation.detector import detector_named
from latticewatch.processing.simulation.scan import write_scan

BEGUN = 30  # frames of the iodide scan before the first: both lattices are there
EIGER_SHAPES = {"Eiger4M": (2167, 2070), "Eiger16M": (4371, 4150)}
PONI = """poni_version: 2.1
Detector: {model}
Detector_config: {{"orientation": 3}}
Distance: {distance}
Poni1: {poni1}
Poni2: {poni2}
Rot1: 0.01
Rot2: 0.02
Rot3: 0.0
Wavelength: 6.4066e-11
"""
EXPERIMENT = """[[component]]
name = "Br"
phase = "CsPbBr3"
"""


@dataclass(frozen=True, slots=True)
class Scan:
    """path: of the folder or stack. folder: where geometry and experiment lie beside it. files: frames or stack."""

    path: Path
    folder: Path
    files: list[Path]
    frames: int
    shape: tuple[int, int]
    geometry: Geometry


def pilatus(folder: Path, detector: str, frames: int, *, first: int = BEGUN) -> Scan:
    """CBF files of the iodide exchange, with checksums, as the detector writes them."""
    write_scan("iodide", folder, frames=frames, detector=detector, first=first)
    files = sorted(folder.glob("*.cbf"))
    shape = detector_named(detector).shape
    return Scan(folder, folder, files, len(files), shape, read_geometry(folder / "geometry.poni"))


def eiger(folder: Path, model: str, frames: int) -> Scan:
    """An HDF5 stack of faint frames, bitshuffled LZ4, gaps coded by the largest value."""
    shape = EIGER_SHAPES[model]
    folder.mkdir(parents=True, exist_ok=True)
    half = [0.5 * side * 75e-6 for side in shape]
    text = PONI.format(model=model, distance=0.2 if model == "Eiger4M" else 0.3, poni1=half[0], poni2=half[1])
    (folder / "geometry.poni").write_text(text)
    (folder / "experiment.toml").write_text(EXPERIMENT)
    geometry = read_geometry(folder / "geometry.poni")
    path = folder / "scan.h5"
    _write_stack(path, _exposure(geometry, shape), module_gaps(geometry, shape), frames)
    return Scan(path, folder, [path], frames, shape, geometry)


def _exposure(geometry: Geometry, shape: tuple[int, int]) -> NDArray[np.uint32]:
    two_theta = azimuthal_integrator(geometry, shape).center_array(shape, unit="2th_deg")
    level = 3 + 30 * np.exp(-two_theta / 4) + 40 * np.exp(-0.5 * ((two_theta - 15.438) / 0.2) ** 2)
    return np.random.default_rng(1).poisson(level).astype(np.uint32)


def _write_stack(path: Path, image: NDArray[np.uint32], gaps: NDArray[np.bool_], frames: int) -> None:
    """Each frame is the same exposure, moved by a row: as noisy, and not the same bytes."""
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data").create_dataset(
            "data", (frames, *image.shape), "u4", chunks=(1, *image.shape), **hdf5plugin.Bitshuffle()
        )
        for place in range(frames):
            data[place] = np.where(gaps, np.uint32(2**32 - 1), np.roll(image, place, axis=0))
