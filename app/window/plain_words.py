"""Messages of the command line in the words of the windows, which have boxes and no options."""

import re

from latticewatch.processing.text import one_line

INSTEAD = (
    ("; --recursive looks into its sub-folders", ", or tick “sub-folders too”"),
    ("continue it with --resume or give another --out", "continue it, or choose another run file"),
    ("wait for it to end or give another --out", "wait for it to end, or choose another run file"),
    ("give a new --out to start over", "choose another run file to start over"),
    ("latticewatch check-geometry --out", "latticewatch check-geometry"),
    ("--geometry", "Geometry"),
    ("--experiment", "Set-up"),
    ("--include", "Names"),
    ("--recursive", "“sub-folders too”"),
    ("--dataset", "Images"),
    ("--orientation", "Orientation"),
    ("--mask", "Mask"),
    ("--dark", "Dark"),
    ("--flat", "Flat"),
    ("--out", "Run file"),
)
OPTION = re.compile(r"--([a-z][a-z-]+)")


def plain_words(text: str) -> str:
    """The same message without options of the command line, on one line.

    >>> plain_words("a.poni: the geometry cannot be read; check --geometry")
    'a.poni: the geometry cannot be read; check Geometry'
    """
    for option, words in INSTEAD:
        text = text.replace(option, words)
    return one_line(OPTION.sub(r"\1", text))
