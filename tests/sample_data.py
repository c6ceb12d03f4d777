"""Real detector frames for tests: read from ``shared/data`` beside the checkout, never committed."""

from pathlib import Path

import pytest

FOLDERS = [Path(__file__).parents[2] / "shared" / "data"]


def sample(name: str) -> Path:
    """The sample file or folder of that name; skips the test where the sample data are not at hand."""
    for folder in FOLDERS:
        if (folder / name).exists():
            return folder / name
    pytest.skip(f"no sample data: {name} of shared/data (see its SOURCES.md) is not beside the checkout")
