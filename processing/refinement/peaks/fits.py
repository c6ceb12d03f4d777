"""Every followed peak of a pattern: position, area, width and shape, each with its esd, from this pattern alone.

Peaks whose ranges overlap are fitted together, on one straight background over all of their angles. Nothing is
remembered from frame to frame, so that a frame which comes late, or is fitted again, has the same numbers. A fit starts
from the best of many places and widths, for which area and background follow by linear least squares; Levenberg and
Marquardt's method does the rest.

An area of less than four esds is no peak, nor is what lies on the edge of its range, is as wide as the range or as
narrow as a bin: then position, width and shape are not told. The area is that of all places and widths, each weighted
by how likely it is: near nothing where nothing is, and with an esd that knows that the place is not known.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import NAN, Peak, PeakRange
from latticewatch.processing.refinement.peaks.profile import profile, with_derivatives
from latticewatch.processing.refinement.peaks.ranges import together

Floats = NDArray[np.float64]
LEAST_ESDS = 4.0
# A peak of four esds takes 16 or more from χ², and its best candidate four fifths of that.
HOPELESS = 9.0
FEWEST_BINS = 12
# Of one peak: area, place, width, shape; of a group two more for the background.
PER_PEAK, BACKGROUND = 4, 2
# What is known of a shape beforehand: a weak peak does not tell it, and its other values are to know that.
SHAPE, SHAPE_ESD = 0.5, 0.4
# Widths that are tried at first, from LEAST_WIDTH bins to this share of the range.
WIDTHS, LEAST_WIDTH, BROADEST = 5, 1.5, 0.5
PLACES_PER_WIDTH = 3.0
# Of several lines: how many of the widths, from the narrowest on, are tried in a start; a further one where the one
# before leaves more than noise, or a peak out.
STARTS = (WIDTHS, 3, 2)
CLEARLY, MOST_STEPS, DAMPING, MOST_DAMPING, SETTLED = 3.0, 30, 1e-3, 1e8, 2e-3
AT_BOUND = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Places and widths that a peak may start from, each (candidates, 1), the narrow ones first; profiles: (candidates,
    bins) of the group. counts: how many there are of each width."""

    place: Floats
    width: Floats
    profiles: Floats
    counts: tuple[int, ...]

    def up_to(self, widths: int) -> Floats:
        """The profiles of so many widths."""
        return self.profiles[: sum(self.counts[:widths])]


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Peaks that are fitted together. numbers: theirs in the set-up. bins: of the grid; x: (bins,) their angles.

    low, high: (peaks, 1) where each may lie; narrow, broad: between which widths.
    """

    numbers: tuple[int, ...]
    bins: slice
    x: Floats
    low: Floats
    high: Floats
    narrow: float
    broad: Floats
    candidates: tuple[_Candidates, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """Bins of a group that hold counts. x, y, weight (1 / σ²): (bins,); known: which of the group's they are."""

    x: Floats
    y: Floats
    weight: Floats
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Peaks of a group, each (peaks, 1), with the covariance of area, place, width and shape of one after the other."""

    area: Floats
    place: Floats
    width: Floats
    shape: Floats
    covariance: Floats

    def esd(self, line: int) -> Floats:
        """(4,) of area, place, width and shape of this line."""
        part = np.diag(self.covariance)[PER_PEAK * line : PER_PEAK * (line + 1)]
        return np.sqrt(np.maximum(part, 0.0))


class TrackedPeaks:
    """The peaks of a run. Safe from any thread: it remembers nothing."""

    def __init__(self, ranges: Sequence[PeakRange], two_theta: Floats) -> None:
        """two_theta: (bins,) the run's grid in degrees."""
        self._names = tuple(each.name for each in ranges)
        self._groups = tuple(_group(numbers, ranges, two_theta) for numbers in together(ranges))

    def fit(self, pattern: Pattern | None) -> tuple[Peak, ...]:
        """One for each range, in their order; None: nothing was measured. Never raises on data."""
        found = [Peak(name) for name in self._names]
        for group in self._groups if pattern is not None else ():
            data = _data(group, pattern) if pattern is not None else None
            if data is not None:
                with np.errstate(all="ignore"), suppress(np.linalg.LinAlgError):
                    for number, peak in zip(group.numbers, _fitted(group, data), strict=True):
                        found[number] = Peak(self._names[number], *peak)
        return tuple(found)


