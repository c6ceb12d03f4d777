"""One peak of a pattern, followed without a structure."""

from collections.abc import Iterable
from dataclasses import dataclass

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class PeakRange:
    """A peak to be followed: its name in the trace, and the angles 2θ in degrees between which it is looked for."""

    name: str
    two_theta_deg: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Peak:
    """A followed peak in one frame, each value with its esd.

    area: intensity times degrees, over a straight background. shape: 0 Gauss to 1 Lorentz. Where no peak is found
    position, width and shape are NaN, and the area says what can be hidden; all are NaN where nothing was measured.
    """

    name: str
    two_theta_deg: float = NAN
    two_theta_esd_deg: float = NAN
    area: float = NAN
    area_esd: float = NAN
    fwhm_deg: float = NAN
    fwhm_esd_deg: float = NAN
    shape: float = NAN
    shape_esd: float = NAN

    @property
    def is_found(self) -> bool:
        return self.two_theta_deg == self.two_theta_deg


def peak_named(peaks: Iterable[Peak], name: str) -> Peak:
    """The one of this name; one without values where there is none."""
    return next((peak for peak in peaks if peak.name == name), Peak(name))
