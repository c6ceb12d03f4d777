"""What a run is made of: decided in one place from what is given, found and default, before the first frame."""

import json
import logging
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.processing.config.accuracy_file import SUFFIX, read_accuracy
from latticewatch.processing.config.experiment import Experiment, read_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.guarded_hdf5 import run_id_of
from latticewatch.processing.flow.accuracy import Accuracy, source_of
from latticewatch.processing.integration.geometry import Geometry, of_patterns, read_geometry
from latticewatch.processing.record.run_file.header import (
    COMMAND_LINE,
    DEFAULT,
    EXPERIMENT,
    FOUND,
    Decision,
    InputFile,
    input_file,
)
from latticewatch.processing.record.run_file.names import free_name, is_taken, journal_path
from latticewatch.processing.record.run_file.reader import Run, read_run

# What holds where a key of experiment.toml is left out and its default is no value.
LEFT_OUT = {
    "[experiment] title": "the scan's name",
    "[experiment] mixing_time_s": "found from the data",
    "[experiment] frame_period_s": "by headers or file times",
    "[geometry] mask_nonzero": "bad",
    "[geometry] mask_orientation": "by the first image",
    "[geometry] bins": "one for the angle of a pixel",
    "[geometry] normalise_by": "not scaled",
    "[map] two_theta_deg": "around the reflection",
    "[map] reflection": "(211), or the strongest that is seen",
    "[source] include": "all frames",
    "[source] dataset": "found",
    "[source] give_up_s": "by the frame period",
    "[source] missing_wait_s": "by the frame period",
    "[source] header": "numbers of the first image",
    "[plateau] end": "by the space groups",
    "[fit] two_theta_deg": "all",
    "lattice_parameter_A": "the phase's",
}
# These are decided one by one: files are looked for, on_state is run only where its file was named.
APART = {"poni", "mask", "dark", "flat", "background", "accuracy", "orientation", "on_state"}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that is read and checked before the first frame. folder: what paths in experiment.toml start from."""

    experiment: Experiment
    experiment_text: str
    folder: Path
    geometry: Geometry
    mask: Path | None
    dark: Path | None
    flat: Path | None
    background: Path | None
    files: tuple[InputFile, ...]
    accuracy: Accuracy | None
    decided: tuple[Decision, ...]

    @property
    def are_patterns(self) -> bool:
        """Whether the frames are patterns that were integrated elsewhere."""
        return self.experiment.geometry.wavelength_A is not None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run as it was decided. inputs, or for a run file ``run``: the one that is there. out: None: not recorded.

    resumes: ``out`` is there and is resumed. on_state: the user's command for changes of state; empty: none. decided:
    each value and where it came from; the log, the window and the run file show it.
    """

    request: Request
    inputs: Inputs | None
    run: Run | None
    out: Path | None
    fallback: Path | None
    resumes: bool
    on_state: tuple[str, ...]
    decided: tuple[Decision, ...]

    @property
    def scan(self) -> str:
        """What the frames come from, as it was given."""
        return str(self.request.scan or self.request.stream)

    @property
    def title(self) -> str:
        """What the run is called while nothing else names it."""
        return self.request.scan.resolve().name if self.request.scan else self.scan


def decide(request: Request) -> RunPlan:
    """Everything that this run needs. Raises UserError naming what is missing, ambiguous or unusable."""
    check_frames(request)
    scan, out = request.scan, request.out
    if out is None and request.transport is None:
        base = run_name(scan or Path(request.stream.stem if request.stream else ""), Path())
        out = base if request.resume else free_name(base)
        if request.live and out != base:
            how = "" if request.stream else "; to continue that one: --resume"
            log.warning("%s is there already: this run is a new one%s", base.absolute(), how)
    if scan is not None and not request.live and scan.is_file() and is_run(scan):
        run = read_run(scan)
        return RunPlan(request, None, run, out, None, False, (), (*run.latest.decided, *_remark(request)))
    inputs = gather(scan or Path.cwd(), request.given)
    resumes = request.resume and out is not None and is_taken(out)
    fallback = request.fallback or own_runs() if request.live else None
    decided = [
        *inputs.decided,
        Decision("run file", str(out or "none"), COMMAND_LINE if request.out else DEFAULT),
        Decision("resume", "yes" if resumes else "no", COMMAND_LINE if request.resume else DEFAULT),
    ]
    decided += _remark(request)
    if request.live:
        decided.append(Decision("fallback folder", str(fallback), COMMAND_LINE if request.fallback else DEFAULT))
    for each in decided:
        log.log(logging.INFO if each.source == FOUND else logging.DEBUG, "%s", each)
    if out is not None:
        log.info("recording in %s", out.absolute())
    on_state = _command_of(request, inputs) if request.live else ()
    if request.live:
        decided.append(Decision("on_state", shlex.join(on_state) or "none", EXPERIMENT if on_state else DEFAULT))
    return RunPlan(request, inputs, None, out, fallback, resumes, on_state, tuple(decided))


