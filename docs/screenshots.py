"""Make the pictures of docs/screenshots from runs that are simulated for them.

python docs/screenshots.py [--only NAME] [--size 1280x720] [--out FOLDER]
python docs/screenshots.py --extremes --out FOLDER       what a window must bear: long names, 5000 rows, 300 gaps, ...

Twice the scale, for a screen of many dots: QT_SCALE_FACTOR=2 python docs/screenshots.py --out FOLDER
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PIL import Image
from PyQt6.QtCore import QCoreApplication, QThread
from PyQt6.QtWidgets import QDoubleSpinBox, QWidget

from latticewatch.app.run.changing import ScanChanges, Settings
from latticewatch.app.run.decisions import decide, gather
from latticewatch.app.run.given import Given
from latticewatch.app.run.headless import run_headless
from latticewatch.app.run.images_again import ImagesAgain
from latticewatch.app.run.integrating import corrections_of, integrator_of, setup_of
from latticewatch.app.run.request import Request
from latticewatch.app.start.change_dialog import ChangeDialog
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.window.application import make_application
from latticewatch.app.window.compare_window import CompareWindow, read_compared
from latticewatch.app.window.geometry_window import GeometryWindow
from latticewatch.app.window.made_again import Offered
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.mask_editor import MaskEditor, file_source
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.screenshot import picture_of_window
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.calibration.poni_file import poni_text as refined_poni_text
from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.crystal.standard import read_standard
from latticewatch.processing.flow.frame import Image as FrameImage
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import PeakRange
from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.formats.decode import read_image
from latticewatch.processing.integration.geometry import read_geometry
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.refinement.peaks.fits import TrackedPeaks
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.processing.simulation.detector import DETECTORS, pixels_of, poni_text
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.processing.sources.pacing import Transport
from latticewatch.widgets.key_list import KeyList
from latticewatch.widgets.theme import DARK, LIGHT, Theme, apply_theme

LONG = "br_shell2_i_shell1_capillary_07_after_annealing_second_injection_" + "x" * 40
MANY, GAPS = 5000, 300
WRONG = 4  # the orientation of simulated frames is 3
HERE = Path(__file__).parent / "screenshots"
FRAMES = {"iodide": 200, "iodide-bare": 120, "beam-dump": 160, "layered": 190, "transformation": 200}


@dataclass(frozen=True)
class Picture:
    """One picture: rows of a run, what is made of them, and what is done to the window before it is taken."""

    recipe: str
    rows: int
    act: Callable[[MainWindow], object] = MainWindow.show_words
    theme: Theme = LIGHT
    replay: bool = False
    made: Callable[[list[Row]], list[Row]] = list
    peaks: tuple[PeakRange, ...] = ()


def page_of(window: MainWindow) -> RunPage:
    if window.page is None:
        raise LookupError("no run is shown")
    return window.page


def _mark_and_pin(window: MainWindow) -> None:
    page = page_of(window)
    for number in (4, 28):
        page.choose(number)
        page.pin()
    page.choose(None)
    window.marks.add(60.0, "flow stopped")


def _whole(window: MainWindow) -> None:
    page = page_of(window)
    page.map.toggle_whole()
    page.toggle_strip()
    page.strip.paint_now()
    page.strip.quantity.setCurrentText("Flux")


def _image(window: MainWindow) -> None:
    page = page_of(window)
    page.choose(60)
    page.map.flip()
    page.toggle_image()
    while not page.image.panel.words().startswith("image of"):
        QCoreApplication.processEvents()
        QThread.msleep(20)


def _gaps(window: MainWindow) -> None:
    window.docks.toggle_frames()
    window.docks.frames.gaps_only.setChecked(True)


def _looking_back(window: MainWindow) -> None:
    page_of(window).choose(40)


def _results(window: MainWindow) -> None:
    window.docks.toggle_results()


def _second_quantity(window: MainWindow) -> None:
    page_of(window).trace.draw_quantity(1)


def _strip_of_peak(window: MainWindow) -> None:
    page = page_of(window)
    page.toggle_strip()
    page.strip.paint_now()
    page.strip.quantity.setCurrentText("p211 2θ / °")
    page.pattern.plot.setXRange(13.0, 17.0, padding=0.0)


def _many(rows: list[Row]) -> list[Row]:
    """5000 rows, each recorded one for many frames."""
    times = (2.5 * number for number in range(MANY))
    return [
        replace(rows[number * len(rows) // MANY], index=number, time_s=time_s) for number, time_s in enumerate(times)
    ]


def _with_gaps(rows: list[Row]) -> list[Row]:
    """300 of 5000 rows without a number."""
    reasons = ("unreadable: cut short: 18804 of 301793 bytes", "fit refused: the peaks are not those of the phases")
    return [
        replace(row, fit=NoResult(reasons[row.index // 500 % 2])) if row.index % 500 < GAPS // 10 else row
        for row in _many(rows)
    ]


def _named_long(rows: list[Row]) -> list[Row]:
    return [replace(row, name=f"{LONG}_{row.index:05d}.cbf") for row in rows]


def _long_names(window: MainWindow) -> None:
    window.name(LONG)
    window.docks.toggle_frames()
    window.say(f"saved {LONG}.png")


def _folder_gone(window: MainWindow) -> None:
    series = page_of(window).run.series
    series.report(replace(series.snapshot().progress, gone_since_s=time.time() - 600.0))
    window.alarms.toggle("sound")
    window.alarms.follow(series.snapshot(), 2.5)
    window.catch_up()


def _ended(window: MainWindow) -> None:
    window.end_run(time.time() - 3600.0)


EXTREMES = {
    "long-names": Picture("iodide", 110, _long_names, made=_named_long),
    "many-rows": Picture("iodide", 200, made=_many),
    "many-gaps": Picture("iodide", 200, _gaps, made=_with_gaps),
    "many-rows-wall": Picture("iodide", 200, MainWindow.toggle_wall, made=_many),
    "folder-gone": Picture("iodide", 110, _folder_gone),
    "ended": Picture("iodide-bare", 120, _ended),
}
PICTURES = {
    "live": Picture("iodide", 110, _mark_and_pin),
    "paused": Picture("iodide", 13),
    "complete": Picture("iodide-bare", 120),
    "no-beam": Picture("beam-dump", 112),
    "gaps": Picture("beam-dump", 160, _gaps),
    "dark": Picture("iodide", 200, theme=DARK),
    "wall": Picture("iodide", 110, MainWindow.toggle_wall),
    "whole-pattern": Picture("iodide", 200, _whole),
    "image": Picture("iodide", 150, _image),
    "replay": Picture("iodide", 150, _looking_back, replay=True),
    "looking-back": Picture("iodide", 110, _looking_back),
    "results": Picture("iodide", 200, _results),
    "layered": Picture("layered", 180),
    "transformation": Picture("transformation", 90, _second_quantity),
    "peak": Picture("iodide-bare", 120, _strip_of_peak, peaks=(PeakRange("p211", (14.2, 15.7)),)),
}


def simulate(folder: Path, recipe: str) -> Path:
    scan, run = folder / recipe, folder / f"{recipe}.h5"
    write_scan(recipe, scan, frames=FRAMES[recipe], detector="pilatus300k")
    run_headless(decide(Request(scan, out=run)), as_json=False)
    return run


def images_of(run_path: Path) -> ImagesAgain:
    scan = run_path.with_suffix("")
    first = read_image(min(scan.glob("*.cbf"))).counts
    return ImagesAgain(scan, gather(scan, Given()).geometry, lambda: np.zeros(first.shape, bool))


def take(picture: Picture, run_path: Path, target: Path, size: tuple[int, int]) -> None:
    application = make_application()
    apply_theme(application, picture.theme)
    with read_run(run_path) as run:
        series = Series(run.two_theta, run.header.component_names, run.setup.quantities)
        # As it was live: the files were written a moment before.
        rows = [replace(row, mtime_s=row.recorded_s - 0.2) for row in run.rows[: picture.rows]]
        setup, fits = replace(run.setup, peaks=picture.peaks), TrackedPeaks(picture.peaks, run.two_theta)
        for row in picture.made(rows):
            series.append(replace(row, peaks=fits.fit(row.pattern)))
        series.report(Progress(found=series.snapshot().count))
        refinement = refinement_of(run.setup, run.two_theta)
        transport = Transport(speed=20.0) if picture.replay else None
        window = MainWindow(run.header.title, theme=picture.theme, transport=transport)
        look = images_of(run_path).look
        window.show_run(
            ShownRun(
                setup, series, refinement, Path("/data/ch7001") / run_path.name, inputs=run.header.inputs, look=look
            )
        )
    window.resize(*size)
    window.lay_out_unseen()
    window.catch_up()
    picture.act(window)
    window.resize(*size)
    save(window, target, window.catch_up)
    window.close()


def save(window: QWidget, target: Path, settle: Callable[[], object]) -> None:
    for _ in range(3):
        QCoreApplication.processEvents()
        settle()
    picture = picture_of_window(window, {})
    ratio = picture.devicePixelRatio()
    picture.copy(0, 0, round(ratio * window.width()), round(ratio * window.height())).save(str(target))
    with Image.open(target) as saved:
        saved.load()
    saved.convert("RGB").save(target, optimize=True)


def take_waiting(target: Path, size: tuple[int, int]) -> None:
    """Of a folder in which nothing is yet."""
    apply_theme(make_application(), LIGHT)
    window = MainWindow("br_i_0042")
    window.resize(*size)
    window.lay_out_unseen()
    save(window, target, window.catch_up)
    window.close()


def take_start(scan: Path, target: Path, size: tuple[int, int], orientation: int | None = None) -> None:
    """The start dialog on this scan. orientation: taken instead of the poni's."""
    start = StartDialog(LIGHT)
    start.resize(*size)
    start.show()
    start.take_folder(scan)
    _until_answered(start)
    if orientation is not None:
        start.form.turn(orientation)
        _until_answered(start)
    save(start, target, lambda: None)
    start.reject()


