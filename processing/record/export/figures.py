"""Figures for print: the 2θ-time map with the lattice parameters under it, and runs laid over one another."""

import csv
import math
import textwrap
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.flow.accuracy import Accuracy, source_of
from latticewatch.processing.flow.composition import CompositionScale, cell_of, fraction_of, fraction_text
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.quantity import value_in
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from latticewatch.processing.record.export.compared import (
    AXES,
    COMPOSITION,
    FIRST_FRAME,
    HALF,
    LATTICE,
    MIXING,
    PROGRESS,
    TIMES,
    ComparedRun,
    Curve,
    end_or_last,
    short_labels,
)
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.text import guarded

Array = NDArray[np.float64]
Limits = tuple[tuple[float, float], tuple[float, float]]
"""What of a plot is shown: from and to, along it and upward."""

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
MM = 1 / 25.4
COLUMN_MM = 85.0
NOTE_LETTERS = 84
# Okabe and Ito's colours, told apart by colour-blind readers; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "*", "p", "h", "X")
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 0.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "latticewatch",
}
MAP_COLUMNS = 1500
BLOCK_ROWS = 256
TIME_COLUMNS = {
    MIXING: "time_since_mixing_s",
    FIRST_FRAME: "time_since_first_frame_s",
    HALF: "time_from_half_the_change_s",
}
COLUMNS = {
    LATTICE: ("lp_A", "lp_esd_A", "lp_accuracy_A"),
    COMPOSITION: ("fraction", "fraction_esd"),
    PROGRESS: ("share_of_change", "share_of_change_esd"),
}


def draw_figure(run: Run, path: Path) -> None:
    """Map and trace one above the other with a shared time axis, one journal column wide: .pdf, .svg or .png.

    Raises UserError for other suffixes and where it cannot be written.
    """

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.2, 1.0))
        _map(above, run)
        above.set_xlabel("")
        _trace(below, run)
        _say_accuracy(figure, [run.setup.accuracy])

    _save(path, (COLUMN_MM, 105.0), draw)


def draw_map(run: Run, path: Path) -> None:
    """The map alone, over the run's 2θ window. Raises UserError as ``draw_figure``."""
    _save(path, (COLUMN_MM, 62.0), lambda figure: _map(figure.subplots(), run))


def compare_runs(
    runs: Sequence[ComparedRun],
    path: Path,
    quantity: str = LATTICE,
    alignment: str = MIXING,
    *,
    numbers: Sequence[int] = (),
    limits: Limits | None = None,
    log_time: bool = False,
) -> None:
    """This quantity of several runs against the time since mixing, or another zero: .pdf, .svg, .png or .csv.

    numbers: which symbol and colour each run has; left out: in their order. limits: the part of the plot that is shown
    (seconds, the quantity's unit); None: all of it. log_time: decades of time, from its zero on. Where the zero of a
    run is not known its first frame stands for it, and the legend says so. Raises UserError for other suffixes and
    where it cannot be written.
    """
    if path.suffix.lower() == ".csv":
        write_whole(path, _compare_table(runs, quantity, alignment).encode())
    elif path.suffix.lower() not in FIGURE_SUFFIXES:
        raise UserError(f"{path}: no overlay of this kind; end the name with one of {', '.join(FIGURE_SUFFIXES)}, .csv")
    else:

        def draw(figure: Figure) -> None:
            axes = _compare(figure, runs, quantity, alignment, numbers or range(len(runs)))
            if log_time:
                axes.set_xscale("log", nonpositive="mask")
            if limits is not None:
                axes.set_xlim(*limits[0])
                axes.set_ylim(*limits[1])

        _save(path, (COLUMN_MM, 73.0), draw)


def _save(path: Path, size_mm: tuple[float, float], draw: Any) -> None:
    kind = path.suffix.lower().removeprefix(".")
    if f".{kind}" not in FIGURE_SUFFIXES:
        raise UserError(f"{path}: no figure of this kind; end the name with one of {', '.join(FIGURE_SUFFIXES)}")
    stamp = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind, {})
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(size_mm[0] * MM, size_mm[1] * MM), layout="constrained")
        draw(figure)
        # In memory first: matplotlib gives up without a word of use on a disk that is full.
        picture = BytesIO()
        figure.savefig(picture, format=kind, dpi=600, metadata=stamp)
    write_whole(path, picture.getvalue())


