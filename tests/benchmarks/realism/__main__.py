"""python -m tests.benchmarks.realism [--scans N] [--seed N] [--workers N]: realistic scans against their truth.

Seeds under 1000 are for whoever develops; from 1000 on they judge, and nothing may be tuned on them.
"""

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.benchmarks.realism.ensemble import one_scan, outcomes_of
from tests.benchmarks.realism.table import failures, tables


def main() -> None:
    """Play N scans from the seed on and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="every frame of every scan beside its truth")
    parser.add_argument("--images", action="store_true", help="written as images and taken by `process`: slower")
    parser.add_argument("--markdown", type=Path, help="the tables, written after all scans")
    parser.add_argument("--failures", type=Path, help="scans with a catastrophe and what is in them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    outcomes = []
    one = partial(one_scan, verbose=options.verbose, images=options.images)
    for outcome, text in outcomes_of(one, range(options.seed, options.seed + options.scans), options.workers):
        outcomes.append(outcome)
        kinds = ", ".join(f"{each.kind} ({each.frames} from {each.frame})" for each in outcome.catastrophes)
        _write(f"{text}seed {outcome.seed}: {kinds or 'good'}\n")
    _write("\n" + failures(outcomes) + "\n" + tables(outcomes))
    for path, text in (
        (options.markdown, tables(outcomes)),
        (options.failures, failures(outcomes)),
        (options.json, json.dumps([asdict(outcome) for outcome in outcomes])),
    ):
        if path:
            path.write_text(text, encoding="utf-8")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
