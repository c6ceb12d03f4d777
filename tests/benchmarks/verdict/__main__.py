"""python -m tests.benchmarks.verdict [--traces N] [--jobs N] [--markdown FILE]: the verdict against simulated truth."""

import argparse
import json
import math
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from latticewatch.processing.reaction.live.judge import Judge
from tests.benchmarks.verdict.score import Score, scored
from tests.benchmarks.verdict.table import page
from tests.benchmarks.verdict.traces import ASKED, FAMILIES, slow


def main() -> None:
    """Judge N traces of every family, write the table and, when asked, JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=200)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="docs/verdict-table.md, written anew after every family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    _write(_line("", None))
    results, pooled, frames, cpu = {}, [], 0, 0.0
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        for family in options.families:
            work = [(family, options.seed, number) for number in range(options.traces)]
            done = list(pool.map(scored, work, chunksize=10))
            scores = [one.score for one in done]
            frames, cpu = frames + sum(one.frames for one in done), cpu + sum(one.cpu_s for one in done)
            pooled += scores if family in ASKED else []
            results[family] = summary(scores)
            _write(_line(family, results[family]))
            _keep(options.markdown, page({**results, "all asked": summary(pooled)}, options.traces, options.seed))
    results["all asked"] = summary(pooled)
    _write(_line("all asked", results["all asked"]))
    early, late = cost_per_frame(200), cost_per_frame(20_000)
    results["cost"] = {"frames": frames, "ms": cpu / frames * 1e3, "ms_at_200": early, "ms_at_20000": late}
    _write(f"{cpu / frames * 1e3:.3f} ms of CPU a frame; at frame 200 {early:.3f} ms, at frame 20000 {late:.3f} ms")
    _keep(options.markdown, page(results, options.traces, options.seed))
    _keep(options.json, json.dumps(results, indent=1))


def cost_per_frame(number: int) -> float:
    """Milliseconds of CPU a frame around frame ``number`` of an endless slow exchange: median of 40 fives."""
    trace = slow(number + 200)
    judge = Judge(trace.setup)
    costs = []
    for i, (at, fit) in enumerate(zip(trace.times_s, trace.fits, strict=True)):
        if i >= number and (i - number) % 5 == 0:
            costs.append(time.process_time())
        judge.judge(float(at), fit)
    return float(np.median(np.diff(costs))) / 5.0 * 1e3


def _keep(path: Path | None, text: str) -> None:
    if path:
        path.write_text(text, encoding="utf-8")


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def summary(scores: list[Score]) -> dict[str, float]:
    """The figures of the table for these traces."""
    due = [s for s in scores if s.due]
    pauses = [p for s in scores for p in s.pauses]
    found = [p for p in pauses if p.found]
    forecasts = sum(s.forecasts for s in scores)
    return {
        "traces": len(scores),
        "early_percent": _percent([s.early for s in scores]),
        "in_pause": sum(s.in_pause for s in scores),
        "due": len(due),
        "never": sum(math.isnan(s.delay) for s in due),
        "delay_median": _quantile([s.delay for s in due], 0.5),
        "delay_p95": _quantile([s.delay for s in due], 0.95),
        "delay_seen_p95": _quantile([s.delay_seen for s in due], 0.95),
        "floor_p95": _quantile([s.floor for s in due], 0.95),
        "pauses": len(pauses),
        "found_percent": _percent([p.found for p in pauses]),
        "in_time_percent": _percent([p.found and p.frames <= p.needed + 2 for p in pauses]),
        "false_pause_percent": _percent([s.false_pause for s in scores]),
        "taken_back_percent": _percent([s.taken_back for s in scores]),
        "start_error": _quantile([p.start_error for p in found], 0.5),
        "end_error": _quantile([p.end_error for p in found if math.isfinite(p.end_error)], 0.5),
        "forecasts": forecasts,
        "held_percent": 100.0 * sum(s.held for s in scores) / forecasts if forecasts else math.nan,
        "mixing_error_p95": _quantile([s.mixing_error for s in scores], 0.95),
    }


def _percent(values: list[bool]) -> float:
    return 100.0 * sum(values) / len(values) if values else math.nan


def _quantile(values: list[float], share: float) -> float:
    """A completion never called counts as an endless delay."""
    known = [math.inf if math.isnan(value) else value for value in values]
    return float(np.quantile(known, share, method="nearest")) if known else math.nan


COLUMNS = {
    "early_percent": "early %",
    "in_pause": "in pause",
    "never": "never",
    "delay_median": "delay med",
    "delay_p95": "p95",
    "delay_seen_p95": "seen p95",
    "floor_p95": "floor p95",
    "found_percent": "found %",
    "in_time_percent": "in time %",
    "false_pause_percent": "false %",
    "taken_back_percent": "back %",
    "start_error": "start",
    "end_error": "end",
    "held_percent": "held %",
    "mixing_error_p95": "mix p95",
}


def _line(family: str, row: dict[str, float] | None) -> str:
    cells = [f"{row[name]:10.3g}" if row else f"{title:>10s}" for name, title in COLUMNS.items()]
    return f"{family:14s}" + "".join(cells)


if __name__ == "__main__":
    main()
