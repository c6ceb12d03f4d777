"""An HDF5 file that is one of the frames of a scan, as some areaDetector plugins and NeXus writers make them."""

from types import MappingProxyType

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.formats.hdf5_layout import Layout, find_layout, image_of
from latticewatch.processing.formats.hdf5_tree import Hdf5Tree
from latticewatch.processing.formats.image_file import NAN, ImageFile, NotWhole, one_file


def decode_hdf5(data: bytes, dataset: str = "") -> ImageFile:
    """The images in the bytes of an HDF5 file. dataset: their path; empty: found. Raises NotWhole or Unreadable."""
    with Hdf5Tree(content=data) as tree:
        layout = find_layout(tree, named=dataset)
        if not layout.count:
            raise NotWhole("holds no image yet")
        return one_file(_image(layout, index) for index in range(layout.count))


def _image(layout: Layout, index: int) -> ImageFile:
    content = image_of(layout, index)
    if isinstance(content, NoResult):
        raise NotWhole(content.reason.removeprefix("unreadable: "))
    series = {name: repr(float(values[index])) for name, values in layout.series.items()}
    return ImageFile(
        counts=content.counts,
        header=MappingProxyType({**layout.header, **series}),
        stamp_s=float(layout.times_s[index]) if layout.times_s.size else NAN,
        period_s=layout.period_s,
        masked=layout.masked,
    )
