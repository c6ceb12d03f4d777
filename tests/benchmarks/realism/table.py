"""The tables of the realistic ensemble, as text that is Markdown as well."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tests.benchmarks.realism.score import CLASSES, KINDS, Outcome

UNIT = 1e-4


def tables(outcomes: Sequence[Outcome]) -> str:
    """All tables."""
    return "\n\n".join([_good(outcomes), _by_recipe(outcomes), _pulls(outcomes), _foreign(outcomes)]) + "\n"


def failures(outcomes: Sequence[Outcome]) -> str:
    """Every scan with a catastrophe: kind, first frame, how many frames, what was said; and what is in the scan."""
    lines = []
    for outcome in outcomes:
        if outcome.good:
            continue
        lines.append(f"seed {outcome.seed} ({outcome.frames} frames): {'; '.join(outcome.ingredients)}")
        for each in outcome.catastrophes:
            lines.append(f"    {each.kind}: frame {each.frame}, {each.frames} in all: {each.what}")
    return "\n".join(lines) + "\n"


def _good(outcomes: Sequence[Outcome]) -> str:
    straight = [outcome for outcome in outcomes if not outcome.distorted]
    rows = [
        ["scans without a catastrophe", _share(outcomes)],
        ["of those without a distorted cell", _share(straight)],
        *(
            [f"with: {kind}", str(sum(any(each.kind == kind for each in one.catastrophes) for one in outcomes))]
            for kind in KINDS
        ),
        ["odd kinetics (no catastrophe)", str(sum(outcome.odd_kinetics > 0 for outcome in outcomes))],
    ]
    return _table([f"{len(outcomes)} scans", ""], rows)


def _by_recipe(outcomes: Sequence[Outcome]) -> str:
    names = sorted({name for outcome in outcomes for name in outcome.groups})
    rows = []
    for name in names:
        mine = [outcome for outcome in outcomes if name in outcome.groups]
        kinds = [sum(any(each.kind == kind for each in one.catastrophes) for one in mine) for kind in KINDS]
        rows.append([name, _share(mine), *(str(count or "") for count in kinds)])
    return _table(["recipe", "good", *KINDS], rows)


def _pulls(outcomes: Sequence[Outcome]) -> str:
    straight = [outcome for outcome in outcomes if not outcome.distorted]
    names = sorted({name for outcome in straight for name in outcome.groups})
    rows = [["all", *_pull_cells(straight)]]
    rows += [[name, *_pull_cells([one for one in straight if name in one.groups])] for name in names]
    header = [
        "pull rms (rms error, 1e-4 Å), undistorted",
        "all",
        "without the worst 1 %",
        *(name for name, _ in CLASSES),
    ]
    return _table(header, rows)


def _pull_cells(outcomes: Sequence[Outcome]) -> list[str]:
    every = [pull for outcome in outcomes for pull in outcome.pulls]
    cells = [_pull(every), _pull(sorted(every, key=lambda pull: abs(pull[1]) / pull[2])[: int(0.99 * len(every))])]
    return cells + [_pull([pull for pull in every if pull[0] == name]) for name, _ in CLASSES]


def _pull(pulls: Iterable[tuple[str, float, float]]) -> str:
    known = np.array([(error, esd) for _, error, esd in pulls if math.isfinite(esd) and esd > 0.0])
    if not len(known):
        return ""
    pull = float(np.sqrt(np.mean((known[:, 0] / known[:, 1]) ** 2)))
    return f"{pull:.2f} ({float(np.sqrt(np.mean(known[:, 0] ** 2))) / UNIT:.1f})"


def _foreign(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for level in ("1%", "3%"):
        mine = [one.foreign for one in outcomes if f"foreign lines {level}" in one.groups]
        lines = sum(one.lines for one in mine)
        found, in_time = sum(one.found for one in mine), sum(one.in_time for one in mine)
        rows.append([f"foreign lines {level}", f"{found} of {lines}", f"{in_time} of {lines}"])
    alarms = sum(one.foreign.false > 0 for one in outcomes)
    told = any(one.foreign.told for one in outcomes)
    rows.append(["scans with a false alarm", f"{alarms} of {len(outcomes)}" if told else "no list of lines", ""])
    return _table(["sharp foreign lines", "seen at ± .02 deg", "and within 5 frames"], rows)


def _share(outcomes: Sequence[Outcome]) -> str:
    good = sum(outcome.good for outcome in outcomes)
    return f"{good} of {len(outcomes)}" + (f" ({good / len(outcomes):.0%})" if outcomes else "")


def _table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * max(width, 3) for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
