"""One image file, whatever its format: recognised by its content, never by trust in its name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.files.frame_names import HDF5_SUFFIXES, is_pattern
from latticewatch.processing.files.regular_file import HDF5_SIGNATURE
from latticewatch.processing.formats.cbf import decode_cbf
from latticewatch.processing.formats.edf import decode_edf
from latticewatch.processing.formats.file_bytes import FileState, read_file, unpack
from latticewatch.processing.formats.image_file import ImageFile, NotWhole, Unreadable
from latticewatch.processing.formats.mar import decode_mar
from latticewatch.processing.formats.pattern_file import decode_pattern
from latticewatch.processing.formats.tiff import decode_tiff

Decoder = Callable[[bytes], ImageFile]
STARTS: tuple[tuple[bytes, Decoder], ...] = (
    (b"###CBF", decode_cbf),
    (b"II*\x00", decode_tiff),
    (b"MM\x00*", decode_tiff),
    (b"II+\x00", decode_tiff),
    (b"MM\x00+", decode_tiff),
    (b"\xd2\x04\x00\x00", decode_mar),
    (b"\x00\x00\x04\xd2", decode_mar),
    (b"{", decode_edf),
    (b"\n{", decode_edf),
    (b"\r\n{", decode_edf),
)


def read_image(path: Path) -> ImageFile:
    """The image in this file. Raises NotWhole where it may become one later, Unreadable where it will not."""
    return read_image_and_state(path)[0]


def read_image_and_state(path: Path, dataset: str = "") -> tuple[ImageFile, FileState]:
    """The image, and the state of the file it was read from. Raises NotWhole or Unreadable."""
    data, state = read_file(path)
    return decode(path.name, data, dataset), state


def decode(name: str, data: bytes, dataset: str = "") -> ImageFile:
    """The image in these bytes of the file of that name. Raises NotWhole or Unreadable and nothing else.

    dataset: the path of the images, of a file that is called an HDF5 file; empty: found.
    """
    content, proven = unpack(name, data)
    try:
        image = _read(name, content, dataset)
    except Unreadable:
        raise
    except Exception as error:  # whatever a spoiled file leads a decoder to: it costs one frame, not the run
        raise Unreadable(f"not a valid file ({type(error).__name__})") from error
    return replace(image, proven=True) if proven else image


def _read(name: str, content: bytes, dataset: str) -> ImageFile:
    if is_pattern(name):
        return decode_pattern(content)
    return _hdf5(content, dataset) if Path(name).suffix.lower() in HDF5_SUFFIXES else _decoder(content)(content)


def _hdf5(content: bytes, dataset: str) -> ImageFile:
    from latticewatch.processing.formats.hdf5_file import decode_hdf5  # slow to load: h5py

    return decode_hdf5(content, dataset)


def _decoder(content: bytes) -> Decoder:
    for start, decoder in STARTS:
        if content.startswith(start):
            return decoder
    if not content[:4096].strip(b"\x00"):
        raise NotWhole("begins with nothing but zeros")
    if content.startswith(HDF5_SIGNATURE):
        raise Unreadable("an HDF5 file; give it as the scan")
    raise Unreadable("not an image of a format that is known")