def _remark(request: Request) -> list[Decision]:
    return [Decision("remark", request.remark, COMMAND_LINE)] if request.remark else []


def _command_of(request: Request, inputs: Inputs) -> tuple[str, ...]:
    """The command for changes of state, of a file that the user named: whoever may write beside the frames, or above
    them, must not have commands run."""
    command = inputs.experiment.alarm.on_state or ()
    if command and (request.given.experiment is None or not request.may_command):
        path = inputs.decided[0].value
        log.warning("%s: on_state is not run: the file was found, not named; name it with --experiment", path)
        return ()
    if command:
        log.info("run when the state changes: %s", shlex.join(command))
    return command


def check_frames(request: Request) -> None:
    """Whether frames can come from there at all. Raises UserError."""
    scan, stream = request.scan, request.stream
    if stream is not None and request.resume:
        # Its clock and its counter would begin anew: times and names would be those of other frames.
        raise UserError(f"{stream}: a run of a stream cannot be resumed; omit --resume and give a new --out")
    if stream is not None and scan is not None and stream.kind != "tcp":
        raise UserError(f"{stream}: does not number its images as files are; give it alone, or a tcp:// stream")
    if scan is not None and request.live and not scan.is_dir():
        raise UserError(f"{scan}: no such folder; give the folder that the detector writes to")
    if scan is not None and not scan.exists():
        raise UserError(f"{scan}: no such scan; give a folder of frames, an HDF5 stack or a run file")


def gather(scan: Path, given: Given) -> Inputs:
    """Find and read the inputs of this scan. Raises UserError naming what is missing or ambiguous."""
    decided: list[Decision] = []
    experiment_path, source = given.experiment, COMMAND_LINE
    if experiment_path is None:
        experiment_path, source = find_only(scan, "experiment.toml", "--experiment"), FOUND
    experiment, text = read_experiment(experiment_path)
    folder, table = experiment_path.parent, experiment.geometry
    decided.append(Decision("experiment", str(experiment_path), source))

    def file(name: str, option: Path | None, key: Path | None, found: Path | None = None) -> Path | None:
        chosen, source = (option, COMMAND_LINE) if option else (folder / key, EXPERIMENT) if key else (found, FOUND)
        decided.append(Decision(name, str(chosen or "none"), source if chosen else DEFAULT))
        return chosen

    if table.wavelength_A is not None:
        _check_no_images(given, experiment_path)
        poni, geometry = file("geometry", None, None), of_patterns(table.wavelength_A)
    else:
        found = None if given.geometry or table.poni else find_only(scan, "*.poni", "--geometry")
        poni = file("geometry", given.geometry, table.poni, found) or Path()
        geometry = read_geometry(poni, given.orientation or table.orientation)
    turned = COMMAND_LINE if given.orientation else EXPERIMENT if table.orientation else DEFAULT
    said = f"{geometry.orientation}, as the poni says" if turned == DEFAULT else str(geometry.orientation)
    decided.append(Decision("orientation", said, turned))
    mask, dark, flat, background = (
        file("mask", given.mask, table.mask),
        file("dark", given.dark, table.dark),
        file("flat", given.flat, table.flat),
        file("background", given.background, table.background),
    )
    accuracy, accuracy_path = None, None
    if poni is not None:
        accuracy, accuracy_path = _accuracy_of(geometry, folder / table.accuracy if table.accuracy else None)
    file("accuracy", None, table.accuracy, accuracy_path)
    decided += _keys(experiment, given)
    files = {"poni": poni, "experiment": experiment_path, "mask": mask, "dark": dark, "flat": flat,
             "background": background, "accuracy": accuracy_path}  # fmt: skip
    set_up = [path for path in (mask, dark, flat, background) if path]
    source_table = experiment.source.beside(set_up, scan, patterns=poni is None)
    return Inputs(
        experiment=experiment.model_copy(update={"source": source_table}),
        experiment_text=text,
        folder=folder,
        geometry=geometry,
        mask=mask,
        dark=dark,
        flat=flat,
        background=background,
        files=tuple(input_file(role, path) for role, path in files.items() if path),
        accuracy=accuracy,
        decided=tuple(decided),
    )


def _check_no_images(given: Given, experiment: Path) -> None:
    """Raises UserError for what the command line says of images."""
    named = [name for name in ("geometry", "mask", "dark", "flat", "orientation") if getattr(given, name) is not None]
    if named:
        raise UserError(
            f"{experiment}: [geometry] wavelength_A says that the frames are patterns, for which --{named[0]} means "
            "nothing; leave one of them out"
        )


