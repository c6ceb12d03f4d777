"""The accuracy of a scan's geometry: named in experiment.toml, or found beside the .poni; never of another geometry."""

import logging
from pathlib import Path

from latticewatch.processing.config.accuracy_file import SUFFIX, read_accuracy
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy, source_of
from latticewatch.processing.integration.geometry import Geometry

log = logging.getLogger(__name__)


def accuracy_of(geometry: Geometry, named: Path | None) -> tuple[Accuracy | None, Path | None]:
    """What is known of this geometry's accuracy, and the file that says so; None where nothing does.

    named: the file of experiment.toml. Left out, the files beside the .poni are looked at, and the only one that
    is of this geometry is taken. What was done is said. Raises UserError for a named file of another geometry.
    """
    if named is not None:
        found = read_accuracy(named)
        if not found.holds_for(geometry.sha256, geometry.orientation):
            raise UserError(
                f"{named}: {_of_another(found, geometry)}; check this one: latticewatch check-geometry --out"
            )
        return found, named
    return _beside(Path(geometry.source), geometry)


def _beside(poni: Path, geometry: Geometry) -> tuple[Accuracy | None, Path | None]:
    fitting = []
    for path in sorted(poni.parent.glob(f"*{SUFFIX}")):
        try:
            found = read_accuracy(path)
        except UserError as error:
            log.warning("accuracy: %s", error)
            continue
        if found.holds_for(geometry.sha256, geometry.orientation):
            fitting.append((found, path))
        else:
            log.warning("accuracy: %s is not used: %s", path, _of_another(found, geometry))
    if len(fitting) == 1:
        log.info("accuracy: using %s (%s)", fitting[0][1], source_of(fitting[0][0]))
        return fitting[0]
    if fitting:
        names = ", ".join(str(path) for _, path in fitting)
        log.warning("accuracy: not determined: %d files (%s); name one in [geometry] accuracy", len(fitting), names)
    else:
        log.info("accuracy: not determined; a frame of a standard tells it: latticewatch check-geometry --out")
    return None, None


def _of_another(accuracy: Accuracy, geometry: Geometry) -> str:
    if accuracy.poni_sha256 == geometry.sha256:
        return f"it is of orientation {accuracy.orientation}, not {geometry.orientation}"
    return f"it is of another geometry than {Path(geometry.source).name} ({accuracy.poni} as it was checked)"