def _group(numbers: tuple[int, ...], ranges: Sequence[PeakRange], two_theta: Floats) -> _Group:
    limits = np.array([ranges[number].two_theta_deg for number in numbers])
    first, last = np.searchsorted(two_theta, (limits.min(), limits.max()), "left")
    bins = slice(int(first), int(last) + 1)
    x = two_theta[bins]
    step = float((two_theta[-1] - two_theta[0]) / (len(two_theta) - 1))
    broad = limits[:, 1:] - limits[:, :1]
    candidates = tuple(_candidates(low, high, step, x) for low, high in limits)
    return _Group(numbers, bins, x, limits[:, :1], limits[:, 1:], step, broad, candidates)


def _candidates(low: float, high: float, step: float, x: Floats) -> _Candidates:
    narrow = LEAST_WIDTH * step
    widths = np.geomspace(narrow, max(2.0 * narrow, BROADEST * (high - low)), WIDTHS)
    counts = tuple(max(3, 1 + round(PLACES_PER_WIDTH * (high - low) / float(width))) for width in widths)
    place = np.concatenate([np.linspace(low, high, count + 2)[1:-1] for count in counts])[:, None]
    width = np.repeat(widths, counts)[:, None]
    return _Candidates(place, width, profile(x, place, width, np.full_like(place, SHAPE)), counts)


def _data(group: _Group, pattern: Pattern) -> _Data | None:
    y, sigma = (values[group.bins].astype(np.float64) for values in (pattern.intensity, pattern.sigma))
    known = np.isfinite(y) & np.isfinite(sigma) & (sigma > 0.0)
    if np.count_nonzero(known) < max(FEWEST_BINS, PER_PEAK * len(group.numbers) + BACKGROUND + 3):
        return None
    return _Data(group.x[known], y[known], sigma[known] ** -2.0, known)


def _fitted(group: _Group, data: _Data) -> list[tuple[float, ...]]:
    """Of each peak of the group the values of a ``Peak``. What is no peak is left out one after the other, and the
    rest fitted again."""
    there = list(range(len(group.numbers)))
    if not _is_worth_fitting(group, data):
        there = []
    while there:
        lines, chi2, strength = _best(group, data, there)
        weakest = int(np.argmin(strength))
        if strength[weakest] >= LEAST_ESDS:
            break
        del there[weakest]
    else:
        lines, chi2 = _nothing(), _chi2_of_background(data)
    found = {peak: _told(lines, line) for line, peak in enumerate(there)}
    _in_order(group, found)
    return [found[peak] if peak in found else _hidden(group, data, peak, lines, chi2) for peak in range(len(group.low))]


def _is_worth_fitting(group: _Group, data: _Data) -> bool:
    """Whether any peak, at the best of the places and widths that are tried, takes so much from χ² that least squares
    may find it: where nothing is they would go from bump to bump."""
    nothing = np.empty((0, len(data.x)))
    tried = (_linear(data, nothing, its.profiles[:, data.known]) for its in group.candidates)
    return any(bool(np.any((area > 0.0) & (gain > HOPELESS))) for area, _, gain in tried)


def _best(group: _Group, data: _Data, there: list[int]) -> tuple[_Lines, float, list[float]]:
    """The peaks that are there, from the start that leaves least: with χ² over the degrees of freedom, and the area of
    each in esds, which counts for nothing where the line cannot be a peak."""
    noise = 1.0 + CLEARLY * math.sqrt(2.0 / len(data.x))
    best: tuple[_Lines, float, list[float]] | None = None
    for widths in STARTS if len(there) > 1 else STARTS[:1]:
        lines, chi2 = _settled(group, data, there, _start(group, data, there, widths))
        if best is None or chi2 < best[1]:
            best = lines, chi2, [_strength(group, peak, lines, line) for line, peak in enumerate(there)]
        if best[1] < noise:
            break
    if best is None:
        raise ValueError("no start")
    return best


def _strength(group: _Group, peak: int, lines: _Lines, line: int) -> float:
    """Area in esds; minus infinity on the edge of its range, or where it is as wide as that or as narrow as a bin."""
    if not _is_inside(group, peak, lines, line):
        return -math.inf
    return float(lines.area[line, 0]) / max(float(lines.esd(line)[0]), 1e-300)


def _nothing() -> _Lines:
    empty = np.empty((0, 1))
    return _Lines(empty, empty, empty, empty, np.empty((0, 0)))


