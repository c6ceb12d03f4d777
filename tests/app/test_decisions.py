"""Inputs that are not named are found only where there is exactly one."""

from pathlib import Path

import pytest

from latticewatch.app.run.decisions import find_only
from latticewatch.processing.errors import UserError


def test_the_only_one_in_the_folder_or_above_is_found(tmp_path: Path) -> None:
    scan = tmp_path / "scan"
    scan.mkdir()
    with pytest.raises(UserError, match=r"no \*\.poni"):
        find_only(scan, "*.poni", "--geometry")
    above = tmp_path / "geometry.poni"
    above.touch()
    assert find_only(scan, "*.poni", "--geometry") == above.resolve()
    (scan / "stack.h5").touch()
    assert find_only(scan / "stack.h5", "*.poni", "--geometry") == above.resolve()
    (scan / "other.poni").touch()
    with pytest.raises(UserError, match=r"geometry\.poni.*--geometry") as caught:
        find_only(scan, "*.poni", "--geometry")
    assert "other.poni" in str(caught.value)
