"""What the window says of a run: counters, lag, silence and the lines under the pattern."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.reflections import Hkl, reflections, two_theta_deg
from latticewatch.processing.flow.accuracy import Accuracy, quoted, signs_of
from latticewatch.processing.flow.composition import CompositionScale, fraction_text
from latticewatch.processing.flow.fit import Fit, cell_in
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.quantity import Quantity, value_in
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.flow.wording import (
    LOOKED_BACK,
    PART,
    Headline,
    duration,
    ended,
    headline,
    lattices_told,
    moment,
    quantities_told,
    quoted_quantity,
    waiting_for,
)
from latticewatch.processing.reaction.live.alarms import silent_after_s
from latticewatch.processing.text import printable
from latticewatch.widgets.pattern_view import Ticks
from latticewatch.widgets.status_strip import Status

NAN = float("nan")
LEAST_LAG_S = 0.05
# Lines that are this far apart are resolved (glossary).
RESOLVED_FWHM = 1.0


@dataclass(slots=True)
class Arrivals:
    """Notices when nothing comes although frames are due. Monotonic clock: the wall clock may be set."""

    began_s: float = field(default_factory=time.time)
    _seen: tuple[int, int] = (0, 0)
    _changed_s: float = field(default_factory=time.monotonic)

    def silent_s(self, snapshot: Snapshot, period_s: float) -> float:
        """Seconds without a frame where that is more than a few periods, else 0."""
        seen = (snapshot.count, snapshot.progress.found)
        if seen != self._seen:
            self._seen, self._changed_s = seen, time.monotonic()
        quiet = time.monotonic() - self._changed_s
        due = silent_after_s(period_s)
        return quiet if snapshot.count > 1 and not snapshot.progress.waiting and quiet > due else 0.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the numbers are behind the detector. seconds: NaN where not known. silent_s: how long no frame has come
    although one was due; 0: all is well.
    """

    seconds: float = NAN
    silent_s: float = 0.0

    @property
    def words(self) -> str:
        """``lag 0.4 s``, ``no frame for 35 s``, or nothing where it is not known."""
        if self.silent_s > 0.0:
            return f"no frame for {duration(self.silent_s)}"
        if not math.isfinite(self.seconds):
            return ""
        return f"lag {duration(self.seconds)}" if self.seconds >= LEAST_LAG_S else "lag < 0.1 s"


def lag_s(snapshot: Snapshot, period_s: float, began_s: float, now_s: float) -> float:
    """Seconds from the detector's file to the recorded row; while frames wait, since the first of them was due.

    began_s: of the session; files older than it count from there. now_s: the clock, both in seconds since the epoch.
    NaN where there is no file or nothing is recorded.
    """
    if not snapshot.count:
        return NAN
    row = snapshot.row(-1)
    own_s = max(row.recorded_s - max(row.mtime_s, began_s), 0.0)  # in this order a NaN stays
    if snapshot.progress.waiting and math.isfinite(row.mtime_s):
        return float(np.fmax(own_s, now_s - max(row.mtime_s + period_s, began_s)))
    return own_s


def status_of(snapshot: Snapshot, lag: Lag, out: Path | None, last_gap: str) -> Status:
    return Status(
        found=max(snapshot.progress.found, snapshot.count),
        recorded=snapshot.count if out else None,
        waiting=snapshot.progress.waiting,
        gaps=snapshot.gaps,
        missing=snapshot.progress.missing,
        last_gap=last_gap,
        failing=_is_failing(snapshot),
        lag_s=max(lag.seconds, lag.silent_s) if math.isfinite(lag.seconds) else lag.silent_s,
        lag=lag.words,
        clock=time.strftime("%H:%M:%S"),
        place=printable(str(out.absolute())) if out else "not recorded",
    )


def before_a_row(title: str, error: BaseException | None) -> Headline:
    """What the banner says of a run that has no row to show, or that this error has stopped."""
    return Headline("error", "STOPPED", str(error)) if error is not None else waiting_for(title)


def headline_of(snapshot: Snapshot, silent_s: float, ended_s: float | None, unrecorded: int) -> Headline:
    """What the banner says of a live run. ended_s: clock (seconds since the epoch) when it ended; None: it lasts.

    silent_s: how long nothing has come although something was due. unrecorded: frames that have come since it ended.
    """
    if ended_s is not None:
        return ended(headline(snapshot), ended_s, unrecorded)
    return headline(snapshot, silent_s, snapshot.progress.gone_since_s, stuck=snapshot.progress.stuck)


def _is_failing(snapshot: Snapshot) -> bool:
    """Whether the newest frame has no number although nothing says that there is no beam or no sample."""
    fit = snapshot.row(-1).fit if snapshot.count else None
    return isinstance(fit, NoResult) and fit.is_failure


