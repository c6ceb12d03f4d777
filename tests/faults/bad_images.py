"""Spoiled images: frames, and masks, darks and flats."""

import bz2
import functools
import gzip
import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.faults.bad_inputs import CONTENTS, FRAMES, HOSTILE_NAMES, NO_FILES, Bench, Case, given, numbered, process
from tests.sources import frame_files

SHAPE = (619, 487)
MARK = b"\x0c\x1a\x04\xd5"
FIT2D = b"M\x00\x00\x00A\x00\x00\x00S\x00\x00\x00K\x00\x00\x00"
LYING = "{'descr': '<f8', 'fortran_order': False, 'shape': (1073741824, 1073741824), }\n"
ADSC = b"{\nHEADER_BYTES=  512;\nDIM=2;\nSIZE1=99999999;\nSIZE2=99999999;\nTYPE=unsigned_short;\n}\n".ljust(512)
CORRECTIONS = ("--mask", "--dark", "--flat")


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("pickled code was run",)


def _npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **arrays)
    return file.getvalue()


def _npy_header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(64)


def _tag(tag: int, many: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, 4, many, value)


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("mask.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(_npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (20000, 20000), }\n"))
        for _ in range(180):
            entry.write(bytes(8 << 20))
    return file.getvalue()


def _lying_zip() -> bytes:
    data = bytearray(_npz(mask=np.zeros(SHAPE, np.uint8)))
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 10)
    return bytes(data)


def _correction_files() -> dict[str, tuple[str, bytes | Callable[[], bytes]]]:
    small = np.zeros((3, 4), np.int32)
    whole = np.zeros(SHAPE, np.int32)
    cbf = frame_files.cbf(whole)
    return {
        "npy of another shape": ("x.npy", lambda: _npy(small)),
        "npy turned round": ("x.npy", lambda: _npy(whole.T)),
        "npy of three dimensions": ("x.npy", lambda: _npy(np.zeros((1, *SHAPE)))),
        "npy of one number": ("x.npy", lambda: _npy(np.array(1))),
        "npy of complex numbers": ("x.npy", lambda: _npy(np.zeros(SHAPE, complex))),
        "npy of text": ("x.npy", lambda: _npy(np.full(SHAPE, "a"))),
        "npy of records": ("x.npy", lambda: _npy(np.zeros(SHAPE, [("a", "i4"), ("b", "i4")]))),
        "npy of objects": ("x.npy", lambda: _npy(np.array([[_Evil()]]), pickled=True)),
        "a pickle": ("x.npy", lambda: pickle.dumps(_Evil())),
        "npy cut short": ("x.npy", lambda: _npy(whole)[:5000]),
        "npy of 2^60 numbers": ("x.npy", lambda: _npy_header(LYING)),
        "npy with code for a header": ("x.npy", lambda: _npy_header("__import__('os').system('id')\n")),
        "npy with a deep header": ("x.npy", lambda: _npy_header("(" * 30_000 + "\n")),
        "npz without arrays": ("x.npz", lambda: _npz()),
        "npz of two arrays": ("x.npz", lambda: _npz(a=whole, b=whole)),
        "npz of objects": ("x.npz", lambda: _npz(mask=np.array([[_Evil()]]))),
        "npz that is a bomb": ("x.npz", _zip_bomb),
        "npz with lying sizes": ("x.npz", _lying_zip),
        "npz cut short": ("x.npz", lambda: _npz(mask=whole)[:200]),
        "edf of another shape": ("x.edf", lambda: frame_files.edf(small)),
        "edf cut short": ("x.edf", lambda: frame_files.edf(whole)[:9000]),
        "edf of 2^60 pixels": ("x.edf", lambda: frame_files.edf(small, {"Dim_1": "1073741824", "Dim_2": "1073741824",
        "Size": str(1 << 62)})),
        "tif of another shape": ("x.tif", lambda: frame_files.tiff(small)),
        "tif cut short": ("x.tif", lambda: frame_files.tiff(whole)[:6000]),
        "cbf cut within its header": ("x.cbf", lambda: cbf[: cbf.find(b"X-Binary-Element")]),
        "cbf cut behind its mark": ("x.cbf", lambda: cbf[: cbf.find(b"\x0c\x1a\x04\xd5") + 4]),
        "cbf with the mark before its header": ("x.cbf", lambda: b"###CBF: " + MARK + cbf[8 : cbf.find(b"X-Bin")]),
        "cbf cut short": ("x.cbf", lambda: cbf[:-60_000]),
        "msk cut short": ("x.msk", lambda: FIT2D + bytes(40)),
        "msk of 2^31 pixels": ("x.msk", lambda: FIT2D + b"\xff\xff\xff\x7f" * 300),
        "mask that is text": ("x.mask", lambda: b"one two\nthree"),
        "mask of ragged lines": ("x.mask", lambda: b"0 1\n0 1 1\n"),
        "gz bomb": ("x.edf.gz", lambda: gzip.compress(bytes(700 << 20), 1)),
        "gz cut short": ("x.edf.gz", lambda: gzip.compress(frame_files.edf(whole))[:100]),
        "bz2 that is none": ("x.edf.bz2", lambda: b"BZh9garbage"),
        "unknown suffix": ("x.xyz", lambda: b"something else"),
        "adsc": ("x.img", lambda: ADSC),
    }  # fmt: skip


