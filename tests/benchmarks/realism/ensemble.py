"""Many scans, in one process or several."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from latticewatch.processing.simulation.realism.drawn import real_scan
from tests.benchmarks.realism.played import play, play_images
from tests.benchmarks.realism.score import Outcome, outcome_of
from tests.benchmarks.realism.told import told
from tests.realistic_patterns import pilatus_bins


def one_scan(seed: int, verbose: bool = False, images: bool = False) -> tuple[Outcome, str]:
    """What became of the scan of this seed, and every frame in words where asked for."""
    played = play_images(real_scan(seed)) if images else play(real_scan(seed), pilatus_bins())
    return outcome_of(played), told(played) if verbose else ""


def outcomes_of(one: Callable[[int], tuple[Outcome, str]], seeds: range, workers: int) -> Iterator[tuple[Outcome, str]]:
    """What became of the scans of these seeds, in order."""
    if workers == 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(one, seeds)