def _map(axes: Axes, run: Run) -> None:
    times, angles, image = _image(run)
    if len(times) > 1:
        low, high = np.nanpercentile(image, (2.0, 99.7)) if np.isfinite(image).any() else (0.0, 1.0)
        mesh = axes.pcolormesh(
            _edges(times), _edges(angles), image.T, cmap="cividis", vmin=low, vmax=high, rasterized=True
        )
        # An inset, so that it stands beside the map however much room the axis below takes on the right.
        axes.figure.colorbar(mesh, cax=axes.inset_axes((1.03, 0.0, 0.045, 1.0)), label="intensity")
    axes.set_ylim(*run.setup.window_deg)
    axes.set_ylabel("2θ (deg)")
    axes.set_xlabel("time (s)")


def _image(run: Run) -> tuple[Array, Array, Array]:
    """Times (columns,), angles (bins,) and the map between (columns, bins): at most MAP_COLUMNS columns, each
    the maximum of its frames, so that no line is lost."""
    low, high = run.setup.window_deg
    bin_deg = (run.two_theta[-1] - run.two_theta[0]) / (len(run.two_theta) - 1)
    seen = (run.two_theta >= low - bin_deg) & (run.two_theta <= high + bin_deg)
    step = max(1, math.ceil(len(run.rows) / MAP_COLUMNS))
    times = np.array([row.time_s for row in run.traced], float)
    blocks = []
    for start in range(0, len(run.rows), step * BLOCK_ROWS):
        block = run.intensity(start, start + step * BLOCK_ROWS)[:, seen].astype(float)
        blocks.append(np.fmax.reduceat(block, np.arange(0, len(block), step), axis=0))
    image = np.concatenate(blocks) if blocks else np.empty((0, int(seen.sum())))
    known = np.isfinite(times[::step])
    return times[::step][known], run.two_theta[seen], image[known]


def _edges(centres: Array) -> Array:
    """Where the cells around these centres begin and end: half-way to the neighbours."""
    between = 0.5 * (centres[1:] + centres[:-1])
    first, last = 1.5 * centres[0] - 0.5 * centres[1], 1.5 * centres[-1] - 0.5 * centres[-2]
    return np.concatenate([[first], between, [last]])


def _trace(axes: Axes, run: Run) -> None:
    fits = [(row.time_s, row.fit) for row in run.traced if isinstance(row.fit, Fit)]
    times = np.array([time for time, _ in fits], float)
    kinetics = describe(run.setup, run.traced_alike)
    for pause in kinetics.pauses:
        axes.axvspan(pause.start_s, end_or_last(pause.end_s, times), color="0.88", zorder=0)
    axes.set_xlabel("time (s)")
    if run.setup.quantities:
        _named(axes, run, kinetics)
        return
    for number, name in enumerate(run.header.component_names):
        values = [(fit.lattices[number].lp_A, fit.lattices[number].lp_esd_A) for _, fit in fits]
        _points(axes, Curve(times, *np.array(values, float).reshape(-1, 2).T), number, name)
    mean = np.array([(fit.lp_mean_A, fit.lp_mean_esd_A) for _, fit in fits], float).reshape(-1, 2).T
    axes.errorbar(times, mean[0], mean[1], color="0.45", linewidth=0.8, elinewidth=0.5, label="mean", zorder=1)
    axes.set_ylabel("lattice parameter (Å)")
    axes.legend(frameon=False, handletextpad=0.4)
    if run.setup.composition is not None:
        _fractions(axes, run.setup.composition)


def _named(axes: Axes, run: Run, kinetics: Kinetics) -> None:
    """The quantity that is told of, of those that are watched by name."""
    told = kinetics.watched.column if kinetics.watched else ""
    quantities = run.setup.quantities
    quantity = next((one for one in quantities if one.column == told), quantities[0])
    values = [value_in(quantity, row) for row in run.traced]
    times = np.array([row.time_s for row in run.traced], float)
    _points(axes, Curve(times, *np.array(values, float).reshape(-1, 2).T), 0, quantity.label)
    axes.set_ylabel(f"{quantity.label} ({quantity.unit})" if quantity.unit else quantity.label)


