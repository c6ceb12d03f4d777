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
    """The trace of one run."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    times = [float(row["time_s"]) for row in rows]
    period = times[1] - times[0]
    for time, row in zip(times, rows, strict=True):
        if row["state"] in COLOURS:
            axes.axvspan(time, time + period, color=COLOURS[row["state"]], linewidth=0.0)
    columns = [name for name in rows[0] if name.startswith("lp_") and name.endswith("_A") and "esd" not in name]
    for name in columns:
        values = [float(row[name] or "nan") for row in rows]
        label = name.removeprefix("lp_").removesuffix("_A")
        axes.plot(times, values, ".", markersize=2.5 if label != "mean" else 1.0, label=label)
    axes.set(title=TITLES.get(path.stem, path.stem), xlabel="time (s)")
    axes.set_ylabel("lattice parameter (Å)")
    axes.legend(frameon=False, markerscale=3.0, loc="right")


if __name__ == "__main__":
    main()
