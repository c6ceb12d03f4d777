"""Messages of the command line, as the start dialog says them."""

import re
from pathlib import Path

import pytest

from latticewatch.app.window.plain_words import plain_words

ROOT = Path(__file__).parents[2]
# What the sources raise; the f-strings' values are left in.
RAISED = re.compile(r'UserError\(\s*f?"([^"\n]*--[a-z][^"\n]*)"')


def messages() -> list[str]:
    files = [*(ROOT / "processing").rglob("*.py"), *(ROOT / "app" / "run").rglob("*.py")]
    return [text for path in files for text in RAISED.findall(path.read_text("utf-8"))]


def test_no_message_of_the_program_keeps_an_option() -> None:
    found = messages()
    assert len(found) > 5
    for text in found:
        assert not re.search(r"--[a-z]", plain_words(text)), text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: fix --include", "a: fix Names"),
        ("a\nb; check --mask and --flat", "a b; check Mask and Flat"),
        ("a: choose one with --geometry", "a: choose one with Geometry"),
        ("a: --nonesuch", "a: nonesuch"),
        ("10 -- 20 frames", "10 -- 20 frames"),
    ],
)
def test_options_become_the_names_of_boxes(text: str, said: str) -> None:
    assert plain_words(text) == said
