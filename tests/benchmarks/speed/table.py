"""Figures, and the table they stand in."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line. wall: median; spread: from the lower to the upper quartile. cpu: median of all threads together."""

    name: str
    wall: float
    spread: float = float("nan")
    cpu: float = float("nan")
    unit: str = "ms"


@dataclass(frozen=True, slots=True)
class Claim:
    """What was asked, what was found, and whether that is enough; None where it cannot be judged here."""

    what: str
    asked: str
    found: str
    holds: bool | None


@dataclass(slots=True)
class Section:
    """A part of the table. usual: the line that ratios are to; empty: no ratios."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    usual: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def figure(self, name: str) -> Figure:
        """The line of this name."""
        return next(one for one in self.figures if one.name == name)

    def ratio(self, name: str, of: str = "", *, cpu: bool = False) -> float:
        """How many times less than ``of`` (the usual one where left out) this line takes."""
        usual, this = self.figure(of or self.usual), self.figure(name)
        return usual.cpu / this.cpu if cpu else usual.wall / this.wall

    def at_least(self, what: str, found: float, asked: float, unit: str = " x") -> None:
        """Claim that more is better."""
        self.claims.append(Claim(what, f">= {asked:g}{unit}", f"{found:.3g}{unit}", bool(found >= asked)))

    def at_most(self, what: str, found: float, asked: float, unit: str) -> None:
        """Claim that less is better."""
        self.claims.append(Claim(what, f"<= {asked:g}{unit}", f"{found:.3g}{unit}", bool(found <= asked)))

    def as_text(self) -> str:
        """The table in Markdown."""
        lines = [f"### {self.title}", ""]
        if self.figures:
            lines += ["| | wall | spread | CPU | unit |" + (" x wall | x CPU |" if self.usual else "")]
            lines += ["|---|---|---|---|---|" + ("---|---|" if self.usual else "")]
            lines += [self._line(one) for one in self.figures] + [""]
        if self.claims:
            lines += ["| asked | at least / at most | found | |", "|---|---|---|---|"]
            lines += [f"| {one.what} | {one.asked} | {one.found} | {_word(one.holds)} |" for one in self.claims] + [""]
        lines += [f"{name}: {value}" for name, value in self.facts.items()]
        return "\n".join(lines) + "\n"

    def _line(self, one: Figure) -> str:
        text = f"| {one.name} | {_short(one.wall)} | {_short(one.spread)} | {_short(one.cpu)} | {one.unit} |"
        if not self.usual:
            return text
        return f"{text} {_short(self.ratio(one.name))} | {_short(self.ratio(one.name, cpu=True))} |"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; not measured: null."""
        return {
            "title": self.title,
            "figures": [_without_nan(asdict(one)) for one in self.figures],
            "claims": [asdict(one) for one in self.claims],
            "facts": self.facts,
        }


def figure_of(name: str, walls: Sequence[float], cpus: Sequence[float] = (), unit: str = "ms") -> Figure:
    """The medians of these."""
    cpu = statistics.median(cpus) if cpus else float("nan")
    return Figure(name, statistics.median(walls), spread_of(walls), cpu, unit)


def spread_of(values: Sequence[float]) -> float:
    """From the lower to the upper quartile; of few values, from the least to the most."""
    if len(values) < 4:
        return max(values) - min(values)
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


def in_turn(
    works: Sequence[tuple[str, Callable[[], object]]], repeats: int, scale: float, clocks: Sequence[Callable[[], float]]
) -> list[Figure]:
    """Each once for warming, then all in turn ``repeats`` times. scale: from seconds to the unit, per frame."""
    for _, work in works:
        work()
    taken: list[list[list[float]]] = [[[] for _ in clocks] for _ in works]
    for _ in range(repeats):
        for place, (_, work) in enumerate(works):
            before = [clock() for clock in clocks]
            work()
            for number, clock in enumerate(clocks):
                taken[place][number].append((clock() - before[number]) * scale)
    return [figure_of(name, *times) for (name, _), times in zip(works, taken, strict=True)]


def _short(value: float) -> str:
    return "" if value != value else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _word(holds: bool | None) -> str:
    return {True: "holds", False: "does not hold", None: "not judged"}[holds]


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in values.items()}
