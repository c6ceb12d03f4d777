"""fabio in a process of its own, with limits on time and memory: a file on which it hangs costs one frame.

Only for formats that come slowly (image plates, packed TIFF, older CCD detectors): a process takes about a
second to start.
"""

import importlib
import io
import json
import multiprocessing
import os
import resource
from contextlib import suppress
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import Any

import numpy as np

from latticewatch.processing.formats.header_text import LONGEST_VALUE, MOST_LINES
from latticewatch.processing.formats.image_file import LARGEST_FILE, ImageFile, NotWhole, Unreadable, check_shape

LONGEST_S = 30.0
MOST_MEMORY = 4 * LARGEST_FILE


def read_with_fabio(data: bytes, module: str, limit_s: float = LONGEST_S) -> ImageFile:
    """The image that this reader of fabio (``mar345image``, ...) finds in the bytes, with its header.

    Raises NotWhole where it finds none, Unreadable where it hangs, takes too much memory, or dies.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, module), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.send_bytes(data)
        if not ours.poll(limit_s):
            raise Unreadable(f"its reader took longer than {limit_s:.0f} s")
        head = json.loads(ours.recv_bytes(LARGEST_FILE))
        if "error" in head:
            raise NotWhole(f"cannot be unpacked ({head['error'][:60]})")
        counts = _array(ours.recv_bytes(LARGEST_FILE), head)
    except (EOFError, OSError):
        raise Unreadable("its reader failed on it") from None
    finally:
        ours.close()
        process.kill()
        process.join()
    return ImageFile(counts, MappingProxyType(head["header"]))


def _array(content: bytes, head: dict[str, Any]) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    dtype, shape = np.dtype(head["dtype"]), head["shape"]
    if dtype.kind not in "iuf" or len(shape) != 2:
        raise Unreadable("holds no image of one number a pixel")
    check_shape(shape[0], shape[1], dtype.itemsize)
    return np.frombuffer(content, dtype).reshape(shape)


def _child(connection: Connection, module: str) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what it makes of a file is in the answer, not in a line for each
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, EOFError):
        try:
            data = connection.recv_bytes()
            image: Any = getattr(importlib.import_module(f"fabio.{module}"), module)()
            image.read(io.BytesIO(data))
            counts = np.ascontiguousarray(image.data)
            header = [(str(key), str(value)[:LONGEST_VALUE]) for key, value in image.header.items()]
            head = {"dtype": counts.dtype.str, "shape": counts.shape, "header": dict(header[:MOST_LINES])}
        except Exception as error:  # whatever fabio makes of a spoiled file
            connection.send_bytes(json.dumps({"error": type(error).__name__}).encode())
            return
        connection.send_bytes(json.dumps(head).encode())
        connection.send_bytes(counts.tobytes())