def _fractions(axes: Axes, scale: CompositionScale) -> None:
    """The composition on the right; out of range it stands in brackets."""
    low, high = axes.get_ylim()
    ends = [fraction_of(scale, lp, 0.0)[0] for lp in (low, high)]
    if not all(map(math.isfinite, ends)):
        return
    values = MaxNLocator(6, steps=(1, 2, 5, 10)).tick_values(min(ends), max(ends))
    right = axes.twinx()
    right.set_yticks([cell_of(scale, x) for x in values], [fraction_text(x, f"{x:.3g}") for x in values])
    right.set_ylim(low, high)
    right.set_ylabel(f"x (0: {scale.first_A:g}, 1: {scale.second_A:g} Å)")


def _points(axes: Axes, curve: Curve, number: int, label: str) -> None:
    """Points with bars; each number has a marker of its own."""
    shape, hollow = MARKERS[number % len(MARKERS)], number // len(MARKERS) % 2 == 1
    colour = COLOURS[number % len(COLOURS)]
    axes.errorbar(
        curve.times_s,
        curve.lp_A,
        curve.lp_esd_A,
        fmt=shape if number < 2 * len(MARKERS) else f"${number + 1}$",
        color=colour,
        markersize=1.6 if number < len(MARKERS) else 2.6,
        markerfacecolor="none" if hollow else colour,
        markeredgewidth=0.4 if hollow else 0,
        elinewidth=0.5,
        label=label.replace("$", r"\$"),
    )


def _aligned(run: ComparedRun, label: str, quantity: str, alignment: str) -> tuple[str, Curve]:
    zero_s = run.zero_s(alignment)
    if math.isnan(zero_s):
        zero_s, label = 0.0, f"{label} ({alignment} not known)"
    return label, Curve(run.curve.times_s - zero_s, *run.values(quantity))


def _compare(
    figure: Figure, runs: Sequence[ComparedRun], quantity: str, alignment: str, numbers: Sequence[int]
) -> Axes:
    axes: Axes = figure.subplots()
    _say_accuracy(figure, [run.accuracy for run in runs])
    for number, run, title in zip(numbers, runs, short_labels(runs), strict=True):
        label, curve = _aligned(run, title, quantity, alignment)
        _points(axes, curve, number, label)
    axes.set_xlabel(f"{TIMES[alignment]} (s)")
    axes.set_ylabel("lattice parameter (Å)" if quantity == LATTICE else AXES[quantity])
    axes.legend(frameon=False, handletextpad=0.4)
    return axes


def _say_accuracy(figure: Figure, accuracies: Sequence[Accuracy | None]) -> None:
    """Under the figure: the bars are esds, and how accurate the geometries are that all numbers rest on."""
    said = list(dict.fromkeys(source_of(accuracy) for accuracy in accuracies))
    text = f"bars: esd of the fit; accuracy: {'; '.join(said)}".replace("$", r"\$")
    figure.supxlabel(textwrap.fill(text, NOTE_LETTERS), fontsize=5.5, color="0.3", x=0.02, ha="left")


def _compare_table(runs: Sequence[ComparedRun], quantity: str, alignment: str) -> str:
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    name = COLUMNS[quantity]
    lines.writerow(["run", "file", TIME_COLUMNS[alignment], *name])
    for run, title in zip(runs, short_labels(runs), strict=True):
        label, curve = _aligned(run, title, quantity, alignment)
        for time, value, esd in zip(curve.times_s, curve.lp_A, curve.lp_esd_A, strict=True):
            if math.isfinite(value):
                cells = [guarded(label), guarded(run.file), f"{time:z.6f}", f"{value:z.7f}", f"{esd:.7f}"]
                if quantity == LATTICE:
                    cells.append(f"{run.accuracy.of(value):.7f}" if run.accuracy else "")
                lines.writerow(cells)
    return text.getvalue()
