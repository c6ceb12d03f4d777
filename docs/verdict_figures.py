"""The paper's three cases as the verdict saw them.

python docs/verdict_figures.py TRACE.csv ... (from ``latticewatch export RUN.h5 --trace TRACE.csv``)
"""

import csv
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OUT = Path(__file__).with_name("figures") / "verdict.png"
TITLES = {
    "iodide-bare": "bare, iodide",
    "iodide": "shelled, iodide",
    "chloride": "shelled, chloride",
}
COLOURS = {"paused": "0.8", "complete": "#cfe8cf", "waiting": "#f3f0dd"}


def main() -> None:
    """One panel a trace: the lattice parameters, and the state of every frame as the colour behind it."""
    mpl.rcParams.update({"font.size": 9, "axes.linewidth": 0.8})
    traces = [Path(name) for name in sys.argv[1:]]
    figure = Figure(figsize=(9.0, 3.2), dpi=130, layout="constrained")
    for axes, path in zip(figure.subplots(1, len(traces), squeeze=False)[0], traces, strict=True):
        draw(axes, path)
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT)


def draw(axes: Axes, path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name.startswith("lp_") and name.endswith("_A") and "esd" not in name]
    names = [name for name in names if name not in ("lp_mean_A", "lp_accuracy_A")]
    _colour(axes, rows)
    for name in names:
        _points(axes, rows, name)
    _points(axes, rows, "lp_mean_A", color="0.4", markersize=1.0)
    axes.set(title=TITLES.get(path.stem, path.stem), xlabel="time (s)")
    axes.set_ylabel("lattice parameter (Å)")
    axes.legend(frameon=False, markerscale=3.0, loc="upper right")
    paused = [float(row["time_s"]) for row in rows if row["state"] == "paused"]
    if paused:
        _enlarge(axes, rows, names[0], paused)


def _enlarge(axes: Axes, rows: list[dict[str, str]], name: str, paused: list[float]) -> None:
    length = paused[-1] - paused[0] + 2.0 * float(rows[1]["time_s"])
    inset = axes.inset_axes((0.56, 0.1, 0.36, 0.22), transform=axes.transAxes)
    _colour(inset, rows)
    _points(inset, rows, name)
    near = [row for row in rows if abs(float(row["time_s"]) - paused[0]) < 2.0 * length and row[name]]
    values = [float(row[name]) for row in near]
    inset.set_xlim(float(near[0]["time_s"]), float(near[-1]["time_s"]))
    inset.set_ylim(min(values), max(values))
    inset.tick_params(labelsize=6)


def _colour(axes: Axes, rows: list[dict[str, str]]) -> None:
    period = float(rows[1]["time_s"]) - float(rows[0]["time_s"])
    for row in rows:
        if row["state"] in COLOURS:
            begin = float(row["time_s"])
            axes.axvspan(begin, begin + period, color=COLOURS[row["state"]], linewidth=0.0)


def _points(axes: Axes, rows: list[dict[str, str]], name: str, markersize: float = 2.5, **style: str) -> None:
    times, values = [float(row["time_s"]) for row in rows], [float(row[name] or "nan") for row in rows]
    axes.plot(times, values, ".", markersize=markersize, label=name.removeprefix("lp_").removesuffix("_A"), **style)


if __name__ == "__main__":
    main()
