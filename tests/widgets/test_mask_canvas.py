"""What is shown of a mask."""

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from latticewatch.widgets.mask_canvas import MaskCanvas, thinned


@pytest.mark.parametrize("step", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("shape", [(12, 20), (13, 17), (1, 1)])
def test_no_masked_pixel_is_lost_when_thinned(shape: tuple[int, int], step: int) -> None:
    for place in np.ndindex(shape):
        mask = np.zeros(shape, bool)
        mask[place] = True
        thin = thinned(mask, step)
        assert thin.shape == (-(-shape[0] // step), -(-shape[1] // step))
        assert np.argwhere(thin).tolist() == [[place[0] // step, place[1] // step]]


def test_the_mask_lies_on_its_pixels_in_every_zoom(qtbot: QtBot) -> None:
    canvas = MaskCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    canvas.show()
    qtbot.waitExposed(canvas)
    mask = np.zeros((2000, 2000), bool)
    mask[1200:1216, 400:416] = True
    canvas.show_image(np.ones(mask.shape), np.zeros(mask.shape, bool))
    canvas.show_mask(mask)
    for zoom in (canvas.show_whole, lambda: canvas.show_near(1207, 407)):
        zoom()
        qtbot.wait(80)
        item = canvas._mask
        rows, columns = np.nonzero(item.image)
        box, height, width = item.mapRectToParent(item.boundingRect()), *item.image.shape
        step = box.height() / height
        assert box.width() / width == pytest.approx(step)
        assert box.top() + rows.min() * step == pytest.approx(1200, abs=step)
        assert box.top() + (rows.max() + 1) * step == pytest.approx(1216, abs=step)
        assert box.left() + columns.min() * step == pytest.approx(400, abs=step)
