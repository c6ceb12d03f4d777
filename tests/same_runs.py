"""Whether two run files hold the same, bit for bit: every dataset and the header, the clocks apart.

Marks are left out: the program's own notes say how the work went, and when. So is where the inputs were found.
"""

import json
from pathlib import Path

import h5py
import numpy as np

CLOCKS = ("recorded_s", "start_time", "end_time", "run_id", "written_s")
MARKS = "entry/marks/"


def datasets(path: Path) -> dict[str, bytes]:
    """Every dataset's shape, type and content, by its path."""
    found: dict[str, bytes] = {}

    def take(name: str, item: object) -> None:
        last = name.rpartition("/")[2]
        if isinstance(item, h5py.Dataset) and last not in CLOCKS and not name.startswith(MARKS):
            content = _header(item[()]) if last == "header" else item[()]
            found[name] = repr((item.shape, item.dtype)).encode() + _content(np.asarray(content))

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Paths of the datasets that are not the same in both."""
    left, right = datasets(one), datasets(other)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def all_differences(folder: Path, whole: dict[str, Path]) -> dict[str, list[str]]:
    """Of the runs in this folder, by the names of their scans: what differs from the undisturbed ones."""
    found = {name: differences(folder / f"{name}.h5", path) for name, path in whole.items()}
    return {name: names for name, names in found.items() if names}


def _content(values: np.ndarray) -> bytes:  # type: ignore[type-arg]
    return repr(values.tolist()).encode() if values.dtype == object else values.tobytes()


def _header(text: bytes) -> str:
    return json.dumps({key: value for key, value in json.loads(text).items() if key not in ("started_s", "decided")})
