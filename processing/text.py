"""Text that can be shown anywhere: on one line, in a terminal, in a spreadsheet."""

import os
import time
import unicodedata

FORMULA_STARTS = ("=", "+", "-", "@")


def printable(name: str) -> str:
    """The name in one line that can be shown anywhere: what cannot be printed is percent-escaped, byte by byte.

    >>> printable("scan\\n1.cbf")
    'scan%0A1.cbf'
    """
    return "".join(_shown(character) for character in name)


def _shown(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return "".join(f"%{byte:02X}" for byte in _bytes(character))
    return character


def _bytes(character: str) -> bytes:
    try:
        return os.fsencode(character)
    except UnicodeEncodeError:
        return character.encode("utf-8", "surrogatepass")


def one_line(text: str) -> str:
    """The text on one line without control characters, which terminals would obey.

    >>> one_line("no beam\\n\\x1b[31m")
    'no beam  [31m'
    """
    if text.isprintable():
        return text.strip()
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def guarded(text: str) -> str:
    """The text so that a spreadsheet shows it and does not calculate it: an apostrophe goes before =+-@.

    >>> guarded("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def local_time(form: str, clock_s: float) -> str:
    """This moment (s since the epoch) as ``time.strftime`` writes it; ``?`` where no calendar has it, as with a time
    that somebody set for a file.

    >>> local_time("%H:%M", 1e300)
    '?'
    """
    try:
        return time.strftime(form, time.localtime(clock_s))
    except (ValueError, OverflowError, OSError):
        return "?"
