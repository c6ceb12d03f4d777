"""A file's bytes, read so that nothing but a regular file of sane size can be meant, and nothing can block."""

import bz2
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latticewatch.processing.files.regular_file import NotRegularError, open_descriptor
from latticewatch.processing.formats.image_file import LARGEST_FILE, NotWhole, OutOfReach, Unreadable

PIECE = 1 << 24


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells one version of a file from another; times in nanoseconds since the epoch."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def mtime_s(self) -> float:
        return self.mtime_ns / 1e9


def state_of(result: os.stat_result) -> FileState:
    return FileState(result.st_ino, result.st_size, result.st_mtime_ns, result.st_ctime_ns)


def read_file(path: Path) -> tuple[bytes, FileState]:
    """All bytes of a regular file, and the state they belong to.

    Raises Unreadable for links, pipes, devices and what is too large; NotWhole for what is empty, changes
    while it is read or cannot be reached now.
    """
    try:
        descriptor = open_descriptor(path, follow_links=False)
    except NotRegularError as error:
        raise Unreadable(error.strerror) from None
    except OSError as error:
        raise _not_now(error) from None
    try:
        return _read(descriptor)
    except OSError as error:
        raise _not_now(error) from None
    finally:
        os.close(descriptor)


def _not_now(error: OSError) -> OutOfReach:
    return OutOfReach(f"cannot be read ({(error.strerror or 'unknown error').lower()})")


def _read(descriptor: int) -> tuple[bytes, FileState]:
    before = os.fstat(descriptor)
    if before.st_size > LARGEST_FILE:
        raise Unreadable(f"{before.st_size} bytes, more than any image has")
    if before.st_size == 0:
        raise NotWhole("empty")
    pieces, missing = [], before.st_size
    while missing > 0 and (piece := os.read(descriptor, missing)):
        pieces.append(piece)
        missing -= len(piece)
    state = state_of(before)
    if missing or state_of(os.fstat(descriptor)) != state:
        raise NotWhole("changed while it was read")
    return b"".join(pieces), state


def unpack(name: str, data: bytes) -> tuple[bytes, bool]:
    """The bytes, unpacked where the name ends in .gz or .bz2, and whether a checksum vouches for them.

    Raises NotWhole for an archive cut short, Unreadable for a broken one or one of more than LARGEST_FILE.
    """
    kind = Path(name).suffix.lower()
    if kind not in (".gz", ".bz2"):
        return data, False
    pieces, size = [], 0
    try:
        # Piece by piece, so that a bomb costs no more memory than the largest image.
        for piece in _gzip_pieces(data) if kind == ".gz" else _bzip2_pieces(data):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_FILE:
                raise Unreadable("unpacks to more bytes than any image has")
    except (OSError, zlib.error):
        raise Unreadable(f"not a {kind[1:]} archive, or a broken one") from None
    return b"".join(pieces), True


def _gzip_pieces(data: bytes) -> Iterator[bytes]:
    archive = zlib.decompressobj(wbits=31)
    while not archive.eof:
        piece = archive.decompress(data, PIECE)
        if not piece and not archive.unconsumed_tail and not archive.eof:
            raise NotWhole("archive cut short")
        yield piece
        data = archive.unconsumed_tail


def _bzip2_pieces(data: bytes) -> Iterator[bytes]:
    archive = bz2.BZ2Decompressor()
    while not archive.eof:
        piece = archive.decompress(data, PIECE)
        if not piece and archive.needs_input:
            raise NotWhole("archive cut short")
        yield piece
        data = b""