def _until_answered(start: StartDialog) -> None:
    while start.busy():
        QCoreApplication.processEvents()
        QThread.msleep(20)


def take_dialogs(folder: Path, runs: dict[str, Path], size: tuple[int, int], out: Path) -> None:
    apply_theme(make_application(), LIGHT)
    compare = CompareWindow(LIGHT)
    for run in (runs["iodide"], runs["iodide-bare"]):
        compare.add_run(run, *read_compared(run))
    compare.resize(*size)
    compare.show()
    save(compare, out / "compare.png", compare.view.draw)
    compare.close()
    take_start(folder / "iodide", out / "start.png", size)
    take_change(folder / "iodide", out / "change.png")
    take_geometry(folder, size, out / "geometry.png")
    take_mask(folder / "iodide", size, out / "mask.png")
    window = MainWindow("keys", transport=Transport())
    keys = KeyList(window, window.actions())
    keys.show()
    save(keys, out / "keys.png", lambda: None)
    window.close()


def take_change(scan: Path, target: Path) -> None:
    given, first = Given(), next(scan.glob("*.cbf"))
    inputs, image = gather(scan, given), read_image(first)
    integrator = integrator_of(inputs, FrameImage(image.counts))
    settings = Settings(inputs, setup_of(inputs, integrator), corrections_of(inputs, FrameImage(image.counts)))
    changes = ScanChanges(scan, given, settings, FrameImage(image.counts), integrator)
    parent = QWidget()
    change = ChangeDialog(parent, changes, Offered(""))
    change.resize(980, 560)
    change.show()
    cell = change.components.cellWidget(0, 3)
    if isinstance(cell, QDoubleSpinBox):
        cell.setValue(5.867)
    change.left_out.setText("9.5-9.8")
    change.why.setText("start cell of another batch; a line of the window")
    while not (change.apply is not None and change.apply.isEnabled()):
        QCoreApplication.processEvents()
        QThread.msleep(20)
    save(change, target, lambda: None)
    change.reject()