def lattices_text(
    names: tuple[str, ...], row: Row, accuracy: Accuracy | None = None, quantities: Sequence[Quantity] = ()
) -> str:
    """``Br 5.8671 ± 0.0004 Å   I 6.0312 ± 0.0003 Å``, or the one mean where they cannot be told apart."""
    if quantities and (known := quantities_told(quantities, row.fit, row.peaks, accuracy)):
        return _in_pairs(known)
    if isinstance(row.fit, NoResult):
        return row.fit.reason
    known = lattices_told(names, row.fit, accuracy)
    return _in_pairs(known) or f"one lattice {quoted(row.fit.lp_mean_A, row.fit.lp_mean_esd_A, accuracy)}"


def _in_pairs(known: Sequence[str]) -> str:
    """Two in a line."""
    return "\n".join("    ".join(known[first : first + 2]) for first in range(0, len(known), 2))


def numbers_told(names: tuple[str, ...], snapshot: Snapshot, number: int) -> str:
    """The lattices of this row; where it has none those of the newest row before it that has, with their age."""
    row = snapshot.row(number)
    if not isinstance(row.fit, NoResult):
        return lattices_text(names, row, quantities=snapshot.quantities)
    for back in range(1, min(number, LOOKED_BACK) + 1):
        before = snapshot.row(number - back)
        if not isinstance(before.fit, NoResult):
            age = duration(row.time_s - before.time_s) or f"{back} frame{'s' if back > 1 else ''}"
            return f"{lattices_text(names, before, quantities=snapshot.quantities)}\n{age} ago{PART}{row.fit.reason}"
    return row.fit.reason


def first_fitted(snapshot: Snapshot, starts_s: NDArray[np.float64], from_s: float) -> int | None:
    """The first row from this time on that has a fit: before it there is no sample in the beam. None: there is none.

    starts_s: (count,) when each row began on the time axis, finite also where the frames have no time.
    """
    later = np.flatnonzero((starts_s >= from_s) & np.isfinite(snapshot.lp_mean_A[: len(starts_s)]))
    return int(later[0]) if len(later) else None


def numbers_of(
    row: Row, components: int, scale: CompositionScale | None = None, quantities: Sequence[Quantity] = ()
) -> list[tuple[str, str]]:
    """What stands over the trace: lattice parameter and share of each component, then the mean and the composition; of
    one component there is no mean. Where quantities are watched by name, these, and below those that do not lead what
    they do.
    """
    if quantities:
        values = [(one, *value_in(one, row)) for one in quantities]
        states = dict(told.rsplit(": ", 1) for told in row.verdict.others.split("; ") if ": " in told)
        return [(quoted_quantity(one, value, esd), states.get(one.label, "")) for one, value, esd in values]
    if isinstance(row.fit, NoResult):
        return [("—", "")] * (components + (components > 1))
    told = [(quoted(one.lp_A, one.lp_esd_A), _share(one.weight, one.weight_esd)) for one in row.fit.lattices]
    composition = "" if scale is None else composition_told(row.fraction, row.fraction_esd)
    if components == 1:
        return [(told[0][0], composition)]
    return [*told, (quoted(row.fit.lp_mean_A, row.fit.lp_mean_esd_A), composition)]


def composition_told(fraction: float, esd: float) -> str:
    """``x 0.544 ± 0.001``, in brackets outside 0 to 1; empty where it is not known."""
    return fraction_text(fraction, f"x {quoted(fraction, esd, unit='')}") if math.isfinite(fraction) else ""


def _share(weight: float, esd: float) -> str:
    return f"share {quoted(100.0 * weight, 100.0 * esd, unit='%')}" if math.isfinite(weight) else ""


def frame_caption(row: Row, *, newest: bool, accuracy: Accuracy | None = None) -> str:
    """What stands over the pattern: the frame, how good its fit is, and how accurate its geometry."""
    which = "newest frame" if newest else "chosen frame"
    when = f" at {moment(row.time_s)}" if math.isfinite(row.time_s) else ""
    merit = row.fit.reason if isinstance(row.fit, NoResult) else _merit(row.fit, accuracy)
    return f"{which}: {row.index}{when}, {row.name}\n{merit}"


def _merit(fit: Fit, accuracy: Accuracy | None) -> str:
    steps = f"{fit.iterations} iterations, {'converged' if fit.converged else 'not converged'}"
    off = f"accuracy ± {accuracy.of(fit.watched[0]):.1g} Å" if accuracy else "accuracy not determined"
    return f"Rwp {fit.rwp_percent:.1f} %  χ² {fit.chi2_reduced:.2f}  {steps}  {off}"


