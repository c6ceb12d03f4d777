"""Harmonics of the cells of azimuthal sectors: what moved is told from what is strained."""

import math

import numpy as np
import pytest

from latticewatch.processing.flow.sector import Sector, even_sectors, harmonics, sectors_between

ESD_A = 1e-4


def cells(sectors: tuple[Sector, ...], offset: float, at_deg: float, strain: float, along_deg: float) -> np.ndarray:
    """a of each sector in Å: the mean over the sector of a cell that changes around the ring."""
    found = []
    for sector in sectors:
        chi = np.radians(np.linspace(sector.from_deg, sector.to_deg, 2001))
        around = offset * np.cos(chi - math.radians(at_deg)) + strain * np.cos(2.0 * (chi - math.radians(along_deg)))
        found.append(5.8 * (1.0 + float(around.mean())))
    return np.array(found)


@pytest.mark.parametrize(
    "sectors", [even_sectors(8), even_sectors(12), sectors_between([-170, -90, -40, 0, 30, 95, 150])]
)
def test_an_offset_is_told_from_a_strain(sectors: tuple[Sector, ...]) -> None:
    told = harmonics(sectors, cells(sectors, 8e-4, 37.0, 5e-4, 60.0), np.full(len(sectors), ESD_A))
    assert (told.offset, told.strain) == pytest.approx((8e-4, 5e-4), abs=2e-6)
    assert (told.offset_deg, told.strain_deg) == pytest.approx((37.0, 60.0), abs=0.3)


def test_esds_are_those_of_the_scatter() -> None:
    sectors, random = even_sectors(8), np.random.default_rng(1)
    truth = cells(sectors, 8e-4, 37.0, 5e-4, 60.0)
    many = [harmonics(sectors, truth + random.normal(0.0, ESD_A, 8), np.full(8, ESD_A)) for _ in range(400)]
    for name, value in (("offset", 8e-4), ("strain", 5e-4)):
        pulls = [(getattr(one, name) - value) / getattr(one, f"{name}_esd") for one in many]
        assert 0.85 < np.sqrt(np.mean(np.square(pulls))) < 1.15


def test_too_few_sectors_tell_less() -> None:
    three = harmonics(even_sectors(3), np.array([5.81, 5.8, 5.8]), np.full(3, ESD_A))
    assert three.offset > 1e-3
    assert math.isnan(three.strain)
    two = harmonics(even_sectors(3), np.array([5.81, 5.8, math.nan]), np.full(3, ESD_A))
    assert math.isnan(two.offset)


def test_every_azimuth_lies_in_one_sector() -> None:
    chi_deg = np.linspace(-180.0, 180.0, 721)[:-1]
    for count in (3, 4, 7, 36):
        assert (np.sum([sector.holds(chi_deg) for sector in even_sectors(count)], axis=0) == 1).all()
    assert even_sectors(4)[0].holds(np.array([-44.0, 44.0])).all()