def _is_inside(group: _Group, peak: int, lines: _Lines, line: int) -> bool:
    """Whether it is neither on the edge of its range nor as wide as it or as narrow as a bin."""
    low, high, broad = (float(each[peak, 0]) for each in (group.low, group.high, group.broad))
    place, width, margin = float(lines.place[line, 0]), float(lines.width[line, 0]), AT_BOUND * (high - low)
    return low + margin < place < high - margin and (1.0 + AT_BOUND) * group.narrow < width < (1.0 - AT_BOUND) * broad


def _told(lines: _Lines, line: int) -> tuple[float, ...]:
    area_esd, place_esd, width_esd, shape_esd = map(float, lines.esd(line))
    area, place, width, shape = (float(each[line, 0]) for each in (lines.area, lines.place, lines.width, lines.shape))
    return place, place_esd, area, area_esd, width, width_esd, shape, shape_esd


def _hidden(group: _Group, data: _Data, peak: int, others: _Lines, chi2: float) -> tuple[float, ...]:
    """Of a peak that is not there: the area that can be hidden, over all places and widths."""
    known = profile(data.x, others.place, others.width, others.shape)
    area, variance, gain = _linear(data, known, group.candidates[peak].profiles[:, data.known])
    likely = np.exp(0.5 * (gain - gain.max()) / max(chi2, 1.0))
    likely /= likely.sum()
    mean = float(likely @ area)
    spread = float(likely @ (variance * max(chi2, 1.0) + (area - mean) ** 2))
    return NAN, NAN, mean, math.sqrt(spread), NAN, NAN, NAN, NAN


def _start(group: _Group, data: _Data, there: list[int], widths: int) -> Floats:
    """(peaks, 2) place and width from which each starts: the strongest first, the others beside those before it.
    widths: how many are tried, from the narrowest on."""
    profiles = {peak: group.candidates[peak].up_to(widths)[:, data.known] for peak in there}
    chosen: dict[int, tuple[float, float]] = {}
    known = np.empty((0, len(data.x)))
    while len(chosen) < len(there):
        best = (-math.inf, there[0], 0)
        for peak in there:
            if peak not in chosen:
                area, _, gain = _linear(data, known, profiles[peak])
                gain = np.where(area > 0.0, gain, -gain)
                best = max(best, (float(gain.max()), peak, int(gain.argmax())))
        _, peak, number = best
        its = group.candidates[peak]
        chosen[peak] = (float(its.place[number, 0]), float(its.width[number, 0]))
        known = np.concatenate([known, profiles[peak][number : number + 1]])
    return np.array([chosen[peak] for peak in there])


def _in_order(group: _Group, found: dict[int, tuple[float, ...]]) -> None:
    """Where either of two may have the other's place the lower angle is that of the lower range, or of the first."""
    middle = (group.low + group.high)[:, 0]
    for one, other in combinations(sorted(found, key=lambda peak: float(middle[peak])), 2):
        places = ((other, found[one][0]), (one, found[other][0]))
        exchangeable = all(group.low[peak, 0] <= place <= group.high[peak, 0] for peak, place in places)
        if found[one][0] > found[other][0] and exchangeable:
            found[one], found[other] = found[other], found[one]


def _linear(data: _Data, known: Floats, profiles: Floats) -> tuple[Floats, Floats, Floats]:
    """Area, its variance, and what it takes from χ², of each profile (profiles, bins) by itself, fitted linearly beside
    the background and the lines that are known (lines, bins)."""
    beside = np.concatenate([np.ones((1, len(data.x))), (data.x - data.x.mean())[None], known])
    weighted = beside * data.weight
    inverse = np.linalg.pinv(weighted @ beside.T, hermitian=True)
    left = data.y - beside.T @ (inverse @ (weighted @ data.y))
    cross = profiles @ weighted.T
    own = (profiles * profiles) @ data.weight
    own_left = own - np.einsum("ij,jk,ik->i", cross, inverse, cross)
    variance = 1.0 / np.maximum(own_left, 1e-9 * own + 1e-300)
    area = (profiles @ (data.weight * left)) * variance
    return area, variance, area * area / variance


def _chi2_of_background(data: _Data) -> float:
    _, left = _background(data, data.y)
    return float(left * left @ data.weight) / max(1, len(data.x) - BACKGROUND)


def _background(data: _Data, y: Floats) -> tuple[Floats, Floats]:
    """The straight line through y: its two coefficients, and what is left."""
    beside = np.stack([np.ones(len(data.x)), data.x - data.x.mean()])
    weighted = beside * data.weight
    line = np.linalg.solve(weighted @ beside.T, weighted @ y)
    return line, y - line @ beside


