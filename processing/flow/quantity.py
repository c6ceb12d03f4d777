"""What can be watched: an edge, an angle, the volume of a component, an amount, the composition, a distance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.flow.fit import NAN, Component, Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import Peak, peak_named

# Of a component: what it is called, its unit, attributes of value and esd, and what its symmetry must leave free.
OF_CELL = {
    "lp": ("lattice parameter", "Å", "lp_A", ("a",)),
    "a": ("edge a", "Å", "lp_A", ("a",)),
    "b": ("edge b", "Å", "b_A", ("b",)),
    "c": ("edge c", "Å", "c_A", ("c",)),
    "alpha": ("angle alpha", "deg", "alpha_deg", ("alpha",)),
    "beta": ("angle beta", "deg", "beta_deg", ("beta",)),
    "gamma": ("angle gamma", "deg", "gamma_deg", ("gamma",)),
    "c/a": ("ratio c/a", "", "c_over_a", ("a", "c")),
    "volume": ("volume", "Å³", "volume_A3", ("a",)),
}
EDGES = ("a", "b", "c")
AMOUNTS = {"weight": ("share", "weight"), "wt": ("mass fraction", "wt")}
OF_RUN = {"distance": ("distance", "Å"), "fraction": ("fraction", "")}
# An amount is never known better.
LEAST_AMOUNT_ESD = 2e-3
OF_PEAK = {"position": ("two_theta_deg", "deg"), "area": ("area", ""), "fwhm": ("fwhm_deg", "deg")}
KNOWN = (*OF_CELL, *AMOUNTS, *OF_RUN, *(f"peak:NAME.{kind}" for kind in OF_PEAK))
PEAK = "peak:"
USUAL = ("position", "area")


class Measured(Protocol):
    """What a row knows of its quantities."""

    @property
    def fit(self) -> Fit | NoResult: ...
    @property
    def fraction(self) -> float: ...
    @property
    def fraction_esd(self) -> float: ...
    @property
    def peaks(self) -> tuple[Peak, ...]: ...


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity that is watched.

    kind: one of ``KNOWN``. component: the number of the one it belongs to, 0 for what belongs to the run. label: as it
    is shown, with the component's name where there are several. unit: empty of a pure number. column: of the trace,
    without its unit. peak: the name of the one it belongs to, empty of all others.
    """

    kind: str
    component: int
    label: str
    unit: str
    column: str
    peak: str = ""

    @property
    def is_amount(self) -> bool:
        """Whether it lies between 0 and 1, and can go no further."""
        return self.kind in AMOUNTS


def quantity_named(
    text: str, components: Sequence[Component], *, composition: bool, peaks: Sequence[str] = ()
) -> Quantity:
    """The quantity of this name, as ``[watch] quantity`` has it: ``c``, ``NAME.c`` of another component, or
    ``peak:NAME.position``. peaks: the names of those that are followed.

    Raises ValueError, in one line, where there is none such in a run of these components.
    """
    if text.startswith(PEAK):
        return _of_peak(text, peaks)
    names = [component.name for component in components]
    name, _, kind = text.rpartition(".")
    if kind not in KNOWN:
        raise ValueError(f'"{text}": no quantity "{kind}"; known are {", ".join(KNOWN)}')
    if kind in OF_RUN:
        return _of_run(kind, text, names, composition=composition)
    if not names:
        raise ValueError(f'"{text}": there is no component; watch peak:NAME.{next(iter(OF_PEAK))} or the like')
    if name and name not in names:
        raise ValueError(f'"{text}": no component "{name}"; there are {", ".join(names)}')
    number = names.index(name) if name else 0
    phase, name = components[number].phase, names[number]
    if kind in AMOUNTS:
        _check_amount(kind, text, components)
    elif kind == "lp" and not phase.is_cubic:
        raise ValueError(f'"{text}": {name} is not cubic; watch {", ".join(phase.free)} of it')
    elif not set(OF_CELL[kind][3]) <= set(phase.free):
        raise ValueError(f'"{text}": the symmetry of {name} fixes {kind}; free are {", ".join(phase.free)}')
    label, unit = (AMOUNTS[kind][0], "") if kind in AMOUNTS else OF_CELL[kind][:2]
    shown = f"{label} of {name}" if len(components) > 1 or kind not in OF_CELL else label
    column = kind.replace("/", "_over_")
    column = "lp" if column == "a" and phase.is_cubic else column
    return Quantity(kind, number, shown, unit, f"{column}_{name}")


def usual_quantities(components: Sequence[Component]) -> tuple[Quantity, ...]:
    """What is watched where nobody says it and a component is not cubic: the edges of the first two, and the share of
    the first."""
    told = [(component, kind) for component in components[:2] for kind in component.phase.free if kind in EDGES]
    keys = [f"{component.name}.{kind}" for component, kind in told]
    keys += [f"{components[0].name}.weight"] if len(components) > 1 else []
    return tuple(quantity_named(key, components, composition=False) for key in keys)


