"""``latticewatch process`` on a case of the sample data's ``field`` folder, in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import Said, latticewatch
from tests.sample_data import sample

__all__ = ["latticewatch"]
Process = Callable[..., tuple[Said, list[dict[str, Any]]]]


@pytest.fixture
def process(latticewatch: Callable[..., Said], tmp_path: Path) -> Process:
    """Run it on ``scan`` (a path in ``field``) with options; what was said, and the rows."""

    def run(scan: str, **options: str | Path) -> tuple[Said, list[dict[str, Any]]]:
        folder = sample(f"field/{scan}")
        given = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        said = latticewatch("process", folder, *given, "--json", "--out", tmp_path / "run.h5")
        return said, [json.loads(line) for line in said.out.splitlines()]

    return run