def _frame_files() -> dict[str, bytes | Callable[[], bytes]]:
    image = np.zeros(SHAPE, np.int32)
    cbf, tiff, edf = frame_files.cbf(image), frame_files.tiff(image), frame_files.edf(image)
    mark = cbf.find(b"\x0c\x1a\x04\xd5")
    found: dict[str, bytes | Callable[[], bytes]] = {
        f"cbf cut at {cut}": cbf[:cut] for cut in (1, 7, 100, mark - 90, mark, mark + 4, mark + 999)
    }
    found |= {f"tif cut at {cut}": tiff[:cut] for cut in (4, 8, 60, 5000)}
    found |= {f"edf cut at {cut}": edf[:cut] for cut in (1, 200, 1024, 9000)}

    def changed(content: bytes, old: bytes, new: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    for text in (b"0", b"-5", b"99999999", b"9" * 400, b"many", b""):
        found[f"cbf of {text[:8].decode()} columns"] = changed(
            cbf, b"Fastest-Dimension: 487", b"Fastest-Dimension: " + text
        )
        found[f"cbf of {text[:8].decode()} bytes"] = changed(
            cbf, b"X-Binary-Size: ", b"X-Binary-Size: " + text + b"\r\nX-Was: "
        )
        found[f"edf of {text[:8].decode()} columns"] = changed(edf, b"Dim_1 = 487", b"Dim_1 = " + text)
    found |= {
        "cbf with a wrong checksum": frame_files.cbf(image, md5="AAAAAAAAAAAAAAAAAAAAAA=="),
        "cbf of another type": changed(cbf, b"signed 32-bit integer", b"complex 128-bit"),
        "cbf packed otherwise": changed(cbf, b"x-CBF_BYTE_OFFSET", b"x-CBF_PACKED"),
        "cbf of big integers": changed(cbf, b"LITTLE_ENDIAN", b"BIG_ENDIAN"),
        "cbf without its mark": changed(cbf, b"\x0c\x1a\x04\xd5", b"1234"),
        "another shape": frame_files.cbf(np.zeros((20, 30), np.int32)),
        "turned round": frame_files.cbf(np.zeros((487, 619), np.int32)),
        "all masked": frame_files.cbf(np.full(SHAPE, -1, np.int32)),
        "all not a number": frame_files.tiff(np.full(SHAPE, np.nan, np.float32)),
        "edf of unknown numbers": changed(edf, b"SignedInteger", b"QuadrupleReal"),
        "tif whose tags lie behind its end": b"II*\x00" + struct.pack("<I", 1 << 31) + bytes(100),
        "tif whose tags lead in a circle": b"II*\x00" + struct.pack("<IHI", 8, 0, 8) + bytes(100),
        "tif of 2^32 pixels": changed(tiff, _tag(256, 1, 487), _tag(256, 1, 0xFFFFFFFF)),
        "tif of 65 bits": changed(tiff, _tag(258, 1, 32), _tag(258, 1, 65)),
        "tif with 2^31 strips": changed(tiff, _tag(273, 1, 4096), _tag(273, 1 << 31, 4096)),
        "mar345 with a lying head": struct.pack("<16i", 1234, 999999, 1 << 30, *range(13)) + bytes(4096),
        "adsc, which is not known": ADSC.replace(b"99999999", b"3072"),
        "bruker, which is not known": b"FORMAT :        100".ljust(80) + b"VERSION:          18".ljust(7600),
        "r-axis, which is not known": b"R-AXIS4   ".ljust(4096, b"\x00"),
        "an hdf5 file": b"\x89HDF\r\n\x1a\n" + bytes(2000),
    }  # fmt: skip
    return found


def cases() -> list[Case]:
    return [*_corrections(), *_frames()]


def _corrections() -> list[Case]:
    found = []
    for option in CORRECTIONS:
        role = option.removeprefix("--")
        files = list(_correction_files().items())
        # Every kind as a mask; the other two have the same reader.
        for name, (file, content) in files if role == "mask" else files[:: 3 if role == "dark" else 4]:
            found.append(Case(f"{role}: {name}", functools.partial(_given, option, file, content), (file,)))
        kinds = [(name, given(option, f"{role}.edf", make)) for name, make in NO_FILES.items()]
        kinds += [(name, given(option, f"{role}.edf", content)) for name, content in CONTENTS.items()]
        found += numbered(role, kinds if role == "mask" else kinds[::2], f"{role}.edf")
    full = np.ones(SHAPE, np.int8)
    found += [Case("mask: all masked", given("--mask", "x.npy", _npy(full)), ("x.npy",))]
    found += [Case("mask: not a number everywhere", given("--mask", "x.npy", _npy(full * np.nan)), ("x.npy",))]
    for name, value in (("zero", 0.0), ("below zero", -1.0), ("not a number", np.nan), ("without end", np.inf)):
        spoil = functools.partial(_given, "--flat", "x.npy", functools.partial(_npy, np.full(SHAPE, value)))
        found.append(Case(f"flat: {name} everywhere", spoil, ("flat",)))
    return found


def _given(option: str, name: str, content: bytes | Callable[[], bytes], bench: Bench) -> list[object]:
    path = bench.folder / name
    path.write_bytes(content() if callable(content) else content)
    return process(bench, option, path)


def _frames() -> list[Case]:
    """The second of three frames is spoiled: the other two are read."""
    found = [(name, functools.partial(_frame, content)) for name, content in _frame_files().items()]
    found += [(name, functools.partial(_frame, content)) for name, content in CONTENTS.items()]
    places = {name: make for name, make in NO_FILES.items() if name not in ("missing", "a folder")}
    found += [(name, functools.partial(_place, make)) for name, make in places.items()]
    packed = {"gz": lambda: gzip.compress(bytes(700 << 20), 1), "bz2": lambda: bz2.compress(bytes(600 << 20), 9)}
    found += [(f"{kind} bomb", functools.partial(_packed, kind, content)) for kind, content in packed.items()]
    found += [
        (f"{kind} cut short", functools.partial(_packed, kind, lambda: b"\x1f\x8b\x08\x00" + bytes(6)))
        for kind in packed
    ]
    named = [(f"named {name}", functools.partial(_named, text)) for name, text in HOSTILE_NAMES.items()]
    all_bad = [Case("frames: not one of them is good", _all_bad, ("scan", "none of its 3 frames"))]
    return [*numbered("frame", [*found, *named], gap=True), *all_bad]


def _frame(content: bytes | Callable[[], bytes], bench: Bench) -> list[object]:
    (bench.scan / FRAMES[1]).write_bytes(content() if callable(content) else content)
    return process(bench)


def _place(make: Callable[[Path], None], bench: Bench) -> list[object]:
    path = bench.scan / FRAMES[1]
    path.unlink()
    make(path)
    return process(bench)


def _packed(kind: str, content: Callable[[], bytes], bench: Bench) -> list[object]:
    path = bench.scan / FRAMES[1]
    path.unlink()
    path.with_name(f"{path.name}.{kind}").write_bytes(content())
    return process(bench)


def _named(text: str, bench: Bench) -> list[object]:
    (bench.scan / FRAMES[1]).rename(bench.scan / f"iodide_0001p_00001{text}.cbf")
    (bench.scan / f"iodide_0001p_00001{text}.cbf").write_bytes(b"nothing")
    return process(bench)


def _all_bad(bench: Bench) -> list[object]:
    for name in FRAMES:
        (bench.scan / name).write_bytes(b"nothing")
    return process(bench)