def second_opinion(setup: Setup, row: Row) -> str:
    """The lattice parameters from the lines of the map's reflection alone, in words."""
    from latticewatch.processing.refinement.single_lines.two_peaks import two_peaks  # slow to load: scipy.optimize

    if row.pattern is None:
        return "second opinion: no pattern"
    if not setup.components or not all(component.phase.is_cubic for component in setup.components):
        return "second opinion: of cubic phases alone"
    known = row.fit.lattices if isinstance(row.fit, Fit) else ()
    fitted = [lattice.lp_A for lattice in known if math.isfinite(lattice.lp_A)]
    cells = tuple(fitted or (component.lattice_parameter_A for component in setup.components))
    opinion = two_peaks(row.pattern, setup.window_deg, setup.reflection, cells, setup.wavelength_A)
    line = "".join(map(str, setup.reflection))
    if opinion.fit is None:
        return f"({line}) alone: {opinion.why}"
    angles = [line.two_theta_deg for line in opinion.fit.lines]
    numbers = zip((component.name for component in setup.components), opinion.lp_A, opinion.lp_esd_A, strict=False)
    told = [f"{name} {quoted(lp, esd)}" if math.isfinite(lp) else f"{name} unclear" for name, lp, esd in numbers]
    return f"({line}) alone: {', '.join(told)}{_overlap(angles, opinion.fit.lines[0].fwhm_deg)}"


def _overlap(angles_deg: Sequence[float], fwhm_deg: float) -> str:
    """A caveat where lines are not resolved: what divides their sum between them is the shape that is assumed."""
    apart_deg = min((after - before for before, after in pairwise(sorted(angles_deg))), default=math.inf)
    if apart_deg >= RESOLVED_FWHM * fwhm_deg:
        return ""
    return f"\nnot resolved ({apart_deg / fwhm_deg:.1f} FWHM apart): may be off by several of these esds"


def reflection_lists(
    setup: Setup, two_theta: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[tuple[Hkl, ...], ...]:
    sine = math.sin(math.radians(float(two_theta[-1]) / 2.0))
    d_min = setup.wavelength_A / (2.0 * sine)
    lines = (reflections(each.phase, d_min, each.cell) for each in setup.components)
    return tuple(tuple(line.hkl for line in its) for its in lines)


def ticks_at(run: ShownRun, lines: tuple[tuple[Hkl, ...], ...], row: Row) -> tuple[Ticks, ...]:
    """Where the lines are in this row, with the settings that it was fitted with; none without a fit. lines: the
    reflections of each component as they are now."""
    if isinstance(row.fit, NoResult):
        return ()
    setup = run.at(row).setup
    if [each.phase for each in setup.components] != [each.phase for each in run.setup.components]:
        lines = reflection_lists(setup, run.series.two_theta)
    return ticks_of(setup, lines, row.fit)


def ticks_of(setup: Setup, lines: tuple[tuple[Hkl, ...], ...], fit: Fit) -> tuple[Ticks, ...]:
    """Where the lines of each component are in this fit; at the mean where a component is not known apart."""
    ticks = []
    for component, hkls, lattice in zip(setup.components, lines, fit.lattices, strict=True):
        d = cell_in(component, lattice, fit).d_spacings(np.array(hkls, dtype=np.float64).reshape(-1, 3))
        ticks.append(
            Ticks(
                component.name,
                two_theta_deg(d, setup.wavelength_A),
                tuple((" " if max(hkl) > 9 else "").join(map(str, hkl)) for hkl in hkls),
            )
        )
    return tuple(ticks)


def frame_and_lag(snapshot: Snapshot, row: Row, lag: Lag) -> str:
    """``118 of 120 frames · lag 0.4 s``: how many there are up to this one, not its number."""
    of = max(snapshot.progress.found, snapshot.count)
    return PART.join(filter(None, (f"{row.index + 1} of {of} frames", lag.words)))


def facts_of(title: str, state: str, run: ShownRun | None, row: Row | None) -> dict[str, str]:
    """What a picture says by itself: title, state, time, sample, frame, lattice parameters, inputs with their hash."""
    facts = {"Title": title, "State": state, "Time": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    if run is not None:
        phases = [f"{each.name} ({each.phase.name})" for each in run.setup.components]
        facts["Sample"] = " + ".join(phases) or "peaks without a structure"
        kept = run.out or run.seen_in
        facts["Run file"] = str(kept.absolute()) if kept else "not recorded"
    if run is not None and row is not None:
        when = f" at {moment(row.time_s)}" if math.isfinite(row.time_s) else ""
        facts["Frame"] = f"{row.index} {row.name}{when}"
        named, accuracy = run.setup.quantities, run.setup.accuracy
        facts["Numbers" if named else "Lattice parameter"] = lattices_text(run.names, row, accuracy, named).replace(
            "\n", ", "
        )
        facts["Errors"] = signs_of(run.setup.accuracy)
    for file in run.inputs if run else ():
        facts[file.role.capitalize()] = f"{file.name} sha256 {file.sha256[:12]}"
    return facts
