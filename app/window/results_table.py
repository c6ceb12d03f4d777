"""What a run came to, as a table: each number of the summary with its esd and accuracy, copied as text, CSV, LaTeX."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from latticewatch.app.window.results import Summary
from latticewatch.processing.flow.accuracy import digits_of
from latticewatch.processing.flow.wording import moment

HEADER = ("quantity", "value", "esd", "accuracy", "unit")
SHOWN_HEADER = ("quantity", "value ± esd", "accuracy")
NAN = math.nan
# Decimals of a number whose esd is not known.
UNKNOWN = {"Å": 4, "s": 1, "1/s": 6}


@dataclass(frozen=True, slots=True)
class Result:
    """One number. esd, accuracy: NaN where not known."""

    name: str
    value: float
    esd: float = NAN
    accuracy: float = NAN
    unit: str = "s"

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """As many digits as the esd bears; empty where a number is not known."""
        digits = digits_of(self.esd, UNKNOWN.get(self.unit, 3), most=9 if self.unit == "1/s" else 6)
        numbers = (f"{one:.{digits}f}" if math.isfinite(one) else "" for one in (self.value, self.esd, self.accuracy))
        value, esd, accuracy = numbers
        return self.name, value, esd, accuracy, self.unit

    @property
    def number(self) -> str:
        """Value ± esd; the value where its esd is not known."""
        _, value, esd, _, _ = self.cells
        return f"{value} ± {esd}" if esd else value

    @property
    def shown(self) -> tuple[str, str, str]:
        """As a line of the panel: value, esd and unit in one cell."""
        name, _, _, accuracy, unit = self.cells
        return name, f"{self.number} {unit}".rstrip(), accuracy


def results_of(summary: Summary, watched: str) -> list[Result]:
    """The numbers of a summary that are known, in the order of the reaction. watched: the component
    that is watched; empty where there is none."""
    named = summary.get("watched")
    watched = f"a of {watched}" if named else watched
    lines = [Result("mixing", _number(summary["mixing_s"]))]
    lines.append(_cell(summary, f"start, {watched}", summary["lp_start_A"], summary["lp_start_esd_A"]))
    if named:
        lines.append(_named(named, "start", "start"))
    for number, pause in enumerate(summary["pauses"], start=1):
        name = "pause" if len(summary["pauses"]) == 1 else f"pause {number}"
        lines.append(Result(f"{name}, begins", _number(pause["start_s"]), _number(pause["start_esd_s"])))
        lines.append(Result(f"{name}, ends", _number(pause["end_s"]), _number(pause["end_esd_s"])))
        lines.append(_cell(summary, f"{name}, {watched}", pause["lp_A"], pause["lp_esd_A"]))
        if named and "value" in pause:
            value, esd = _number(pause["value"]), _number(pause["esd"])
            lines.append(Result(f"{name}, {named['quantity']}", value, esd, unit=named["unit"]))
    for rate in summary["rates"]:
        name = f"rate from {moment(_number(rate['start_s']))}, {rate['model']}"
        lines.append(Result(name, _number(rate["rate_constant_per_s"]), _number(rate["esd"]), unit="1/s"))
    half_s, half_esd_s = _number(summary["half_time_s"]), _number(summary["half_time_esd_s"])
    lines.append(Result("half time, from mixing", half_s, half_esd_s))
    for reached in summary["reached"]:
        esd_s = _esd_of(reached["interval_s"])
        lines.append(Result(f"{100.0 * reached['share']:g} % of the change at", _number(reached["at_s"]), esd_s))
    # Until the reaction is complete the last number is that of the watched lattice alone.
    end, of_it = ("end", "composition x, end") if summary["complete"] else (f"so far, {watched}", "its composition x")
    end = f"end, {watched}" if named and summary["complete"] else end
    lines.append(_cell(summary, end, summary["lp_end_A"], summary["lp_end_esd_A"]))
    if named:
        lines.append(_named(named, "end", "end" if summary["complete"] else "so far"))
    fraction, esd = _number(summary["fraction_end"]), _number(summary["fraction_end_esd"])
    lines.append(Result(of_it, fraction, esd, unit=""))
    return [one for one in lines if math.isfinite(one.value)]


def note_of(summary: Summary) -> str:
    """What the signs mean, and how far the run had come."""
    frames = f"the first {summary['frames']} frames"
    if "changes" in summary:
        frames = f"the {summary['computed_frames']} of {frames} that were fitted with the settings of now"
    return f"{summary['lp_errors']}; from {frames}. Times are from the first frame."


def as_text(results: Sequence[Result]) -> str:
    """Columns that stand under each other."""
    table = [HEADER, *(one.cells for one in results)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADER))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in table) + "\n"  # fmt: skip


def as_csv(results: Sequence[Result]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *(one.cells for one in results)])
    return text.getvalue()


def as_latex(results: Sequence[Result]) -> str:
    r"""A ``tabular`` with \pm; units upright. Needs no package."""
    lines = [r"\begin{tabular}{llll}", r"quantity & value & accuracy & unit \\ \hline"]
    for one in results:
        name, value, esd, accuracy, unit = one.cells
        number = rf"${value} \pm {esd}$" if esd else f"${value}$"
        lines.append(rf"{_escaped(name)} & {number} & {accuracy} & {UNITS.get(unit, unit)} \\")
    return "\n".join([*lines, r"\end{tabular}"]) + "\n"


UNITS = {"Å": r"\AA", "1/s": r"s$^{-1}$"}


def _escaped(text: str) -> str:
    return "".join(rf"\{letter}" if letter in "_%&#$" else letter for letter in text)


def _cell(summary: Summary, name: str, lp_A: float | None, esd_A: float | None) -> Result:
    """A lattice parameter with the accuracy that the summary has for one of about this size."""
    accuracy = summary.get("accuracy")
    ppm = accuracy["ppm"] if isinstance(accuracy, Mapping) else NAN
    value = _number(lp_A)
    return Result(name, value, _number(esd_A), value * ppm * 1e-6, "Å")


def _named(watched: Mapping[str, Any], which: str, said: str) -> Result:
    """Where the quantity that is watched by its name began or ended; said: of the end, so far until it is the end."""
    value, esd = _number(watched[which]), _number(watched[f"{which}_esd"])
    return Result(f"{said}, {watched['quantity']}", value, esd, unit=watched["unit"])


def _esd_of(interval_s: Sequence[float] | None) -> float:
    """From a 90 % interval, which is 3.29 esds wide."""
    return NAN if interval_s is None else (interval_s[1] - interval_s[0]) / 3.29


def _number(value: Any) -> float:
    return NAN if value is None else float(value)
