"""How the cost of a frame grows: with pixels, bins, components, and the length of the run."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from latticewatch.app.run.decisions import decide
from latticewatch.app.run.open_session import open_session
from latticewatch.app.run.request import Request
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.plan import Plan
from latticewatch.processing.pipeline import loop
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from tests.benchmarks.speed.inputs import Scan
from tests.benchmarks.speed.table import Figure, Section, figure_of

BINS = (500, 1500, 3000, 6000)
CELLS = (("CsPbBr3", 5.842), ("CsPbI3", 6.205), ("CsPbCl3", 5.605), ("CsPbBr3", 5.97))
WINDOW = 200  # rows that are timed together, from this row on
WINDOWS = 7  # of each run in turn: what others do on the machine spoils one, or two that are compared
PLAN_BYTES = 25.0


@dataclass(slots=True)
class _Cycled:
    """The same frames again and again, in time; what a detector would write after the reaction is over.

    before: told of each frame's number before it is drawn.
    """

    kept: list[Frame]
    count: int
    before: Callable[[int], None]
    drawn: int = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        for index in range(self.count):
            if stop.is_set():
                return
            self.before(index)
            self.drawn = index + 1
            frame = self.kept[index % len(self.kept)]
            yield replace(frame, index=index, name=f"scan_{index:06d}.cbf", time_s=2.5 * index)

    def progress(self) -> Progress:
        return Progress(self.count, self.count - self.drawn, float("nan"))


def growth_section(scans: list[tuple[str, Scan, Frame]], repeats: int) -> Section:
    """Pixels (the scans, one frame of each in memory), bins, and components."""
    section = Section("How the cost of a frame grows (CPU, one thread, from memory)")
    for name, scan, frame in scans:
        integrator = ImageIntegrator(scan.geometry, shape=scan.shape, find_defects=False, threads=1)
        section.figures.append(_cpu(f"integrate {name}, {len(integrator.two_theta)} bins", integrator, frame, repeats))
        section.at_most(f"plan of {name}, bytes a used pixel", plan_bytes(integrator.plan), PLAN_BYTES, "")
    name, scan, frame = scans[1] if len(scans) > 1 else scans[0]
    for bins in BINS:
        integrator = ImageIntegrator(scan.geometry, shape=scan.shape, find_defects=False, bins=bins, threads=1)
        section.figures.append(_cpu(f"integrate {name}, {bins} bins", integrator, frame, repeats))
    return section


def _cpu(name: str, integrator: ImageIntegrator, frame: Frame, repeats: int) -> Figure:
    walls, cpus = list[float](), list[float]()
    for _ in range(max(3, 3 * repeats)):
        wall, cpu = time.perf_counter(), time.thread_time()
        integrator.integrate(frame)
        cpus.append(1e3 * (time.thread_time() - cpu))
        walls.append(1e3 * (time.perf_counter() - wall))
    return figure_of(name, walls, cpus)


def plan_bytes(plan: Plan) -> float:
    """Bytes for each pixel in use."""
    arrays = (plan.two_theta, plan.bins, plan.slots, plan.weight, plan.dark, plan.pixels, plan.total_weight)
    return float(sum(array.nbytes for array in arrays) / plan.pixels[:-1].sum())


def fit_growth(scan: Scan) -> Section:
    """With the number of components, on frames in which two lattices are there."""
    section = Section("How the cost of a fit grows with the components (CPU)")
    integrator = ImageIntegrator(scan.geometry, shape=scan.shape)
    found = integrator.integrate_many(list(RecordedFolder(scan.path).frames(threading.Event())))
    patterns = [pattern for pattern in found if isinstance(pattern, Pattern)]
    for count in range(1, len(CELLS) + 1):
        components = tuple(Component(f"c{k}", read_phase(name), cell) for k, (name, cell) in enumerate(CELLS[:count]))
        refinement = TrackedRefinement(components, WAVELENGTH_A, integrator.two_theta)
        walls, cpus = list[float](), list[float]()
        for pattern in patterns:
            wall, cpu = time.perf_counter(), time.thread_time()
            refinement.refine(pattern)
            cpus.append(1e3 * (time.thread_time() - cpu))
            walls.append(1e3 * (time.perf_counter() - wall))
        half = len(patterns) // 2
        section.figures.append(figure_of(f"{count} component{'s'[: count > 1]}", walls[half:], cpus[half:]))
    return section


def length_section(scan: Scan, rows: int, room: Path) -> Section:
    """The whole loop (integrate, fit, judge, record, snapshot), in turn: a window of rows late in a long run, and the
    same early in one that is begun for it while the long one pauses."""
    window = min(WINDOW, rows // 2)
    early, late, begun = list[float](), list[float](), [0.0]

    def in_between(index: int) -> None:
        if index < rows or (index - rows) % window:
            return
        if index > rows:
            late.append(1e3 * (time.process_time() - begun[0]) / window)
            early.append(_early(scan, window, room / f"early{index}.h5"))
        begun[0] = time.process_time()

    _run(scan, rows + WINDOWS * window + 1, in_between, room / "long.h5")
    section = Section(f"Cost of a frame at row {rows} against row {window}, one thread")
    for row, values in ((window, early), (rows, late)):
        section.figures.append(figure_of(f"row {row}", [float("nan")], values))
    ratios = [one / other for one, other in zip(late, early, strict=True)]
    section.at_most("late against early, CPU", statistics.median(ratios), 1.1, " x")
    return section


def _early(scan: Scan, window: int, out: Path) -> float:
    """CPU milliseconds of a row, from row ``window`` to twice that of a new run."""
    marks: dict[int, float] = {}

    def mark(index: int) -> None:
        marks[index] = time.process_time()

    _run(scan, 2 * window + 1, mark, out)
    return 1e3 * (marks[2 * window] - marks[window]) / window


def _run(scan: Scan, rows: int, before: Callable[[int], None], out: Path) -> None:
    """So many rows, in turn: when a frame is drawn whose number is a multiple of eight, all before it are done."""
    stop = threading.Event()
    with open_session(decide(Request(scan.path, out=out)), stop) as session:
        assert session is not None
        series = session.pipeline.series
        source = _Cycled(list(RecordedFolder(scan.path).frames(stop)), rows, before)
        pipeline = replace(session.pipeline, source=source)
        with patch.object(loop, "usable_cores", lambda: 1):
            loop.run(pipeline, stop, lambda _: series.snapshot().rows(-1), *session.listeners)


def one_frame(scan: Scan) -> Frame:
    """The first of a scan."""
    from latticewatch.processing.sources.recorded_scan import open_scan

    frame = next(open_scan(scan.path).frames(threading.Event()))
    assert isinstance(frame.content, Image)
    return frame
