"""What detectors write into their headers: ``# key value`` lines, time stamps, times of exposure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from latticewatch.processing.formats.image_file import NAN, Unreadable

MOST_LINES, LONGEST_VALUE = 1000, 4000
STAMP = re.compile(r"(\d{4})[-/:](\d\d)[-/:](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?")
KEY = re.compile(r"[^\s:=,]+")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
SPELLED = ("%a %b %d %H:%M:%S %Y", "%d-%b-%Y %H:%M:%S", "%B %d, %Y %H:%M:%S")


def pilatus_lines(text: str) -> tuple[dict[str, str], float]:
    """Keys and values of the ``# key value`` lines, and the time stamp among them (seconds, NaN if none)."""
    header: dict[str, str] = {}
    stamp = NAN
    for line in text.splitlines()[:MOST_LINES]:
        if not line.startswith("#"):
            continue
        content = line.lstrip("# ")
        if STAMP.match(content):
            stamp = stamp_s(content)
        elif found := KEY.match(content):
            value = content[found.end() :].lstrip(" \t:=,").rstrip()
            header.update({found[0]: value[:LONGEST_VALUE]} if value else {})
    return header, stamp


def stamp_s(text: str) -> float:
    """Seconds since the epoch of a written time, read as UTC; NaN where it is none that is known."""
    if found := STAMP.search(text):
        fields = [int(value) for value in found.groups()[:6]]
        fraction = float(f"0.{found[7]}") if found[7] else 0.0
        try:
            return datetime(*fields, tzinfo=UTC).timestamp() + fraction  # type: ignore[arg-type,misc]
        except ValueError:
            return NAN
    for pattern in SPELLED:
        try:
            return datetime.strptime(" ".join(text.split()), pattern).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return NAN


def number(header: Mapping[str, str], keys: Iterable[str]) -> float:
    """The first number in the value of the first of these keys that has one; NaN where none has."""
    for key in keys:
        found = NUMBER.match(header.get(key, "").strip())
        if found:
            return float(found[0])
    return NAN


def whole_number(fields: Mapping[str, str], key: str, most_digits: int) -> int:
    """The whole number that this key must have. Raises Unreadable."""
    value = fields.get(key, "").strip()
    if not value.isascii() or not value.isdigit() or len(value) > most_digits:
        raise Unreadable(f"its header has no usable {key}")
    return int(value)
