"""The benchmark's figures as the table of docs/verdict.md."""

import math
from collections.abc import Mapping, Sequence

from tests.benchmarks.verdict.traces import ASKED

Results = Mapping[str, Mapping[str, float]]
"""Family to figure to value."""

HEADS = {
    "early_percent": "complete too early, %",
    "in_pause": "complete in a pause",
    "never": "never called",
    "delay_median": "delay, median",
    "delay_p95": "p95",
    "delay_seen_p95": "p95, seen",
    "floor_p95": "p95, floor",
    "found_percent": "pauses found, %",
    "in_time_percent": "within needed + 2, %",
    "false_pause_percent": "false pause, % of traces",
    "taken_back_percent": "complete taken back, % of traces",
    "errors": "start, end error (frames, median)",
    "held_percent": "90 % forecasts that held, %",
    "mixing_error_p95": "mixing error, p95 (frames)",
}
TARGETS = ("target", "≤ 0.5", "0", "", "≤ 0.15 (bare 0.1)", "≤ 0.4 (bare 0.25)", "", "", "≥ 98", "≥ 98", "≤ 1")
MORE_TARGETS = ("≤ 1", "≤ 1", "85 to 95", "≤ 1")


def page(results: Results, traces: int, seed: int) -> str:
    """docs/verdict-table.md: what was run, the table, and what a frame costs."""
    lines = ["# The verdict's benchmark", "", f"`python -m tests.benchmarks.verdict --traces {traces} --seed {seed}`"]
    text = "\n".join([*lines, "", table(results)])
    if "cost" not in results:
        return text
    cost = {name: f"{value:.2f}" for name, value in results["cost"].items()}
    frames = f"{results['cost']['frames']:.0f} frames, {cost['ms']} ms of CPU a frame"
    return f"{text}\n{frames}; {cost['ms_at_200']} ms at frame 200, {cost['ms_at_20000']} ms at frame 20 000.\n"


def table(results: Results) -> str:
    """Markdown: one line for each family and one for all that were asked for."""
    names = [name for name in results if name != "cost"]
    ordered = [name for name in names if name in ASKED] + [name for name in names if name not in ASKED]
    lines = [("family", *HEADS.values()), ("---",) * (len(HEADS) + 1), (*TARGETS, *MORE_TARGETS)]
    lines += [(name, *(_cell(head, results[name]) for head in HEADS)) for name in ordered]
    return "".join(_line(cells) for cells in lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(head: str, row: Mapping[str, float]) -> str:
    if head == "errors":
        return ", ".join(text for text in (_number(row["start_error"]), _number(row["end_error"])) if text)
    return _number(row[head])


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"
