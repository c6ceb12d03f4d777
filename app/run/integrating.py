"""What makes patterns of a scan's images, and the set-up on their grid."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.run.decisions import Inputs
from latticewatch.processing.config.resolve import Setup, resolve, sectors_in
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.empty_cell import EmptyCell
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.formats import pattern_text
from latticewatch.processing.integration.columns import ColumnIntegrator
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.masks import placed_mask, read_correction, read_exposure, read_mask
from latticewatch.processing.integration.plan import Corrections
from latticewatch.processing.integration.plan_cache import plan_folder

Integrating = ImageIntegrator | ColumnIntegrator
# Share of the run's angles at which the empty cell must have been measured.
LEAST_SEEN = 0.5


def corrections_of(inputs: Inputs, image: Image) -> Corrections:
    """What is done to every frame of a scan whose first image this is. Raises UserError where a file does not fit."""
    table, shape = inputs.experiment.geometry, image.counts.shape
    if inputs.are_patterns:
        return Corrections(None, None, None, table.polarization)
    mask = None
    if inputs.mask:
        mask = read_mask(inputs.mask, shape, table.mask_nonzero)
        mask = placed_mask(mask, inputs.geometry, table.mask_orientation, image.counts, inputs.mask)
    return Corrections(
        mask,
        read_correction(inputs.dark, "dark", shape) if inputs.dark else None,
        read_correction(inputs.flat, "flat", shape) if inputs.flat else None,
        table.polarization,
    )


def integrator_of(inputs: Inputs, image: Image, *, keep_plan: bool = True, normalised: bool = True) -> Integrating:
    """The integrator of a scan whose first image this is. Raises UserError where the inputs do not fit it.

    keep_plan: its plan is taken from the disk, and kept there. normalised: patterns are scaled by ``normalise_by``.
    """
    table, corrections = inputs.experiment.geometry, corrections_of(inputs, image)
    if inputs.are_patterns:
        return ColumnIntegrator(image)
    return ImageIntegrator(
        inputs.geometry,
        shape=image.counts.shape,
        mask=corrections.mask,
        dark=corrections.dark,
        flat=corrections.flat,
        polarization=corrections.polarization,
        bins=table.bins,
        normalise_by=table.normalise_by if normalised else None,
        robust=inputs.experiment.integration.robust,
        plans=plan_folder() if keep_plan else None,
        sectors=sectors_in(inputs.experiment),
    )


def left_out_of(integrator: Integrating) -> NDArray[np.bool_]:
    """Pixels (rows, columns) that are left out of every frame from now on; none where frames are patterns."""
    return integrator.left_out if isinstance(integrator, ImageIntegrator) else np.zeros((0, 0), bool)


def setup_of(inputs: Inputs, integrator: Integrating) -> Setup:
    """The set-up on this integrator's grid. Raises UserError."""
    wavelength_A, accuracy = inputs.geometry.wavelength_A, inputs.accuracy
    background = empty_cell_of(inputs, integrator) if inputs.background else None
    return resolve(inputs.experiment, inputs.folder, wavelength_A, integrator.two_theta, accuracy, background)


def empty_cell_of(inputs: Inputs, integrator: Integrating) -> EmptyCell:
    """The empty cell's pattern, from a pattern or from an image integrated as the sample's are. Raises UserError."""
    path = inputs.background or Path()
    if path.suffix.lower() in pattern_text.SUFFIXES:
        cell = pattern_text.read_empty_cell(path)
    elif isinstance(integrator, ColumnIntegrator):
        raise UserError(f"{path}: the background of patterns is a pattern as text; give one of 2θ, intensity, sigma")
    else:
        image = Image(read_exposure(path, "background", integrator.plan.shape))
        pattern = integrator_of(inputs, image, normalised=False).integrate(Frame(0, path.name, 0.0, 0.0, image))
        if isinstance(pattern, NoResult):
            raise UserError(f"{path}: the background is no frame of this detector ({pattern.reason}); give another one")
        known = np.isfinite(pattern.intensity + pattern.sigma)
        columns = (pattern.two_theta, pattern.intensity, pattern.sigma)
        cell = EmptyCell(*(tuple(column[known].tolist()) for column in columns))
    seen = float(np.isfinite(cell.over(integrator.two_theta)[0]).mean())
    if seen < LEAST_SEEN:
        raise UserError(
            f"{path}: the background covers {100.0 * seen:.0f} % of the angles that the detector sees "
            f"({integrator.two_theta[0]:.2f} to {integrator.two_theta[-1]:.2f} deg); give one of all of them"
        )
    return cell
