"""python -m tests.benchmarks.verdict [--traces N] [--json FILE]: the verdict against simulated truth."""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.verdict.score import Score, judged, score
from tests.benchmarks.verdict.traces import FAMILIES, make


def main() -> None:
    """Judge N traces of every family, write the table and, when asked, JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=200)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    results = {}
    frames, cpu = 0, time.process_time()
    for family in options.families:
        scores = []
        for trace_number in range(options.traces):
            trace = make(family, np.random.default_rng([options.seed, list(FAMILIES).index(family), trace_number]))
            verdicts = judged(trace)
            frames += len(verdicts)
            scores.append(score(trace, verdicts))
        results[family] = summary(scores)
        sys.stdout.write(_line(family, results[family]) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{(time.process_time() - cpu) / frames * 1e3:.3f} ms a frame\n")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def summary(scores: list[Score]) -> dict[str, float]:
    """The figures of the table for one family."""
    delays = np.array([s.delay for s in scores if s.due])
    known = np.where(np.isnan(delays), 9.0, delays)
    pauses = [p for s in scores for p in s.pauses]
    found = [p for p in pauses if p[0]]
    forecasts = sum(s.forecasts for s in scores)
    return {
        "traces": len(scores),
        "early_percent": 100.0 * float(np.mean([s.early for s in scores])),
        "in_pause": sum(s.in_pause for s in scores),
        "never": int(np.isnan(delays).sum()),
        "delay_median": _quantile(known, 0.5),
        "delay_p95": _quantile(known, 0.95),
        "pauses": len(pauses),
        "found_percent": 100.0 * len(found) / max(len(pauses), 1),
        "in_time_percent": 100.0 * sum(p[1] <= p[2] + 2 for p in found) / max(len(pauses), 1),
        "false_pause_percent": 100.0 * float(np.mean([s.false_pause for s in scores])),
        "start_error": _quantile(np.array([p[3] for p in found]), 0.5),
        "end_error": _quantile(np.array([p[4] for p in found if np.isfinite(p[4])]), 0.5),
        "held_percent": 100.0 * sum(s.held for s in scores) / max(forecasts, 1),
        "mixing_error_p95": _quantile(np.array([s.mixing_error for s in scores]), 0.95),
    }


def _quantile(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else float("nan")


def _line(family: str, row: dict[str, float]) -> str:
    numbers = " ".join(f"{name}={value:.3g}" for name, value in row.items() if name != "traces")
    return f"{family:14s} {numbers}"


if __name__ == "__main__":
    main()
