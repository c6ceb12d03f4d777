"""Standards of calibration: where their rings must lie."""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.errors import UserError

CUBIC = ("LaB6", "CeO2", "Si")
"""Shipped phases that are standards; where pyFAI has one of the same name, this is the one that is meant."""
NOT_A_STANDARD = ("mock",)
LEAST_D_A = 0.3


@dataclass(frozen=True, slots=True)
class StandardLine:
    """One ring: its hkl as it is written, and its plane distance in Å."""

    hkl: str
    d_A: float


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard of calibration. lines: d descending. cell_A: edge of a cubic cell, NaN of any other."""

    name: str
    lines: tuple[StandardLine, ...]
    cell_A: float = math.nan

    def __str__(self) -> str:
        return f"{self.name} (a = {self.cell_A:.4f} angstrom)" if math.isfinite(self.cell_A) else self.name


def standard_names() -> tuple[str, ...]:
    """Names that ``read_standard`` knows: the usual ones first, then pyFAI's in alphabetical order."""
    others = (name for name in _calibrants() if name not in (*CUBIC, *NOT_A_STANDARD))
    return (*CUBIC, *sorted(others, key=str.lower))


def read_standard(source: str | Path, wavelength_A: float) -> Standard:
    """The standard of this name (one of ``CUBIC``, else a calibrant of pyFAI, else a shipped phase), or of this CIF.

    wavelength_A: lines that cannot be seen with it are left out. Raises UserError for an unknown name and a file that
    cannot be used.
    """
    if isinstance(source, str) and source not in CUBIC and source in _calibrants():
        return _of_pyfai(source, wavelength_A)
    phase = read_phase(source)
    lines = reflections(phase, max(0.501 * wavelength_A, LEAST_D_A))
    return Standard(
        phase.name,
        tuple(StandardLine("".join(map(str, line.hkl)), line.d_A) for line in lines),
        phase.lattice_parameter_A if phase.is_cubic else math.nan,
    )


@functools.cache
def _calibrants() -> tuple[str, ...]:
    from pyFAI.calibrant import names  # slow to load: pyFAI

    return tuple(str(name) for name in names())


def _of_pyfai(name: str, wavelength_A: float) -> Standard:
    from pyFAI.calibrant import get_calibrant  # slow to load: pyFAI

    calibrant = get_calibrant(name)
    distances = [float(d) for d in calibrant.dspacing]  # reads the file; before, there is no config
    lines = [
        StandardLine(_hkl(reflection, number), d)
        for number, (reflection, d) in enumerate(zip(calibrant.config.reflections, distances, strict=True))
        if d > 0.501 * wavelength_A
    ]
    if not lines:
        raise UserError(f"calibrant {name}: no line of it is seen at {wavelength_A:.4f} angstrom; choose another one")
    return Standard(name, tuple(sorted(lines, key=lambda line: -line.d_A)))


def _hkl(reflection: Any, number: int) -> str:
    hkl = reflection.hkl
    if not hkl:
        return f"line {number + 1}"
    indices = [int(index) for index in hkl]
    separator = "" if all(0 <= index <= 9 for index in indices) else " "
    return separator.join(map(str, indices))