def _keys(experiment: Experiment, given: Given) -> Iterator[Decision]:
    """Every other key of experiment.toml: what it is and whether the command line, the file or nothing gave it."""
    options = {"recursive": given.recursive, "include": given.include, "dataset": given.dataset}
    tables = [(f"[{name}]", table) for name, table in experiment if name not in ("component", "peak")]
    tables += [(f"[[component]] {table.name}", table) for table in experiment.component]
    tables += [(f"[[peak]] {table.name}", table) for table in experiment.peak]
    for place, table in tables:
        if table is None:
            yield Decision(place, "none", DEFAULT)
            continue
        for key in (key for key in type(table).model_fields if key not in APART):
            name, option, value = f"{place} {key}", options.get(key), getattr(table, key)
            if option is not None:
                yield Decision(name, str(option), COMMAND_LINE)
            elif key in table.model_fields_set:
                yield Decision(name, _as_written(value), EXPERIMENT)
            else:
                instead = LEFT_OUT.get(name) or LEFT_OUT.get(key) or "none"
                yield Decision(name, instead if value in (None, "", ()) else str(value), DEFAULT)


def _as_written(value: object) -> str:
    """Lists as experiment.toml has them."""
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, tuple) else str(value)


def find_only(scan: Path, pattern: str, option: str) -> Path:
    """The only file of this pattern in the scan's folder or one above. Raises UserError listing what is there."""
    found = candidates(scan, pattern)
    if len(found) == 1:
        return found[0]
    if not found:
        _check_readable(scan)
        how = "write one (docs/experiment-toml.md) or " if pattern == "experiment.toml" else ""
        raise UserError(f"{scan}: no {pattern} in the scan's folder or one above; {how}name one with {option}")
    names = ", ".join(str(path) for path in found[:10])
    raise UserError(f"{scan}: {len(found)} files {pattern} ({names}); choose one with {option}")


def _check_readable(scan: Path) -> None:
    """Raises UserError where the scan's folder does not say what is in it."""
    folder = scan if scan.is_dir() else scan.parent
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(f"{folder}: the folder cannot be read (Permission denied); make it readable")


def candidates(scan: Path, pattern: str) -> list[Path]:
    """The files of this pattern in the scan's folder and one above; hidden ones are none."""
    folder = (scan if scan.is_dir() else scan.parent).resolve()
    return [path for place in dict.fromkeys((folder, folder.parent)) for path in _files(place, pattern)]


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))
    except OSError:
        return []


def _accuracy_of(geometry: Geometry, named: Path | None) -> tuple[Accuracy | None, Path | None]:
    """What is known of this geometry's accuracy, and the file that says so; None where nothing does.

    named: the file of experiment.toml. Left out, the files beside the .poni are looked at, and the only one that
    is of this geometry is taken. Raises UserError for a named file of another geometry.
    """
    if named is not None:
        known = read_accuracy(named)
        if not known.holds_for(geometry.sha256, geometry.orientation):
            raise UserError(
                f"{named}: {_of_another(known, geometry)}; check this one: latticewatch check-geometry --out"
            )
        return known, named
    fitting = []
    for path in sorted(Path(geometry.source).parent.glob(f"*{SUFFIX}")):
        try:
            known = read_accuracy(path)
        except UserError as error:
            log.warning("accuracy: %s", error)
            continue
        if known.holds_for(geometry.sha256, geometry.orientation):
            fitting.append((known, path))
        else:
            log.warning("accuracy: %s is not used: %s", path, _of_another(known, geometry))
    if len(fitting) == 1:
        log.info("accuracy: %s", source_of(fitting[0][0]))
        return fitting[0]
    if fitting:
        names = ", ".join(str(path) for _, path in fitting)
        log.warning("accuracy: not determined: %d files (%s); name one in [geometry] accuracy", len(fitting), names)
    else:
        log.info("accuracy: not determined; measure a standard: latticewatch check-geometry --out")
    return None, None


def _of_another(accuracy: Accuracy, geometry: Geometry) -> str:
    if accuracy.poni_sha256 == geometry.sha256:
        return f"it is of orientation {accuracy.orientation}, not {geometry.orientation}"
    return f"it is of another geometry than {Path(geometry.source).name} ({accuracy.poni} as it was checked)"


def is_run(path: Path) -> bool:
    """Whether this is a run file, or is one once it is made whole from its journal."""
    try:
        return journal_path(path).exists() or run_id_of(path) is not None
    except UserError:
        return False


def run_name(scan: Path, folder: Path) -> Path:
    """The run file of this scan in this folder: SCAN.h5."""
    return folder / f"{scan.resolve().stem or 'run'}.h5"


def own_runs() -> Path:
    """The user's own folder of runs."""
    return user_data_path("latticewatch", appauthor=False) / "runs"
