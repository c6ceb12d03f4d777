"""HDF5 files that hold one image each: they are frames as image files are."""

import os
from collections import Counter
from pathlib import Path

from latticewatch.processing.config.frame_selection import FrameSelection, HDF5Selection
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import frame_name, is_hdf5_frame
from latticewatch.processing.files.guarded_hdf5 import run_id_of
from latticewatch.processing.sources.hdf5.stack import HDF5Stack


def one_a_file(folder: Path, selection: FrameSelection) -> HDF5Selection | None:
    """The selection of the HDF5 files that are this folder's frames; None where it holds no such series.

    A series: two or more with names alike but for numbers, the first with one image and no run file. Single files may
    lie beside it, such as a dark or a run file, but no second series.
    """
    every = sorted((frame_name(name) for name in _files_in(folder) if is_hdf5_frame(name)), key=lambda name: name.key)
    series = [texts for texts, many in Counter(name.texts for name in every).items() if many > 1]
    if len(series) != 1:
        return None
    names = [name for name in every if name.texts == series[0]]
    try:
        if run_id_of(folder / names[0].name) is not None:
            return None
        if HDF5Stack(folder / names[0].name, dataset=selection.dataset).progress().found != 1:
            return None
    except UserError:
        return None
    given = {key: getattr(selection, key) for key in FrameSelection.model_fields}
    return HDF5Selection(**given, texts=names[0].texts)


def _files_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names
    except OSError:
        return []
