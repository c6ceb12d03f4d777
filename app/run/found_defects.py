"""Hot and dead pixels: once they are settled they are said and kept in the run file."""

import logging
from collections.abc import Callable

import numpy as np

from latticewatch.processing.flow.series import Row
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.record.run_file.writer import RunWriter

log = logging.getLogger(__name__)


def keep_defects(integrator: ImageIntegrator, writer: RunWriter | None) -> Callable[[Row], None]:
    """Called with each row: says and keeps the defects of the first images, once."""
    kept: list[bool] = []

    def on_row(row: Row) -> None:
        del row
        defects = integrator.defects
        if kept or defects is None or not defects.settled:
            return
        kept.append(True)
        if defects.hot or defects.dead:
            log.info("%d hot and %d dead pixels found and left out", defects.hot, defects.dead)
        if writer is not None:
            writer.set_defects(np.argwhere(defects.hot_mask), np.argwhere(defects.dead_mask))

    return on_row
