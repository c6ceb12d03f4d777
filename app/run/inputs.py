"""The files that a scan needs beside its frames: named on the command line, in experiment.toml, or found."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latticewatch.app.run.known_accuracy import accuracy_of
from latticewatch.app.run.request import Given
from latticewatch.processing.config.experiment import Experiment, read_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.integration.masks import read_correction, read_mask
from latticewatch.processing.integration.plan_cache import plan_folder
from latticewatch.processing.record.run_file.header import InputFile, input_file

if TYPE_CHECKING:
    from latticewatch.processing.integration.integrate import ImageIntegrator

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything read and checked before the first frame is looked at."""

    experiment: Experiment
    experiment_text: str
    folder: Path
    geometry: Geometry
    mask: Path | None
    dark: Path | None
    flat: Path | None
    files: tuple[InputFile, ...]
    accuracy: Accuracy | None = None


def gather(scan: Path, given: Given) -> Inputs:
    """Find and read the inputs of this scan. Raises UserError naming what is missing or ambiguous."""
    experiment_path = given.experiment or find_only(scan, "experiment.toml", "--experiment")
    experiment, text = read_experiment(experiment_path)
    folder, table = experiment_path.parent, experiment.geometry
    poni = given.geometry or _beside(folder, table.poni) or find_only(scan, "*.poni", "--geometry")
    masks = {
        "mask": given.mask or _beside(folder, table.mask),
        "dark": given.dark or _beside(folder, table.dark),
        "flat": given.flat or _beside(folder, table.flat),
    }
    geometry = read_geometry(poni, given.orientation or table.orientation)
    accuracy, accuracy_path = accuracy_of(geometry, _beside(folder, table.accuracy))
    others = {**masks, "accuracy": accuracy_path}
    named = {"poni": poni, "experiment": experiment_path, **{role: path for role, path in others.items() if path}}
    return Inputs(
        experiment=experiment,
        experiment_text=text,
        folder=folder,
        geometry=geometry,
        files=tuple(input_file(role, path) for role, path in named.items()),
        accuracy=accuracy,
        **masks,
    )


def integrator_of(inputs: Inputs, shape: tuple[int, int], *, keep_plan: bool = True) -> "ImageIntegrator":
    """The integrator of images of this shape (rows, columns). Raises UserError where the inputs do not fit it.

    keep_plan: its plan is taken from the disk, and kept there.
    """
    from latticewatch.processing.integration.integrate import ImageIntegrator  # slow to load: not before a window

    table = inputs.experiment.geometry
    return ImageIntegrator(
        inputs.geometry,
        shape=shape,
        mask=read_mask(inputs.mask, shape) if inputs.mask else None,
        dark=read_correction(inputs.dark, "dark", shape) if inputs.dark else None,
        flat=read_correction(inputs.flat, "flat", shape) if inputs.flat else None,
        polarization=table.polarization,
        bins=table.bins,
        normalise_by=table.normalise_by,
        plans=plan_folder() if keep_plan else None,
    )


def find_only(scan: Path, pattern: str, option: str) -> Path:
    """The only file of this pattern in the scan's folder or one above. Raises UserError listing what is there."""
    folder = (scan if scan.is_dir() else scan.parent).resolve()
    found = [path for place in dict.fromkeys((folder, folder.parent)) for path in _files(place, pattern)]
    if len(found) == 1:
        log.info("%s: using %s", option.removeprefix("--"), found[0])
        return found[0]
    if not found:
        how = "write one (docs/experiment-toml.md) or " if pattern == "experiment.toml" else ""
        raise UserError(f"{scan}: no {pattern} in the scan's folder or one above; {how}name one with {option}")
    names = ", ".join(str(path) for path in found[:10])
    raise UserError(f"{scan}: {len(found)} files {pattern} ({names}); choose one with {option}")


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))
    except OSError:
        return []


def _beside(folder: Path, path: Path | None) -> Path | None:
    return folder / path if path else None