def standard_frame(folder: Path) -> Given:
    """A frame of LaB6, ``lab6.cbf``, and a geometry whose beam centre is off."""
    place = DETECTORS["pilatus300k"]
    folder.mkdir()
    (folder / "right.poni").write_text(poni_text(place), encoding="utf-8")
    geometry = read_geometry(folder / "right.poni")
    pixels = pixels_of(place, 0)
    mean = 10.0 + 30.0 * np.exp(-pixels.two_theta / 8.0)
    for line in read_standard("LaB6", geometry.wavelength_A).lines:
        offset = pixels.two_theta - two_theta_deg(line.d_A, geometry.wavelength_A)
        mean += 300.0 * line.d_A / 4.16 * np.exp(-0.5 * (offset / 0.025) ** 2)
    counts = np.where(pixels.gap, -1, np.random.default_rng(0).poisson(mean * pixels.response)).astype(np.int32)
    (folder / "lab6.cbf").write_bytes(cbf_bytes(counts, "lab6", ()))
    off = replace(geometry, poni1_m=geometry.poni1_m + 2e-4)
    (folder / "lab6.poni").write_text(refined_poni_text(off), encoding="utf-8")
    return Given(geometry=folder / "lab6.poni")


def take_geometry(folder: Path, size: tuple[int, int], target: Path) -> None:
    """After a refinement."""
    given = standard_frame(folder / "lab6")
    window = GeometryWindow(None, LIGHT, given, folder / "lab6" / "lab6.cbf")
    window.resize(*size)
    window.show()
    for act in (lambda: None, window.refine):
        act()
        while window.busy():
            QCoreApplication.processEvents()
            QThread.msleep(20)
    save(window, target, lambda: None)
    window.reject()


