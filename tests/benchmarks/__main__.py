"""``python -m tests.benchmarks``: the benchmark of speed, see ``tests.benchmarks.speed``."""

from tests.benchmarks.speed.__main__ import main

if __name__ == "__main__":
    main()
