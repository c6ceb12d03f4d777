"""From files to patterns: the program's way beside fabio or h5py with pyFAI, in turn in the same run."""

import threading
import time
from collections.abc import Callable
from contextlib import closing

from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.pipeline.loop import MOST_AT_ONCE
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.sources.hdf5.stack import HDF5Stack
from latticewatch.processing.sources.prefetch import batches
from tests.benchmarks.speed.inputs import Scan
from tests.benchmarks.speed.methods import Ours, PyFAI, checksum_only, largest_difference, read_only, side_by_side
from tests.benchmarks.speed.table import Section, in_turn

CLOCKS = (time.perf_counter, time.process_time)
DEFAULT, BEST = "pyFAI, its default (bbox, csr)", "pyFAI, no split, csc, two threads"
LIVE, UNCHECKED = "one at a time, one thread", "one at a time, one thread, MD5 not verified"
BACKLOG = "backlog, as the loop draws it"
SHARED, SHARED_UNCHECKED = "backlog, two threads", "backlog, two threads, MD5 not verified"
DEFAULT_BINS = 1500
Named = list[tuple[str, Callable[[], object]]]


def pilatus_section(scan: Scan, title: str, repeats: int, *, judged: bool) -> Section:
    """CBF. judged: the targets are for this size."""
    ours = [ImageIntegrator(scan.geometry, shape=scan.shape, find_defects=False, threads=1) for _ in range(2)]
    both = ImageIntegrator(scan.geometry, shape=scan.shape, find_defects=False)
    bins = len(both.two_theta)
    usual = PyFAI(scan.geometry, scan.shape, bins, "bbox", "csr")
    best = side_by_side([PyFAI(scan.geometry, scan.shape, bins, "no", "csc").all for _ in range(2)])
    works: Named = [
        (DEFAULT, lambda: usual.all(scan.files)),
        (BEST, lambda: best(scan.files)),
        (LIVE, lambda: Ours(ours[0]).one_by_one(scan.files)),
        (UNCHECKED, lambda: Ours(ours[0], checked=False).one_by_one(scan.files)),
        (BACKLOG, lambda: drawn(RecordedFolder(scan.path).frames, both)),
        (SHARED, lambda: side_by_side([Ours(one).by_eight for one in ours])(scan.files)),
        (SHARED_UNCHECKED, lambda: side_by_side([Ours(one, checked=False).by_eight for one in ours])(scan.files)),
        ("(reading alone)", lambda: read_only(scan.files)),
        ("(reading and MD5 alone)", lambda: checksum_only(scan.files)),
    ]
    section = Section(title, usual=DEFAULT)
    section.figures = in_turn(works, repeats, 1e3 / scan.frames, CLOCKS)
    if judged:
        section.at_least("one at a time, one thread, in time", section.ratio(LIVE), 6)
        section.at_least("the same in CPU", section.ratio(LIVE, cpu=True), 9)
        section.at_least("backlog, two threads, without MD5", section.ratio(SHARED_UNCHECKED), 25)
        section.at_least("backlog, two threads, MD5 verified", section.ratio(SHARED), 12)
        section.at_least("backlog as the loop draws it, MD5 verified", section.ratio(BACKLOG), 12)
        section.at_least("without MD5, against pyFAI's best", section.ratio(SHARED_UNCHECKED, BEST), 12)
    _claim_agreement(section, scan)
    return section


def _claim_agreement(section: Section, scan: Scan) -> None:
    differences = largest_difference(scan.geometry, scan.shape, scan.files[:8])
    for name, difference in zip(("intensity", "sigma"), differences, strict=True):
        section.at_most(f"largest relative difference from pyFAI, no split: {name}", difference, 1e-6, "")


def eiger_section(scan: Scan, title: str, repeats: int, *, judged: bool) -> Section:
    """HDF5, bitshuffle and LZ4."""
    one = ImageIntegrator(scan.geometry, shape=scan.shape, find_defects=False, threads=1)
    both = ImageIntegrator(scan.geometry, shape=scan.shape, find_defects=False)
    usual = PyFAI(scan.geometry, scan.shape, len(one.two_theta), "bbox", "csr")
    works: Named = [
        ("h5py + " + DEFAULT, lambda: usual.stack(scan.path)),
        (LIVE, lambda: [one.integrate(frame) for frame in HDF5Stack(scan.path).frames(threading.Event())]),
        ("backlog, one thread", lambda: drawn(HDF5Stack(scan.path).frames, one)),
        (BACKLOG, lambda: drawn(HDF5Stack(scan.path).frames, both)),
        ("(reading alone)", lambda: list(HDF5Stack(scan.path).frames(threading.Event()))),
    ]
    section = Section(title, usual=works[0][0])
    section.figures = in_turn(works, repeats, 1e3 / scan.frames, CLOCKS)
    if judged:
        section.at_least("live", section.ratio(LIVE), 8)
        section.at_least("backlog", section.ratio(BACKLOG), 18)
    return section


def drawn(frames_of: Callable[[threading.Event], object], integrator: ImageIntegrator) -> int:
    """As the loop does it: a thread reads ahead, sixteen at a time are integrated."""
    stop, count = threading.Event(), 0
    frames = frames_of(stop)
    with closing(batches(frames, stop, MOST_AT_ONCE, fewest=MOST_AT_ONCE)) as gathered:  # type: ignore[arg-type]
        for batch in gathered:
            count += len(integrator.integrate_many(batch))
    return count


def yardstick_ms(scan: Scan) -> float:
    """Milliseconds that fabio and pyFAI's default take for a frame of this scan."""
    usual = PyFAI(scan.geometry, scan.shape, DEFAULT_BINS, "bbox", "csr")
    (figure,) = in_turn([(DEFAULT, lambda: usual.all(scan.files[:16]))], 3, 1e3 / 16, CLOCKS)
    return figure.wall
