"""A geometry as a .poni file, as pyFAI writes and reads it."""

import json
from collections.abc import Sequence
from typing import Any

from latticewatch.processing.integration.geometry import Geometry


def poni_text(geometry: Geometry, comments: Sequence[str] = ()) -> str:
    """The text of a .poni file that ``read_geometry`` reads back as this geometry; comments stand in front."""
    config: dict[str, Any] = {}
    if geometry.detector is None or geometry.pixels_stated:
        config = {"pixel1": geometry.pixel1_m, "pixel2": geometry.pixel2_m}
    if geometry.shape is not None:
        config["max_shape"] = list(geometry.shape)
    config["orientation"] = geometry.orientation
    if geometry.parallax is not None:
        material, thickness_m = geometry.parallax
        config["sensor"] = {"material": material, "thickness": thickness_m}
    lines = [
        "# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis",
        *(f"# {comment}" for comment in comments),
        f"poni_version: {'2.1' if geometry.parallax is None else '3'}",
        f"Detector: {geometry.detector or 'Detector'}",
        f"Detector_config: {json.dumps(config)}",
        f"Distance: {geometry.distance_m!r}",
        f"Poni1: {geometry.poni1_m!r}",
        f"Poni2: {geometry.poni2_m!r}",
        f"Rot1: {geometry.rot1_rad!r}",
        f"Rot2: {geometry.rot2_rad!r}",
        f"Rot3: {geometry.rot3_rad!r}",
        f"Wavelength: {geometry.wavelength_A * 1e-10!r}",
    ]
    if geometry.parallax is not None:
        lines.append("Parallax: True")
    return "\n".join(lines) + "\n"
