"""Crystals of all systems to their cells, with esds that are their scatter; what cannot be is refused."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.crystal.cell import FIELDS, NAMES, Cell
from latticewatch.processing.crystal.line_phase import read_line_phase
from latticewatch.processing.crystal.phase import parse_phase
from latticewatch.processing.flow.fit import Component, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.refinement.crystals.refinement import CrystalRefinement
from tests.crystal.crystals import LOOP, TAGS, cif_of
from tests.refinement.crystals.made_up import GRID, WAVELENGTH_A, Lines, component_of, drawn, noisy
from tests.refinement.test_standards import alloy, ceria, hexaboride

SYSTEMS = ["cubic", "corundum", "rhombohedral", "zincite", "tetragonal", "orthorhombic", "monoclinic", "triclinic"]


def refinement_of(*names: str) -> CrystalRefinement:
    return CrystalRefinement(tuple(map(component_of, names)), WAVELENGTH_A, GRID)


def found(fit: Fit, number: int, component: Component) -> list[tuple[float, float]]:
    """Value and esd of all that is free."""
    lattice = fit.lattices[number]
    numbers = [(lattice.lp_A, lattice.lp_esd_A)]
    for name, field in zip(NAMES[1:], FIELDS[1:], strict=True):
        if name in component.phase.free:
            stem, unit = field.rsplit("_", 1)
            numbers.append((getattr(lattice.cell, field), getattr(lattice.cell, f"{stem}_esd_{unit}")))
    return numbers


def true_of(cell: Cell, component: Component) -> list[float]:
    return [value for name, value in zip(NAMES, cell.numbers, strict=True) if name in component.phase.free]


def changed(component: Component, share: float) -> Cell:
    """The start cell with edges longer by this share, alike."""
    return component.cell.scaled(1.0 + share)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_crystal_of_every_system_is_followed_with_true_esds(name: str) -> None:
    component, refinement, rng = component_of(name), refinement_of(name), np.random.default_rng(4)
    pulls = []
    for frame in range(16):
        cell = changed(component, 0.004 + 1e-3 * math.sin(frame / 3.0))
        fit = refinement.refine(noisy(drawn([Lines(component, cell)]), rng))
        assert isinstance(fit, Fit)
        truth = true_of(cell, component)
        pulls.append([(value - true) / esd for (value, esd), true in zip(found(fit, 0, component), truth, strict=True)])
        if component.phase.free != ("a",):
            volume = fit.lattices[0].cell
            pulls[-1].append((volume.volume_A3 - cell.volume_A3) / volume.volume_esd_A3)
    rms = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert np.all(rms < 1.8), rms
    assert np.sqrt(np.mean(np.square(pulls))) > 0.5


@pytest.mark.parametrize("share", [-0.025, 0.025])
@pytest.mark.parametrize("name", ["corundum", "tetragonal", "monoclinic", "triclinic", "zincite"])
def test_a_start_cell_may_be_off_by_2_percent(name: str, share: float) -> None:
    component = component_of(name)
    cell = changed(component, share)
    fit = refinement_of(name).refine(noisy(drawn([Lines(component, cell)]), np.random.default_rng(1)))
    assert isinstance(fit, Fit)
    for (value, esd), true in zip(found(fit, 0, component), true_of(cell, component), strict=True):
        assert abs(value - true) < 5.0 * esd < 0.01 * true


def test_a_phase_that_goes_has_no_cell_and_one_that_comes_has_its_own() -> None:
    """Shares of the mass by scale, Z, M and V: both are titanium, so a share is that of the atoms."""
    alpha, beta = component_of("alpha-Ti"), component_of("beta-Ti")
    refinement, rng = refinement_of("alpha-Ti", "beta-Ti"), np.random.default_rng(3)
    fits = []
    for share in (0.0, 0.0, 0.0, 0.1, 0.3, 0.6, 0.9, 1.0, 1.0, 1.0):
        crystals = [Lines(alpha, alpha.cell, 60.0 * (1.0 - share)), Lines(beta, beta.cell, 60.0 * share)]
        fits.append((share, refinement.refine(noisy(drawn(crystals), rng))))
    for share, fit in fits:
        assert isinstance(fit, Fit)
        first, second = fit.lattices
        assert math.isnan(first.lp_A) == (share == 1.0)
        assert math.isnan(second.lp_A) == (share == 0.0)
        assert fit.components == (1 if share in (0.0, 1.0) else 2)
        # Of a phase without a cell more may be there than is seen.
        assert abs(second.weight - share) < 4.0 * second.weight_esd < (0.06 if fit.components == 2 else 0.21)
        assert first.wt + second.wt == pytest.approx(1.0)
        for lattice, component in zip(fit.lattices, (alpha, beta), strict=True):
            if math.isfinite(lattice.lp_A):
                assert abs(lattice.lp_A - component.lattice_parameter_A) < 4.5 * lattice.lp_esd_A


def test_lines_that_merge_leave_finite_numbers_that_know_what_they_do_not_know() -> None:
    """BaTiO3 through its transition and back. c/a is told with an esd that holds its error; the volume stays sharp."""
    component, refinement, rng = component_of("tetragonal"), refinement_of("tetragonal"), np.random.default_rng(8)
    pulls, volumes = [], []
    for frame in range(60):
        split = math.sqrt(max(0.0, abs(frame - 30) - 10.0) / 20.0)
        cell = replace(component.cell, a_A=4.0 - 0.01 * split, b_A=4.0 - 0.01 * split, c_A=4.0 + 0.03 * split)
        fit = refinement.refine(noisy(drawn([Lines(component, cell)]), rng))
        assert isinstance(fit, Fit)
        fitted = fit.lattices[0].cell
        assert all(math.isfinite(value) for value in (fitted.c_A, fitted.c_esd_A, fitted.c_over_a_esd))
        pulls.append((fitted.c_over_a - cell.c_A / cell.a_A) / fitted.c_over_a_esd)
        volumes.append((fitted.volume_A3 - cell.volume_A3) / fitted.volume_esd_A3)
    assert np.abs(pulls).max() < 4.5
    assert np.abs(volumes).max() < 4.5
    assert 0.7 < np.sqrt(np.mean(np.square(volumes))) < 1.4


@pytest.mark.parametrize(
    ("names", "other"),
    [
        (("corundum",), "zincite"),
        (("zincite",), "corundum"),
        (("alpha-Ti", "beta-Ti"), "eskolaite"),
        (("monoclinic",), "triclinic"),
        (("triclinic",), "monoclinic"),
        (("tetragonal",), "cubic"),
    ],
)
def test_another_crystal_is_refused_and_so_is_none(names: tuple[str, ...], other: str) -> None:
    component, rng = component_of(other), np.random.default_rng(5)
    refinement, empty = refinement_of(*names), refinement_of(*names)
    for _ in range(3):
        wrong = refinement.refine(noisy(drawn([Lines(component, component.cell)]), rng))
        assert isinstance(wrong, NoResult)
        assert wrong.reason == "no peaks" or wrong.reason.startswith("fit refused: ")
        assert empty.refine(noisy(drawn([]), rng)) == NoResult("no peaks")
    assert refinement.refine(noisy(np.zeros_like(GRID), rng)) == NoResult("no beam")


def test_textured_crystals_have_free_intensities_where_their_cell_explains_the_lines() -> None:
    component, rng = component_of("corundum"), np.random.default_rng(6)
    expected = drawn([Lines(component, component.cell)])
    flat = drawn([])
    # Every other part of the pattern is twice or half as strong.
    textured = flat + (expected - flat) * np.where(np.floor(GRID / 2.0) % 2, 2.0, 0.5)
    refinement = refinement_of("corundum")
    for _ in range(4):
        fit = refinement.refine(noisy(textured, rng))
        assert isinstance(fit, Fit)
        cell = fit.lattices[0].cell
        assert abs(cell.c_A - component.cell.c_A) < 4.0 * cell.c_esd_A < 0.03


def test_a_fit_is_drawn_from_what_is_recorded_of_it() -> None:
    alpha, beta = component_of("alpha-Ti"), component_of("beta-Ti")
    refinement, rng = refinement_of("alpha-Ti", "beta-Ti"), np.random.default_rng(3)
    pattern = noisy(drawn([Lines(alpha, alpha.cell), Lines(beta, beta.cell)]), rng)
    fit = refinement.refine(pattern)
    assert isinstance(fit, Fit)
    curves = refinement.curves(fit.parameters)
    known = np.isfinite(curves.calculated)
    away = (curves.calculated - pattern.intensity)[known] / pattern.sigma[known]
    assert np.sqrt(np.mean(away**2)) < 1.2
    np.testing.assert_allclose(curves.calculated, curves.background + curves.components.sum(axis=0))
    assert fit.parameters[:2].tolist() == [fit.lattices[0].lp_A, fit.lattices[1].lp_A]


def _ceria(group: str, cell: tuple[float, ...], atoms: str) -> Component:
    edges = "\n".join(f"_cell_{tag} {value}" for tag, value in zip(TAGS, cell, strict=True))
    phase = parse_phase(f"data_x\n_space_group_name_H-M_alt '{group}'\n{edges}\n{LOOP}{atoms}\n", "x")
    return Component("x", phase, phase.lattice_parameter_A)


EDGE = 5.4108 / math.sqrt(2.0)


@pytest.mark.parametrize(
    ("group", "cell", "atoms", "ratio"),
    [
        ("I 4/m m m", (EDGE, EDGE, 5.4108, 90, 90, 90), "Ce Ce 0 0 0 .003\nO O 0 .5 .25 .005", math.sqrt(2.0)),
    ],
)
def test_ceria_fitted_with_less_symmetry_is_cubic(
    group: str, cell: tuple[float, ...], atoms: str, ratio: float
) -> None:
    pattern, wavelength = ceria(2)
    component = _ceria(group, cell, atoms)
    fit = CrystalRefinement((component,), wavelength, pattern.two_theta).refine(pattern)
    assert isinstance(fit, Fit)
    found = fit.lattices[0].cell
    assert abs(found.c_over_a - ratio) < 3.0 * found.c_over_a_esd < 0.01 * ratio
    volumes = {"I": 2.0, "R": 4.0 / 3.0}
    edge = (found.volume_A3 * volumes[group[0]]) ** (1.0 / 3.0)
    assert edge == pytest.approx(5.4108, abs=0.001)


def test_two_lines_are_too_few_for_two_edges() -> None:
    pattern, wavelength = hexaboride("0032")
    atoms = "La La 0 0 0 .0045\nB1 B .1993 .5 .5 .0035\nB2 B .5 .5 .1993 .0035"
    component = _ceria("P 4/m m m", (4.156826, 4.156826, 4.156826, 90, 90, 90), atoms)
    fit = CrystalRefinement((component,), wavelength, pattern.two_theta).refine(pattern)
    assert isinstance(fit, NoResult)
    assert "too few for 2 edges and angles" in fit.reason


def test_an_alloy_of_two_unlike_phases_is_fitted_in_a_sheet_of_real_frames() -> None:
    components = component_of("alpha-Ti"), component_of("beta-Ti")
    frames = [alloy(number) for number in (3150, 3151, 3152)]
    refinement = CrystalRefinement(components, frames[0][1], frames[0][0].two_theta)
    fits = [refinement.refine(pattern) for pattern, _ in frames]
    cells = np.array(
        [(fit.lattices[0].lp_A, fit.lattices[0].cell.c_A, fit.lattices[1].lp_A) for fit in fits if isinstance(fit, Fit)]
    )
    assert cells.shape == (3, 3)
    assert np.all(cells.std(axis=0) / cells.mean(axis=0) < 30e-6)
    assert cells.mean(axis=0) == pytest.approx([2.95, 4.72, 3.284], abs=0.006)


@pytest.mark.parametrize(("shift_deg", "along"), [(0.02, 0.0), (0.0, 1.5e-3), (-0.015, -1e-3)])
def test_a_standard_corrects_the_others_and_the_esd_knows_what_that_costs(shift_deg: float, along: float) -> None:
    """The sample is displaced across the beam and along it: by many esds without the standard."""
    ceria, corundum = component_of("CeO2"), component_of("Al2O3")
    refinement = CrystalRefinement((ceria,), WAVELENGTH_A, GRID, standard=corundum)
    rng, pulls, esds = np.random.default_rng(9), [], []
    for frame in range(10):
        part = math.sin(frame / 2.0)
        crystals = [Lines(ceria, ceria.cell, 200.0), Lines(corundum, corundum.cell, 200.0)]
        fit = refinement.refine(noisy(drawn(crystals, part * shift_deg, part * along), rng))
        assert isinstance(fit, Fit)
        assert len(fit.lattices) == 1
        assert fit.lp_mean_A == fit.lattices[0].lp_A
        esds.append(fit.lattices[0].lp_esd_A)
        pulls.append((fit.lattices[0].lp_A - ceria.lattice_parameter_A) / esds[-1])
    assert np.sqrt(np.mean(np.square(pulls))) < 1.8
    assert np.abs(pulls).max() < 4.0
    alone = CrystalRefinement((ceria,), WAVELENGTH_A, GRID)
    free = alone.refine(noisy(drawn([Lines(ceria, ceria.cell, 200.0)]), rng))
    assert isinstance(free, Fit)
    assert 1.1 < np.median(esds) / free.lattices[0].lp_esd_A < 20.0


@pytest.mark.parametrize("amorphous", [0.0, 0.3, 0.7])
def test_what_is_amorphous_follows_from_the_standard_that_was_mixed_in(amorphous: float) -> None:
    """How much an amount weighs is learnt from crystals alone, of which nothing is amorphous."""
    alpha, beta, mixed = component_of("alpha-Ti"), component_of("beta-Ti"), 0.25
    crystals = [Lines(alpha, alpha.cell, 2e4), Lines(beta, beta.cell, 2e4)]
    both = refinement_of("alpha-Ti", "beta-Ti").refine(noisy(drawn(crystals), np.random.default_rng(1)))
    assert isinstance(both, Fit)
    heavier = both.lattices[0].wt / both.lattices[1].wt
    refinement = CrystalRefinement((alpha,), WAVELENGTH_A, GRID, standard=beta, standard_weight=mixed)
    rng, pulls = np.random.default_rng(6), []
    for _ in range(12):
        crystal = 100.0 * (1.0 - mixed) * (1.0 - amorphous) / heavier
        crystals = [Lines(alpha, alpha.cell, crystal), Lines(beta, beta.cell, 100.0 * mixed)]
        fit = refinement.refine(noisy(drawn(crystals), rng))
        assert isinstance(fit, Fit)
        pulls.append((fit.amorphous - amorphous) / fit.amorphous_esd)
    assert np.sqrt(np.mean(np.square(pulls))) < 1.6
    assert fit.amorphous_esd < 0.03
    unknown = CrystalRefinement((alpha,), WAVELENGTH_A, GRID, standard=beta).refine(noisy(drawn(crystals), rng))
    assert isinstance(unknown, Fit)
    assert math.isnan(unknown.amorphous)


def test_without_its_standard_a_frame_has_no_number() -> None:
    ceria, corundum = component_of("CeO2"), component_of("Al2O3")
    refinement = CrystalRefinement((ceria,), WAVELENGTH_A, GRID, standard=corundum)
    fit = refinement.refine(noisy(drawn([Lines(ceria, ceria.cell, 200.0)]), np.random.default_rng(2)))
    assert fit == NoResult("fit refused: the standard is not seen")


def test_a_spectator_is_fitted_where_its_cell_puts_it_with_areas_of_its_own(tmp_path: Path) -> None:
    ceria, zincite = component_of("CeO2"), component_of("zincite")
    (tmp_path / "zincite.cif").write_text(cif_of("zincite"), encoding="utf-8")
    spectator = read_line_phase(tmp_path / "zincite.cif", WAVELENGTH_A, GRID[-1])
    tetragonal = component_of("tetragonal")
    refinement = CrystalRefinement((ceria, tetragonal), WAVELENGTH_A, GRID, spectators=(spectator,))
    crystals = [Lines(ceria, ceria.cell), Lines(tetragonal, tetragonal.cell), Lines(zincite, zincite.cell, 15.0)]
    rng = np.random.default_rng(3)
    for _ in range(3):
        fit = refinement.refine(noisy(drawn(crystals), rng))
        assert isinstance(fit, Fit)
        assert fit.chi2_reduced < 1.25
        assert abs(fit.lattices[0].lp_A - ceria.lattice_parameter_A) < 4.0 * fit.lattices[0].lp_esd_A
        assert abs(fit.lattices[1].cell.c_A - 4.03) < 4.0 * fit.lattices[1].cell.c_esd_A
        assert fit.lattices[0].weight == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("split", [-0.016, -0.03])
def test_a_cell_split_the_other_way_than_its_cif_says_is_found_or_its_esd_says_so(split: float) -> None:
    component, rng = component_of("tetragonal"), np.random.default_rng(36)
    cell = replace(component.cell, a_A=4.0 - split / 3.0, b_A=4.0 - split / 3.0, c_A=4.0 + 2.0 * split / 3.0)
    refinement = refinement_of("tetragonal")
    for _ in range(4):
        fit = refinement.refine(noisy(drawn([Lines(component, cell, 100.0, 0.08, 0.02)]), rng))
        assert isinstance(fit, Fit)
        fitted = fit.lattices[0].cell
        assert abs(fitted.c_over_a - cell.c_A / cell.a_A) < 4.5 * fitted.c_over_a_esd
