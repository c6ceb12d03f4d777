"""The results of several runs side by side, and copied as text, CSV, LaTeX."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from latticewatch.app.window.results_table import UNITS, Result
from latticewatch.processing.text import guarded

# A rate is named by when it begins, which differs from run to run, and by its law: rates of two laws are not compared.
RATE_FROM = re.compile(r"^rate from [^,]*")
# How the names begin; the others come after them.
ORDER = ("mixing", "start", "pause", "rate", "half time")


@dataclass(frozen=True, slots=True)
class Column:
    """One run: what it is called, and its results."""

    label: str
    results: tuple[Result, ...]

    def by_name(self) -> dict[str, Result]:
        """The results by a name that is the same in all runs: pauses and rates by their number, rates also by law."""
        found: dict[str, Result] = {}
        rates = 0
        for one in self.results:
            if one.unit == "1/s":
                rates += 1
                name = RATE_FROM.sub(f"rate {rates}", one.name)
            else:
                name = one.name.replace("pause, ", "pause 1, ", 1)
            found[name] = one
        return found


def header_of(columns: Sequence[Column]) -> tuple[str, ...]:
    return ("quantity", *(column.label for column in columns), "unit")


def lines_of(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """A line for each quantity that one of the runs has, in the order of the reaction: value ± esd of each run."""
    lines = []
    for name, found in _aligned(columns):
        unit = next(one.unit for one in found if one is not None)
        lines.append((name, *("" if one is None else _shown(one) for one in found), unit))
    return lines


def as_text(columns: Sequence[Column]) -> str:
    """Columns that stand under each other."""
    table = [header_of(columns), *lines_of(columns)]
    widths = [max(len(line[number]) for line in table) for number in range(len(table[0]))]
    padded = ("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in table)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def as_csv(columns: Sequence[Column]) -> str:
    """Of each run value, esd and accuracy, in columns of their own."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    named = [guarded(f"{column.label}{what}") for column in columns for what in ("", " esd", " accuracy")]
    writer.writerow(["quantity", *named, "unit"])
    for name, found in _aligned(columns):
        numbers = [cell for one in found for cell in (("", "", "") if one is None else one.cells[1:4])]
        writer.writerow([name, *numbers, next(one.unit for one in found if one is not None)])
    return text.getvalue()


def as_latex(columns: Sequence[Column]) -> str:
    r"""A ``tabular`` with \pm; needs no package."""
    lines = [rf"\begin{{tabular}}{{l{'l' * len(columns)}l}}"]
    lines.append(" & ".join(_escaped(cell) for cell in header_of(columns)) + r" \\ \hline")
    for name, found in _aligned(columns):
        numbers = ("" if one is None else f"${_shown(one).replace('±', chr(92) + 'pm')}$" for one in found)
        unit = next(one.unit for one in found if one is not None)
        lines.append(" & ".join((_escaped(name), *numbers, UNITS.get(unit, unit))) + r" \\")
    return "\n".join([*lines, r"\end{tabular}"]) + "\n"


def _aligned(columns: Sequence[Column]) -> list[tuple[str, list[Result | None]]]:
    """Each name with the result of each run, None where a run has none; in the order of the reaction."""
    tables = [column.by_name() for column in columns]
    names: list[str] = []
    for table in tables:
        place = 0
        for name in table:
            if name in names:
                place = names.index(name) + 1
            else:
                names.insert(place, name)
                place += 1
    names.sort(key=_place)
    return [(name, [table.get(name) for table in tables]) for name in names]


def _place(name: str) -> tuple[int, str]:
    """By kind; rates of several laws by their number."""
    kind = next((n for n, kind in enumerate(ORDER) if name.startswith(kind)), len(ORDER))
    return kind, name.partition(",")[0] if name.startswith("rate") else ""


def _shown(one: Result) -> str:
    """Value ± esd and, where it is known, ± accuracy."""
    accuracy = one.cells[3]
    return f"{one.number} ± {accuracy}" if accuracy else one.number


def _escaped(text: str) -> str:
    return "".join(rf"\{letter}" if letter in "_%&#$" else letter for letter in text)
