"""Options that several commands share, and what they come to."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from latticewatch.app.run.given import Given

GeometryFile = Annotated[
    Path | None,
    typer.Option("--geometry", metavar="FILE.poni", help="Default: the only .poni in the scan's folder or one above."),
]
ExperimentFile = Annotated[
    Path | None,
    typer.Option("--experiment", metavar="FILE.toml", help="Default: experiment.toml in the folder or one above."),
]
MaskFile = Annotated[
    Path | None,
    typer.Option("--mask", metavar="FILE", help="Pixels to leave out: .edf .msk .npy .npz .mask .h5 .png"),
]
DarkFile = Annotated[Path | None, typer.Option("--dark", metavar="FILE", help="Dark image, subtracted.")]
FlatFile = Annotated[Path | None, typer.Option("--flat", metavar="FILE", help="Flat image; frames are divided by it.")]
Orientation = Annotated[
    int | None,
    typer.Option("--orientation", min=1, max=4, help="EXIF number as pyFAI has it; overrides the poni. 2: up-down."),
]
Recursive = Annotated[
    bool | None, typer.Option("--recursive/--no-recursive", help="Sub-folders too. Default: [source] recursive.")
]
Include = Annotated[
    str | None, typer.Option("--include", metavar="PATTERN", help="Only frames whose names match, such as br_*.cbf.")
]
Dataset = Annotated[str | None, typer.Option("--dataset", metavar="PATH", help="Where in an HDF5 file the images are.")]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="RUN.h5", help="Run file to write.")]
Fallback = Annotated[
    Path | None,
    typer.Option("--fallback", metavar="FOLDER", help="Recording continues there if RUN.h5's disk is full or gone."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout, one per frame.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=256, help="Scans side by side. Default: one per core."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the run file where it stopped.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr.")]


INPUTS = {
    "geometry": GeometryFile,
    "experiment": ExperimentFile,
    "mask": MaskFile,
    "dark": DarkFile,
    "flat": FlatFile,
    "orientation": Orientation,
    "recursive": Recursive,
    "include": Include,
    "dataset": Dataset,
}


def with_inputs(command: Callable[..., int]) -> Callable[..., int]:
    """The command with the options of a scan's inputs after its first parameter, which it takes as ``given``, and
    ``--verbose`` as the last."""

    @functools.wraps(command)
    def called(**values: Any) -> int:
        del values["verbose"]  # acted on before the command is chosen
        return command(given=Given(**{name: values.pop(name, None) for name in INPUTS}), **values)

    own = [each for name, each in inspect.signature(command).parameters.items() if name != "given"]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    inputs = [inspect.Parameter(name, kind, default=None, annotation=option) for name, option in INPUTS.items()]
    verbose = inspect.Parameter("verbose", kind, default=False, annotation=Verbose)
    parameters = [*own[:1], *inputs, *own[1:], verbose]
    vars(called)["__signature__"] = inspect.Signature(parameters, return_annotation=int)
    called.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": int}
    return called