def _settled(group: _Group, data: _Data, there: list[int], start: Floats) -> tuple[_Lines, float]:
    """The peaks that are there by least squares, from these places and widths, and χ² over the degrees of freedom.

    Levenberg and Marquardt's method on all parameters (D. W. Marquardt, J. SIAM 11, 431 (1963)), steps cut at what
    a parameter may be. Esds are multiplied by √χ² where that is above 1.
    """
    count = len(there)
    low, high, broad = (each[there] for each in (group.low, group.high, group.broad))
    root, x = np.sqrt(data.weight), data.x
    middle = x - x.mean()
    lowest = np.concatenate(
        [np.full((count, 1), -np.inf), low, np.full((count, 1), group.narrow), np.zeros((count, 1))], 1
    )
    highest = np.concatenate([np.full((count, 1), np.inf), high, broad, np.ones((count, 1))], 1)
    bounds = [np.append(each.ravel(), [end, end]) for each, end in ((lowest, -np.inf), (highest, np.inf))]
    p = _first(data, start)
    prior = np.zeros(len(p))
    prior[PER_PEAK - 1 : PER_PEAK * count : PER_PEAK] = SHAPE_ESD**-2

    def calculated(p: Floats) -> tuple[Floats, Floats]:
        area, place, width, shape = p[: PER_PEAK * count].reshape(count, PER_PEAK).T[:, :, None]
        value, by_place, by_width, by_shape = with_derivatives(x, place, width, shape)
        jacobian = np.empty((len(p), len(x)))
        jacobian[0:-2:PER_PEAK], jacobian[1:-2:PER_PEAK] = value, area * by_place
        jacobian[2:-2:PER_PEAK], jacobian[3:-2:PER_PEAK] = area * by_width, area * by_shape
        jacobian[-2], jacobian[-1] = 1.0, middle
        left = data.y - (area * value).sum(0) - p[-2] - p[-1] * middle
        return left * root, jacobian * root

    def cost(left: Floats, p: Floats) -> float:
        return float(left @ left + prior @ (p - SHAPE) ** 2)

    left, jacobian = calculated(p)
    now, damping = cost(left, p), DAMPING
    for _ in range(MOST_STEPS):
        matrix = jacobian @ jacobian.T
        matrix[np.diag_indices(len(p))] += prior
        downhill = jacobian @ left - prior * (p - SHAPE)
        held = ((p <= bounds[0]) & (downhill < 0.0)) | ((p >= bounds[1]) & (downhill > 0.0))
        diagonal = np.diag(matrix).copy()
        damped = matrix + np.diag(damping * diagonal + 1e-300)
        damped[held], damped[:, held] = 0.0, 0.0
        damped[held, held] = 1.0
        step = np.linalg.solve(damped, np.where(held, 0.0, downhill))
        tried = np.clip(p + step, *bounds)
        left_then, jacobian_then = calculated(tried)
        then = cost(left_then, tried)
        if then <= now:
            settled = now - then < SETTLED and damping <= DAMPING
            p, left, jacobian, now, damping = tried, left_then, jacobian_then, then, 0.1 * damping
            if settled:
                break
        else:
            damping *= 10.0
            if damping > MOST_DAMPING:
                break
    chi2 = float(left @ left) / max(1, len(x) - len(p))
    matrix = jacobian @ jacobian.T
    matrix[np.diag_indices(len(p))] += prior
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    covariance = np.linalg.pinv(matrix / np.outer(scale, scale), hermitian=True) / np.outer(scale, scale)
    area, place, width, shape = p[: PER_PEAK * count].reshape(count, PER_PEAK).T[:, :, None]
    return _Lines(area, place, width, shape, covariance * max(chi2, 1.0)), chi2


def _first(data: _Data, start: Floats) -> Floats:
    """All parameters with these places and widths: areas and background by linear least squares."""
    place, width = start.T[:, :, None]
    lines = profile(data.x, place, width, np.full_like(place, SHAPE))
    beside = np.concatenate([lines, np.ones((1, len(data.x))), (data.x - data.x.mean())[None]])
    weighted = beside * data.weight
    linear = np.linalg.pinv(weighted @ beside.T, hermitian=True) @ (weighted @ data.y)
    count = len(start)
    peaks = np.concatenate([linear[:count, None], start, np.full((count, 1), SHAPE)], 1)
    return np.append(peaks.ravel(), linear[count:])
