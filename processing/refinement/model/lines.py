"""The lines of all components as flat arrays, and where everything lies in the vector of parameters."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.reflections import Reflection, reflections, sum_of_squares
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.model.vegard_intensity import vegard_intensity_of

BACKGROUND_TERMS = 12
# Of one component, by the number of components: what a frame's fit has time for.
MOST_LINES = {1: 80, 2: 60, 3: 44, 4: 36}
# A line that comes into range when a cell moves this far (Å) is in the model.
REACH_A = 0.3
MOST_SQUARES = 400


class Lines(NamedTuple):
    """Flat arrays over the lines of all components; what the compiled functions read.

    phase: (lines,) which component. root_n: √(h² + k² + l²). log_base: ln of the intensity that the structure
    gives at the start cell, scaled to sum to 1 within a component. slope, bend: F over that of the start cell is
    1 + slope Δa + bend Δa² where composition moves it (Vegard between two isostructural components).
    cell: start cell in Å, (components,). wavelength_A. walk: (lines, lines) covariance of a unit step of the
    lines' strengths that leaves the mean of each component, weighted by intensity, where it is.
    middle_root: median of root_n. free: whether the structure has no say in a component's intensities, (components,).
    split: how much one longer edge widens a line, 1 for (h00), 0 for (hhh).
    """

    phase: NDArray[np.int64]
    root_n: NDArray[np.float64]
    log_base: NDArray[np.float64]
    slope: NDArray[np.float64]
    bend: NDArray[np.float64]
    cell: NDArray[np.float64]
    wavelength_A: float
    walk: NDArray[np.float64]
    middle_root: float
    split: NDArray[np.float64]
    free: NDArray[np.bool_]


class Layout(NamedTuple):
    """Offsets into the vector of parameters.

    a: cells (components). scale: ln of the first component's scattering. background: Chebyshev terms.
    What follows is tracked from frame to frame. extra: amplitudes of the rows that follow the Chebyshev terms in the
    basis (foreign lines, spectators); none where it is the same as ratio. ratio: ln of the scattering
    of components 2... over the first's. intensity_correction: ln of each line's intensity over what the structure
    gives. gaussian_width: in degrees at θ = 0 (components). shape: Lorentzian half width over gaussian_width;
    shape_difference: of components 2... less the first's. cell_variance: variance of the cells (components), as a
    fraction of the squared distance of the two cells; cell_variance_growth: of that fraction with ln² of the distance
    (components). free_variance: variance of the cells that follows no law; split: that of lines which one longer edge
    splits; (components) each, in UNIT_SPREAD of pattern_model. vegard_intensity_fraction: how far intensities follow
    the composition.
    """

    components: int
    lines: int
    scale: int
    background: int
    extra: int
    ratio: int
    intensity_correction: int
    gaussian_width: int
    shape: int
    shape_difference: int
    cell_variance: int
    cell_variance_growth: int
    free_variance: int
    split: int
    vegard_intensity_fraction: int
    length: int


def layout(components: int, lines: int, extra_rows: int = 0) -> Layout:
    """Where everything lies for so many components, lines, and rows of the basis beyond the background's."""
    scale = components
    background = scale + 1
    extra = background + BACKGROUND_TERMS
    ratio = extra + extra_rows
    intensity_correction = ratio + components - 1
    gaussian_width = intensity_correction + lines
    shape = gaussian_width + components
    shape_difference = shape + 1
    cell_variance = shape_difference + components - 1
    cell_variance_growth = cell_variance + components
    free_variance = cell_variance_growth + components
    split = free_variance + components
    vegard_intensity_fraction = split + components
    return Layout(
        components,
        lines,
        scale,
        background,
        extra,
        ratio,
        intensity_correction,
        gaussian_width,
        shape,
        shape_difference,
        cell_variance,
        cell_variance_growth,
        free_variance,
        split,
        vegard_intensity_fraction,
        vegard_intensity_fraction + 1,
    )


def lines_of(components: tuple[Component, ...], wavelength_A: float, lowest_deg: float, highest_deg: float) -> Lines:
    """The lines of these components that may lie between these 2θ, the lowest MOST_LINES of each.

    Raises UserError for a component without any.
    """
    d_max, d_min = (_d_at(angle, wavelength_A) for angle in (lowest_deg, highest_deg))
    found = [_reflections(component, d_max, d_min, MOST_LINES[len(components)]) for component in components]
    phase, root_n, log_base = list[int](), list[float](), list[float]()
    for number, lines in enumerate(found):
        strengths = np.array([_strength(line, wavelength_A) for line in lines])
        log_base.extend(np.log(strengths / strengths.sum()))
        phase.extend([number] * len(lines))
        root_n.extend(math.sqrt(sum_of_squares(line.hkl)) for line in lines)
    bends = np.concatenate([vegard_intensity_of(components, number, lines) for number, lines in enumerate(found)])
    return Lines(
        np.array(phase, dtype=np.int64),
        np.array(root_n, dtype=np.float64),
        np.array(log_base, dtype=np.float64),
        np.ascontiguousarray(bends[:, 0]),
        np.ascontiguousarray(bends[:, 1]),
        np.array([component.lattice_parameter_A for component in components], dtype=np.float64),
        float(wavelength_A),
        _walk(np.array(phase), np.exp(np.array(log_base))),
        float(np.median(root_n)),
        np.array([_split(round(root**2)) for root in root_n], dtype=np.float64),
        np.array([component.intensities == "free" for component in components]),
    )


def _split(squares: int) -> float:
    """Variance of l² / (h² + k² + l²) over the planes of this sum of squares, in units of that of (h00).

    Where one edge is longer by a share ε of the mean edge, a spacing is longer by ε (l² / (h² + k² + l²) - 1/3).
    """
    along = range(math.isqrt(squares) + 1)
    planes = [(h, k, el) for h in along for k in along for el in along if h * h + k * k + el * el == squares]
    signs = np.array([2.0 ** sum(index != 0 for index in plane) for plane in planes])
    share = np.array([plane[2] ** 2 / squares for plane in planes])
    return float(np.average((share - 1.0 / 3.0) ** 2, weights=signs)) * 4.5


def _walk(phase: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    keep = np.eye(len(phase)) - np.where(phase[:, None] == phase[None, :], share[None, :], 0.0)
    return np.ascontiguousarray(keep @ keep.T)


def _d_at(two_theta: float, wavelength_A: float) -> float:
    return wavelength_A / (2.0 * math.sin(math.radians(min(max(two_theta, 1e-3), 179.0) / 2.0)))


def _reflections(component: Component, d_max: float, d_min: float, most: int) -> tuple[Reflection, ...]:
    reach = REACH_A / component.lattice_parameter_A
    low = max(d_min / (1.0 + reach), component.lattice_parameter_A / MOST_SQUARES**0.5)
    lines = reflections(component.phase, low, component.lattice_parameter_A)
    inside = tuple(line for line in lines if line.d_A <= d_max * (1.0 + reach))[:most]
    if not inside:
        raise UserError(
            f"component {component.name}: none of its reflections falls on the detector; "
            f"check the geometry, the wavelength and lattice_parameter_A"
        )
    return inside


def _strength(line: Reflection, wavelength_A: float) -> float:
    """Integrated intensity of a powder line without polarization: Lorentz factor 1 / (sin θ sin 2θ)."""
    sine = min(wavelength_A / (2.0 * line.d_A), 0.999999)
    return line.multiplicity * line.f_squared / (sine * math.sin(2.0 * math.asin(sine)))
