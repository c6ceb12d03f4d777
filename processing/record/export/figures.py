"""Figures for print: the 2θ-time map with the lattice parameters under it, and runs laid over one another."""

import csv
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
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
from latticewatch.processing.flow.accuracy import source_of
from latticewatch.processing.flow.composition import CompositionScale, cell_of, fraction_of, fraction_text
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.series import NAN
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.text import guarded

Array = NDArray[np.float64]

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
MM = 1 / 25.4
COLUMN_MM = 85.0
NOTE_LETTERS = 84
# Okabe and Ito's colours, told apart by colour-blind readers; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
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


@dataclass(frozen=True, slots=True)
class Curve:
    """A lattice parameter against time: seconds, Å, Å; all (n,)."""

    times_s: Array
    lp_A: Array
    lp_esd_A: Array


def draw_figure(run: Run, path: Path) -> None:
    """Map and trace one above the other with a shared time axis, one journal column wide: .pdf, .svg or .png.

    Raises UserError for other suffixes and where it cannot be written.
    """

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.2, 1.0))
        _map(above, run)
        above.set_xlabel("")
        _trace(below, run)
        _say_accuracy(figure, [run])

    _save(path, (COLUMN_MM, 105.0), draw)


def draw_map(run: Run, path: Path) -> None:
    """The map alone, over the run's 2θ window. Raises UserError as ``draw_figure``."""
    _save(path, (COLUMN_MM, 62.0), lambda figure: _map(figure.subplots(), run))


def compare_runs(runs: Sequence[Run], path: Path) -> None:
    """The watched lattice of several runs against the time since mixing: .pdf, .svg, .png or .csv.

    Where the mixing time of a run is not known its first frame stands for it, and the legend says so.
    Raises UserError for other suffixes and where it cannot be written.
    """
    if path.suffix.lower() == ".csv":
        write_whole(path, _compare_table(runs).encode())
    elif path.suffix.lower() not in FIGURE_SUFFIXES:
        raise UserError(f"{path}: no overlay of this kind; end the name with one of {', '.join(FIGURE_SUFFIXES)}, .csv")
    else:
        _save(path, (COLUMN_MM, 73.0), lambda figure: _compare(figure, runs))


def watched_curve(run: Run) -> Curve:
    """The first component, and the mean where it cannot be told from its neighbour; NaN in gaps."""
    values = [row.fit.watched if isinstance(row.fit, Fit) else (NAN, NAN) for row in run.traced]
    table = np.array(values, float).reshape(-1, 2)
    return Curve(np.array([row.time_s for row in run.traced], float), table[:, 0], table[:, 1])


def mixing_of(run: Run, kinetics: Kinetics) -> float:
    """Seconds from the first frame: as the user gave it, else as found from the data, else NaN."""
    given = run.setup.mixing_time_s
    return kinetics.mixing_s if given is None else given


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
    for number, name in enumerate(run.header.component_names):
        values = [(fit.lattices[number].lp_A, fit.lattices[number].lp_esd_A) for _, fit in fits]
        _points(axes, Curve(times, *np.array(values, float).reshape(-1, 2).T), number, name)
    mean = np.array([(fit.lp_mean_A, fit.lp_mean_esd_A) for _, fit in fits], float).reshape(-1, 2).T
    axes.errorbar(times, mean[0], mean[1], color="0.45", linewidth=0.8, elinewidth=0.5, label="mean", zorder=1)
    for pause in describe(run.setup, run.traced).pauses:
        axes.axvspan(pause.start_s, end_or_last(pause.end_s, times), color="0.88", zorder=0)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("lattice parameter (Å)")
    axes.legend(frameon=False, handletextpad=0.4)
    if run.setup.composition is not None:
        _fractions(axes, run.setup.composition)


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
    axes.errorbar(
        curve.times_s,
        curve.lp_A,
        curve.lp_esd_A,
        fmt=MARKERS[number % len(MARKERS)],
        color=COLOURS[number % len(COLOURS)],
        markersize=1.6,
        markeredgewidth=0,
        elinewidth=0.5,
        label=label.replace("$", r"\$"),
    )


def end_or_last(end_s: float, times: Array) -> float:
    """The end of a pause, or the last of these times where it lasts."""
    return end_s if math.isfinite(end_s) else float(times[-1]) if len(times) else NAN


def _labels(runs: Sequence[Run]) -> list[str]:
    """The runs' titles; with the file's name where several runs have the same one."""
    titles = [run.header.title or run.path.stem for run in runs]
    return [
        f"{title}, {run.path.stem}" if titles.count(title) > 1 else title
        for title, run in zip(titles, runs, strict=True)
    ]


def _aligned(run: Run, label: str) -> tuple[str, Curve]:
    mixing = mixing_of(run, describe(run.setup, run.traced))
    curve = watched_curve(run)
    if math.isnan(mixing):
        mixing, label = 0.0, f"{label} (mixing not known)"
    return label, Curve(curve.times_s - mixing, curve.lp_A, curve.lp_esd_A)


def _compare(figure: Figure, runs: Sequence[Run]) -> None:
    axes = figure.subplots()
    _say_accuracy(figure, runs)
    for number, (run, title) in enumerate(zip(runs, _labels(runs), strict=True)):
        label, curve = _aligned(run, title)
        _points(axes, curve, number, label)
    axes.set_xlabel("time since mixing (s)")
    axes.set_ylabel("lattice parameter (Å)")
    axes.legend(frameon=False, handletextpad=0.4)


def _say_accuracy(figure: Figure, runs: Sequence[Run]) -> None:
    """Under the figure: the bars are esds, and how accurate the geometries are that all numbers rest on."""
    said = list(dict.fromkeys(source_of(run.setup.accuracy) for run in runs))
    text = f"bars: esd of the fit; accuracy: {'; '.join(said)}".replace("$", r"\$")
    figure.supxlabel(textwrap.fill(text, NOTE_LETTERS), fontsize=5.5, color="0.3", x=0.02, ha="left")


def _compare_table(runs: Sequence[Run]) -> str:
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["run", "file", "time_since_mixing_s", "lp_A", "lp_esd_A", "lp_accuracy_A"])
    for run, title in zip(runs, _labels(runs), strict=True):
        label, curve = _aligned(run, title)
        accuracy = run.setup.accuracy
        for time, lp, esd in zip(curve.times_s, curve.lp_A, curve.lp_esd_A, strict=True):
            if math.isfinite(lp):
                names, numbers = (guarded(label), guarded(run.path.name)), (f"{time:z.6f}", f"{lp:.7f}", f"{esd:.7f}")
                lines.writerow([*names, *numbers, f"{accuracy.of(lp):.7f}" if accuracy else ""])
    return text.getvalue()