def take_mask(scan: Path, size: tuple[int, int], target: Path) -> None:
    """A rectangle, a polygon and a stroke of the brush."""
    frame = sorted(scan.glob("*.cbf"))[60]
    editor = MaskEditor(None, file_source(frame), folder=scan)
    editor.resize(*size)
    editor.show()
    while editor.busy():
        QCoreApplication.processEvents()
        QThread.msleep(20)
    editor.canvas.rectangle_drawn.emit((0.0, 0.0), (30.0, 480.0))
    editor.canvas.polygon_drawn.emit([(300.0, 30.0), (330.0, 150.0), (420.0, 110.0), (380.0, 20.0)])
    editor.size_box.setValue(12)
    editor.canvas.brush_moved.emit((240.0, 380.0), (300.0, 430.0))
    editor.canvas.brush_lifted.emit()
    save(editor, target, lambda: None)
    editor.reject()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--extremes", action="store_true")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    application = make_application()  # kept: it must outlive every window
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = EXTREMES if given.extremes else PICTURES
        wanted = {given.only: every[given.only]} if given.only else every
        recipes = {picture.recipe for picture in wanted.values()} | (set() if given.only else {"iodide-bare"})
        runs = {recipe: simulate(folder, recipe) for recipe in sorted(recipes)}
        for title, picture in wanted.items():
            take(picture, runs[picture.recipe], given.out / f"{title}.png", (width, height))
        if given.extremes:
            take_waiting(given.out / "empty-folder.png", (width, height))
            take_start(folder / "iodide", given.out / "wrong-orientation.png", (width, height), WRONG)
        elif not given.only:
            take_dialogs(folder, runs, (width, height), given.out)
    application.quit()


if __name__ == "__main__":
    main()