def usual_of_peaks(peaks: Sequence[str]) -> tuple[Quantity, ...]:
    """What is watched where nobody says it and there is no lattice: place and area of the first peak."""
    return tuple(quantity_named(f"{PEAK}{peaks[0]}.{kind}", (), composition=False, peaks=peaks) for kind in USUAL)


def value_of(
    quantity: Quantity, fit: Fit | NoResult, scale: CompositionScale | None, peaks: Sequence[Peak] = ()
) -> tuple[float, float]:
    """The quantity in this fit, with its esd; NaN where it is not known. scale: of the composition."""
    if quantity.peak:
        peak, (attribute, unit) = peak_named(peaks, quantity.peak), OF_PEAK[quantity.kind]
        esd = f"{attribute.removesuffix('_deg')}_esd{'_deg' if unit else ''}"
        return getattr(peak, attribute), getattr(peak, esd)
    if isinstance(fit, NoResult):
        return NAN, NAN
    if quantity.kind == "distance":
        first, second = fit.lattices[:2]
        return second.lp_A - first.lp_A, math.hypot(first.lp_esd_A, second.lp_esd_A)
    if quantity.kind == "fraction":
        return (NAN, NAN) if scale is None else fraction_of(scale, fit.lp_mean_A, fit.lp_mean_esd_A)
    lattice = fit.lattices[quantity.component]
    if quantity.is_amount:
        return _amount(AMOUNTS[quantity.kind][1], lattice, fit)
    if quantity.kind == "volume" and math.isnan(lattice.cell.volume_A3):
        # The fit of cubic crystals knows no other edge than a.
        return lattice.lp_A**3, 3.0 * lattice.lp_A**2 * lattice.lp_esd_A
    attribute = OF_CELL[quantity.kind][2]
    holder = lattice if attribute == "lp_A" else lattice.cell
    stem, _, unit = attribute.rpartition("_")
    esd = f"{attribute}_esd" if quantity.kind == "c/a" else f"{stem}_esd_{unit}"
    return getattr(holder, attribute), getattr(holder, esd)


def value_in(quantity: Quantity, row: Measured) -> tuple[float, float]:
    """The same of a row."""
    if quantity.kind == "fraction":
        return row.fraction, row.fraction_esd
    return value_of(quantity, row.fit, None, row.peaks)


def _of_peak(text: str, peaks: Sequence[str]) -> Quantity:
    name, _, kind = text.removeprefix(PEAK).rpartition(".")
    if kind not in OF_PEAK:
        raise ValueError(f'"{text}": write "{PEAK}NAME." and one of {", ".join(OF_PEAK)}')
    if name not in peaks:
        raise ValueError(f'"{text}": no [[peak]] is called "{name}"; there are {", ".join(peaks) or "none"}')
    attribute, unit = OF_PEAK[kind]
    return Quantity(kind, 0, f"{kind} of {name}", unit, f"peak_{name}_{attribute.removesuffix('_deg')}", name)


def _of_run(kind: str, text: str, names: Sequence[str], *, composition: bool) -> Quantity:
    if text != kind:
        raise ValueError(f'"{text}": {kind} belongs to no component; write "{kind}"')
    if kind == "distance" and len(names) < 2:
        raise ValueError(f'"{text}": a distance needs two components')
    if kind == "fraction" and not composition:
        raise ValueError(f'"{text}": needs [composition]')
    label, unit = OF_RUN[kind]
    return Quantity(kind, 0, f"{label} of {names[0]} and {names[1]}" if kind == "distance" else label, unit, kind)


def _check_amount(kind: str, text: str, components: Sequence[Component]) -> None:
    if len(components) < 2:
        raise ValueError(f'"{text}": the only component is always all there is')
    if kind == "wt" and all(component.phase.is_cubic for component in components):
        raise ValueError(f'"{text}": is not worked out where all components are cubic; watch weight')


def _amount(attribute: str, lattice: Lattice, fit: Fit) -> tuple[float, float]:
    """A share with its esd. Where it is not known: nothing of what is absent, and what is left alone is all."""
    value, esd = getattr(lattice, attribute), getattr(lattice, f"{attribute}_esd")
    there = sum(math.isfinite(each.lp_A) for each in fit.lattices)
    if math.isnan(value + esd) and there:
        alone = there == 1 and math.isfinite(lattice.lp_A)
        return (float(alone), LEAST_AMOUNT_ESD) if alone or math.isnan(lattice.lp_A) else (NAN, NAN)
    return value, max(esd, LEAST_AMOUNT_ESD)
