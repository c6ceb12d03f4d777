"""Patterns that other programs have integrated, as the frames of a scan.

Columns of text (.xy, .xye, .chi, .dat): 2θ in degrees, intensity and, where there is one,
sigma. GSAS raw files (.fxye, .gsa, .gss; R. B. Von Dreele and A. C. Larson, GSAS manual, "Powder diffraction
data") of constant wavelength: BANK lines of the kinds FXYE, FXY, ESD and STD, whose angles are hundredths of a degree.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.files.regular_file import text_of
from latticewatch.processing.formats.image_file import NAN, ImageFile, NotWhole, Unreadable
from latticewatch.processing.formats.pattern_text import (
    FEWEST_POINTS,
    LARGEST_BYTES,
    LARGEST_NUMBER,
    noise_of,
    numbers_in,
)

Floats = NDArray[np.float64]
# No part of it can be matched in two ways: a header of blanks would take hours.
Q = re.compile(r"\bq[ _]*(?:[(\[/][ _]*)?(1/ ?(nm|a|å)|(nm|a|å|angstroms?)[ _]*(\^?-1|⁻¹)|inverse)", re.IGNORECASE)
TIME = re.compile(r"^# time (-?\d{1,9}(?:\.\d{1,9})?) s from the first frame$", re.MULTILINE)
BANK = re.compile(r"^BANK\s+\d+\s+(\d+)\s+(\d+)\s+(\w+)\s+(\S+)\s+(\S+)(?:\s+\S+)*?(?:\s+(FXYE|FXY|ESD|STD))?\s*$")
CENTIDEGREE, WIDTH = 0.01, 8
# More than any grid has.
MOST_POINTS = 100_000


def decode_pattern(content: bytes) -> ImageFile:
    """The pattern in these bytes: its "counts" are three rows, 2θ in degrees, intensity and sigma, which are NaN where
    one of them is no finite number or sigma is 0.

    A time that LatticeWatch wrote into the file's comments is its stamp. Raises NotWhole or Unreadable.
    """
    if len(content) > LARGEST_BYTES:
        raise Unreadable("larger than any pattern")
    text = text_of(content, "replace")
    lines = text.splitlines()
    bank = next((number for number, line in enumerate(lines) if line.startswith("BANK")), None)
    columns = _columns(lines) if bank is None else _gsas(lines, bank)
    if columns.shape[1] < FEWEST_POINTS:
        raise NotWhole(f"fewer than {FEWEST_POINTS} points of a pattern")
    angle, intensity = columns[0], columns[1]
    if not np.isfinite(angle).all() or np.any(np.diff(angle) <= 0.0):
        raise Unreadable("its angles do not ascend")
    sigma = np.abs(columns[2]) if len(columns) > 2 else noise_of(intensity)
    told = "\n".join(line for line in lines[:60] if len(numbers_in(line)) < 2)
    if Q.search(told):
        raise Unreadable("its first column is Q; give 2θ in degrees")
    if angle[0] <= 0.0 or angle[-1] >= 180.0:
        raise Unreadable("its first column is not 2θ in degrees between 0 and 180")
    values = np.where(np.isfinite(intensity + sigma) & (sigma > 0.0), [intensity, sigma], np.nan)
    if np.isfinite(values[0]).sum() < FEWEST_POINTS:
        raise Unreadable(f"fewer than {FEWEST_POINTS} of its points have an intensity and a sigma above 0")
    if np.nanmax(np.abs(values)) > LARGEST_NUMBER:
        raise Unreadable(f"holds a number of {np.nanmax(np.abs(values)):.0e}")
    stamp = TIME.search(told)
    return ImageFile(np.ascontiguousarray([angle, *values]), stamp_s=float(stamp[1]) if stamp else NAN)


def _columns(lines: Sequence[str]) -> Floats:
    """(2 or 3, points). A row that lacks its sigma is one that is still being written."""
    rows: list[list[float]] = []
    for line in lines:
        if len(row := numbers_in(line)) >= 2:
            rows.append(row)
        if len(rows) > MOST_POINTS:
            raise Unreadable(f"more than {MOST_POINTS} points of a pattern")
    if len({len(row) for row in rows}) > 1:
        raise NotWhole("its rows are of two numbers and of three")
    return np.array(rows, np.float64).reshape(len(rows), -1).T if rows else np.empty((2, 0))


def _gsas(lines: Sequence[str], bank: int) -> Floats:
    found = BANK.match(lines[bank])
    if found is None:
        raise Unreadable("its BANK line is none of GSAS")
    points, records, binning, start, step, kind = found.groups()
    if len(points) > len(str(MOST_POINTS)) or int(points) > MOST_POINTS:
        raise Unreadable(f"more than {MOST_POINTS} points of a pattern")
    kind = kind or "STD"
    if kind not in ("FXYE", "FXY") and binning not in ("CONS", "CONST"):
        raise Unreadable(f"a GSAS file of the kind {binning} {kind}, which has no constant steps of 2θ")
    body = lines[bank + 1 : bank + 1 + int(records)]
    if kind in ("FXYE", "FXY"):
        width = len(kind) - 1
        rows = [row for line in body if len(row := numbers_in(line)[:width]) == width]
        values = np.array(rows, np.float64).reshape(len(rows), width).T
        values[0] *= CENTIDEGREE
    else:
        values = _constant_steps(body, kind, int(points), float(start), float(step))
    if values.shape[1] < int(points):
        raise NotWhole(f"{values.shape[1]} of its {points} points are there")
    return np.asarray(values[:, : int(points)])


def _constant_steps(body: Sequence[str], kind: str, points: int, start: float, step: float) -> Floats:
    """Fields of eight characters: intensity and sigma in turn (ESD), or two of a number of counters and six of the mean
    of their counts (STD)."""
    fields = [line[place : place + WIDTH] for line in body for place in range(0, len(line), WIDTH)]
    cells = [field for field in fields if field.strip()]
    if kind == "ESD":
        numbers = np.array([float(cell) for cell in cells[: 2 * (len(cells) // 2)]])
        intensity, sigma = numbers.reshape(-1, 2).T
    else:
        intensity = np.array([float(cell[2:]) for cell in cells])
        counters = np.array([int(cell[:2].strip() or 1) for cell in cells])
        sigma = np.sqrt(np.maximum(intensity, 1.0) / counters)
    found = min(points, len(intensity))
    angle = CENTIDEGREE * (start + step * np.arange(found))
    return np.array([angle, intensity[:found], sigma[:found]])
