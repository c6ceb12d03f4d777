"""The experiment's geometry: a .poni file, read without trusting it."""

import functools
import hashlib
import json
import logging
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import TooLargeError, read_regular, text_of

LARGEST_BYTES = 1_000_000
AS_READ = 3  # pyFAI's number for an image whose origin is where the first pixel of the array is
GENERIC = "detector"
DETECTOR_KEYS = {"poni_version", "detector", "detector_config", "pixelsize1", "pixelsize2", "splinefile"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where detector and beam are, in pyFAI's convention (poni1, rot1... : axis 1 is the slow one, y).

    Lengths in m, rotations in rad, wavelength in Å. detector: pyFAI's name of it, None for a plain grid of
    pixels. shape: rows, columns where the file says so. orientation: EXIF number 1 to 4 as pyFAI has it
    (3: as read, 2: up-down flip). pixels_stated: the file states the pixel size, else it is the detector's.
    parallax: material and thickness (m) of the sensor whose parallax is corrected, None where it is not.
    text, sha256: the file as it was read.
    """

    distance_m: float
    poni1_m: float
    poni2_m: float
    rot1_rad: float
    rot2_rad: float
    rot3_rad: float
    wavelength_A: float
    pixel1_m: float
    pixel2_m: float
    detector: str | None = None
    shape: tuple[int, int] | None = None
    orientation: int = AS_READ
    pixels_stated: bool = False
    parallax: tuple[str, float] | None = None
    text: str = field(default="", repr=False)
    sha256: str = ""
    source: str = "geometry"


def of_patterns(wavelength_A: float) -> Geometry:
    """That of patterns that were integrated elsewhere: nothing but the wavelength is known of it."""
    return Geometry(
        1.0, 0.0, 0.0, 0.0, 0.0, 0.0, wavelength_A, 1e-4, 1e-4, source=f"patterns at {wavelength_A:g} angstrom"
    )


@dataclass(frozen=True, slots=True)
class _Quantity:
    key: str
    low: float
    high: float
    unit: str
    other_units: tuple[tuple[str, float], ...] = ()


DISTANCE = _Quantity("Distance", 1e-3, 100.0, "metres", (("millimetres", 1e-3),))
WAVELENGTH = _Quantity("Wavelength", 2e-12, 1e-9, "metres", (("angstrom", 1e-10), ("nanometres", 1e-9)))
PIXEL = _Quantity("pixel size", 1e-6, 1e-2, "metres", (("micrometres", 1e-6), ("millimetres", 1e-3)))
THICKNESS = _Quantity("sensor thickness", 1e-6, 1e-2, "metres", (("micrometres", 1e-6), ("millimetres", 1e-3)))
PONI1, PONI2 = (_Quantity(f"Poni{n}", -10.0, 10.0, "metres") for n in (1, 2))
ROTATIONS = tuple(
    _Quantity(f"Rot{n}", -2 * math.pi, 2 * math.pi, "radians", (("degrees", math.pi / 180),)) for n in (1, 2, 3)
)


def read_geometry(poni_path: Path, orientation: int | None = None) -> Geometry:
    """The last calibration in this .poni file (any version up to 3); ``orientation`` overrides the file's.

    Raises UserError, one line, where the file is absent, broken, physically impossible or names a file.
    """
    raw = _read(poni_path)
    text = text_of(raw, "replace")
    if "\0" in text:
        raise _no_poni(poni_path)
    keys = _last_calibration(text, poni_path)
    config = _detector_config(keys, poni_path)
    name = _detector_name(keys, poni_path)
    stated = [config.get(f"pixel{axis}", keys.get(f"pixelsize{axis}")) for axis in (1, 2)]
    pixel1, pixel2 = (_pixel_size(stated[axis - 1], name, axis, poni_path) for axis in (1, 2))
    rotations = [_number(keys, rotation, poni_path) for rotation in ROTATIONS]
    return Geometry(
        distance_m=_number(keys, DISTANCE, poni_path),
        poni1_m=_number(keys, PONI1, poni_path),
        poni2_m=_number(keys, PONI2, poni_path),
        rot1_rad=rotations[0],
        rot2_rad=rotations[1],
        rot3_rad=rotations[2],
        wavelength_A=_number(keys, WAVELENGTH, poni_path) / 1e-10,
        pixel1_m=pixel1,
        pixel2_m=pixel2,
        detector=name,
        shape=_shape(config, poni_path),
        orientation=_orientation(config, orientation, poni_path),
        pixels_stated=None not in stated,
        parallax=_parallax(keys, config, poni_path),
        text=text,
        sha256=hashlib.sha256(raw).hexdigest(),
        source=str(poni_path),
    )


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST_BYTES)
    except TooLargeError:
        raise _no_poni(path) from None
    except OSError as error:
        raise UserError(f"{path}: the geometry cannot be read ({error.strerror}); check --geometry") from None


def _no_poni(path: Path) -> UserError:
    return UserError(f"{path}: not a .poni file; give the text file that pyFAI's calibration wrote")


def _last_calibration(text: str, path: Path) -> dict[str, str]:
    """Lower-case keys of the last calibration: pyFAI appends a new one to those that the file holds already.

    A calibration begins with its detector. Nothing of an earlier one is taken over: its pixel size may be another's.
    """
    blocks: list[dict[str, str]] = [{}]
    written: dict[tuple[int, str], list[str]] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        if not colon or key.startswith("#"):
            continue
        if key in DETECTOR_KEYS and "distance" in blocks[-1]:
            blocks.append({})
        key, value = "distance" if key == "dist" else key, value.strip()
        blocks[-1][key] = value
        written.setdefault((len(blocks), key), []).append(value)
    if not blocks[0]:
        raise _no_poni(path)
    _check_repeated({key: values for (number, key), values in written.items() if number == len(blocks)}, path)
    if "distance" not in blocks[-1] and len(blocks) > 1:  # the detector of a single calibration may stand at its end
        blocks[-2:] = [blocks[-2] | blocks[-1]]
    if len(blocks) > 1:
        log.info("%s: holds %d calibrations; the last one is used", path, len(blocks))
    version = blocks[-1].get("poni_version", "1")
    if not re.fullmatch(r"[123](\.\d+)?", version):
        raise UserError(f"{path}: poni_version {version[:20]} is not known (1 to 3 are); convert it with pyFAI")
    return blocks[-1]


def _check_repeated(written: Mapping[str, list[str]], path: Path) -> None:
    """Raises UserError where one key of a calibration has two values: which is meant is not known.

    Where all of the place is there twice, it was calibrated twice with one detector.
    """
    place = {key: values for key, values in written.items() if key not in DETECTOR_KEYS}
    again = {key: values for key, values in place.items() if len(values) > 1}
    if len({len(values) for values in place.values()}) > 1 and (key := next(iter(again), None)):
        first, second = again[key][0][:40], again[key][-1][:40]
        if first != second:
            raise UserError(
                f"{path}: {key.capitalize()} stands twice ({first} and {second}); keep one of the two lines"
            )


def _number(keys: dict[str, str], quantity: _Quantity, path: Path) -> float:
    if quantity.key.lower() not in keys:
        raise UserError(f"{path}: {quantity.key} is missing; calibrate again or add it")
    return _checked(keys[quantity.key.lower()], quantity, path)


def _checked(value: Any, quantity: _Quantity, path: Path) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{path}: {quantity.key} is not a number ({str(value)[:40]!a}); fix this line") from None
    if math.isfinite(number) and quantity.low <= number <= quantity.high:
        return number
    hints = [name for name, unit in quantity.other_units if quantity.low <= number * unit <= quantity.high]
    hint = f"; this looks like {hints[0]}" if hints else ""
    limits = f"{quantity.low:.4g} to {quantity.high:.4g} {quantity.unit}"
    raise UserError(f"{path}: {quantity.key} {number:g} is impossible (must be {limits}){hint}; fix this line")


def _detector_config(keys: dict[str, str], path: Path) -> dict[str, Any]:
    if keys.get("splinefile", "None") not in ("None", ""):
        raise UserError(f"{path}: SplineFile names a file; detector distortion from a file is not supported")
    try:
        config = json.loads(keys.get("detector_config", "{}"))
    except (ValueError, RecursionError):
        raise UserError(f"{path}: Detector_config is not valid JSON; fix this line") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: Detector_config is not a table; fix this line")
    for key, value in config.items():
        if key not in ("pixel1", "pixel2", "max_shape", "orientation", "sensor") and value is not None:
            raise UserError(
                f"{path}: Detector_config has {key[:40]!a}, which is not supported; "
                "name a known detector, or pixel size and shape only"
            )
    return config


def _detector_name(keys: dict[str, str], path: Path) -> str | None:
    written = keys.get("detector", "").lower()
    if written in ("", GENERIC, "none"):
        return None
    # pyFAI has written "Pilatus 1M", "Pilatus1M" and "pilatus_1m".
    spellings = list(dict.fromkeys((written, written.replace(" ", "_"), written.replace(" ", ""))))
    name = next((each for each in spellings if each in listed_pixels()), None)
    name = name or next((each for each in spellings if _is_known_to_pyfai(each)), None)
    if name is None:
        raise UserError(
            f"{path}: Detector {keys['detector'][:60]!a} is not a known detector's name; "
            "name a detector that pyFAI knows, or give pixel size and shape"
        )
    return name


@functools.cache
def listed_pixels() -> Mapping[str, tuple[float, float]]:
    """Height and width in m of the pixels of the detectors that are listed with this program."""
    text = (resources.files("latticewatch.resources") / "detectors.toml").read_text("utf-8")
    return MappingProxyType({name: (float(high), float(wide)) for name, (high, wide) in tomllib.loads(text).items()})


def _is_known_to_pyfai(name: str) -> bool:
    """Of a name that is not listed: pyFAI may be newer. Its import takes a second."""
    from pyFAI.detectors import ALL_DETECTORS, NexusDetector  # slow to load: pyFAI

    # The registry is asked, never pyFAI's factory: the factory opens what looks like a file.
    return name in ALL_DETECTORS and not issubclass(ALL_DETECTORS[name], NexusDetector)


def _parallax(keys: dict[str, str], config: dict[str, Any], path: Path) -> tuple[str, float] | None:
    if keys.get("parallax", "false").lower() != "true":
        return None
    match config.get("sensor"):
        case {"material": str(material), "thickness": float() | int() as thickness} if material.isalnum():
            return material, _checked(thickness, THICKNESS, path)
    raise UserError(
        f'{path}: Parallax is True, but Detector_config has no sensor {{"material": ..., "thickness": ...}}; '
        "add the sensor, or calibrate without parallax"
    )


def _pixel_size(value: Any, name: str | None, axis: int, path: Path) -> float:
    if value is None and name is not None:
        value = _pixels_of(name)[axis - 1]
    if value is None:
        raise UserError(f"{path}: the pixel size is missing; add PixelSize{axis} or name the detector")
    return _checked(value, PIXEL, path)


def _pixels_of(name: str) -> tuple[Any, Any]:
    if name in listed_pixels():
        return listed_pixels()[name]
    from pyFAI.detectors import ALL_DETECTORS  # slow to load: pyFAI

    detector = ALL_DETECTORS[name]()
    return detector.pixel1, detector.pixel2


def _shape(config: dict[str, Any], path: Path) -> tuple[int, int] | None:
    shape = config.get("max_shape")
    if shape is None:
        return None
    match shape:
        case [int(rows), int(columns)] if 0 < rows <= 100_000 and 0 < columns <= 100_000:
            return rows, columns
    raise UserError(f"{path}: max_shape of the detector must be two whole numbers; fix this line")


def _orientation(config: dict[str, Any], override: int | None, path: Path) -> int:
    value = override if override is not None else config.get("orientation") or AS_READ
    if value in (1, 2, 3, 4):
        return int(value)
    where = "--orientation" if override is not None else f"{path}: orientation"
    raise UserError(f"{where} {str(value)[:20]} is impossible; give 1, 2, 3 (as read) or 4")
