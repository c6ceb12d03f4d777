"""The numbers in a frame's header that are kept with its row: temperature, flux and whatever else is measured."""

import math
import re
from collections.abc import Iterable, Mapping

MOST_NAMES, LONGEST_NAME = 16, 64
NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*[^\s\d,;:]{0,8}")
CONDITIONS = re.compile(r"temp|blower|flux|pressure|current|monitor|mon\b|diode|humid|flow|ring", re.IGNORECASE)


def kept_names(header: Mapping[str, str], wanted: Iterable[str] | None = None) -> tuple[str, ...]:
    """The names that are kept of a run whose first image has this header; at most 16.

    wanted: these and no others, there or not. Left out: every value that is a number, with a unit or without; what
    sounds like a condition of the sample or the beam comes first.
    """
    if wanted is not None:
        return tuple(dict.fromkeys(name for name in wanted if _is_usable(name)))[:MOST_NAMES]
    numeric = [name for name, value in header.items() if _is_usable(name) and math.isfinite(_number(value))]
    numeric.sort(key=lambda name: CONDITIONS.search(name) is None)
    return tuple(numeric[:MOST_NAMES])


def kept_values(header: Mapping[str, str], names: Iterable[str]) -> dict[str, float]:
    """These names with their numbers; what is missing or no number is left out."""
    found = {name: _number(header.get(name, "")) for name in names}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _number(text: str) -> float:
    found = NUMBER.fullmatch(text.strip())
    return float(found[1]) if found else math.nan


def _is_usable(name: str) -> bool:
    """Whether a column of the run file can have this name."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and "/" not in name and not name.startswith(".")
