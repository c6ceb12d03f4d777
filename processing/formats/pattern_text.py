"""Patterns that other programs have written as columns of text: .xy, .xye, .dat, .chi, .txt, .csv."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular_text
from latticewatch.processing.flow.empty_cell import EmptyCell

SUFFIXES = (".xy", ".xye", ".dat", ".chi", ".txt", ".csv")
LARGEST_BYTES = 20_000_000
FEWEST_POINTS = 20
# More is no intensity, and more than single precision holds.
LARGEST_NUMBER = 1e30
# The standard deviation of a second difference of white noise, in units of the noise's own.
OF_SECOND_DIFFERENCE = 6.0**0.5


def read_empty_cell(path: Path) -> EmptyCell:
    """The pattern of the empty cell: columns of 2θ in degrees, intensity and, where there is one, sigma.

    Lines that do not begin with two numbers are taken as comments. Without sigmas they are one for all points, by how
    much the intensity changes from point to point. Raises UserError.
    """
    try:
        text = read_regular_text(path, LARGEST_BYTES, "replace")
    except OSError as error:
        raise UserError(
            f"{path}: the background cannot be read ({error.strerror}); check [geometry] background"
        ) from None
    rows = [row for line in text.splitlines() if len(row := numbers_in(line)) >= 2]
    columns = min((len(row) for row in rows), default=0)
    values = np.array([row[: min(columns, 3)] for row in rows if np.isfinite(row).all()], dtype=np.float64)
    if len(values) < FEWEST_POINTS:
        raise UserError(
            f"{path}: fewer than {FEWEST_POINTS} points of a pattern; give columns of 2θ (deg), intensity, sigma"
        )
    two_theta, intensity = values[:, 0], values[:, 1]
    if np.any(np.diff(two_theta) <= 0.0) or two_theta[0] < 0.0 or two_theta[-1] > 180.0:
        raise UserError(
            f"{path}: the first column is not 2θ in ascending degrees; give columns of 2θ (deg), intensity, sigma"
        )
    if len({len(row) for row in rows}) > 1:
        raise UserError(f"{path}: its rows are of two numbers and of three; give all of them a sigma, or none")
    if np.abs(values).max() > LARGEST_NUMBER:
        raise UserError(f"{path}: holds a number of {np.abs(values).max():.0e}; give an intensity for each 2θ")
    sigma = values[:, 2] if values.shape[1] == 3 else noise_of(intensity)
    return EmptyCell(tuple(two_theta.tolist()), tuple(intensity.tolist()), tuple(np.abs(sigma).tolist()))


def numbers_in(line: str) -> list[float]:
    """The numbers that a line begins with, three at most."""
    found = []
    for word in line.replace(",", " ").replace(";", " ").split(maxsplit=3)[:3]:
        try:
            found.append(float(word))
        except ValueError:
            break
    return found


def noise_of(intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """(points,) one sigma for all points, by how much the intensity changes from point to point."""
    change = np.abs(np.diff(intensity, 2))
    return np.full(len(intensity), 1.4826 * float(np.median(change)) / OF_SECOND_DIFFERENCE)
