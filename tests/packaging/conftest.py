"""The set-up scripts are plain files beside the project, not a package: tests find them by path."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="package")
def scripts_on_path() -> Iterator[None]:
    """Let tests import the modules of ``packaging/``."""
    sys.path.insert(0, str(CHECKOUT / "packaging"))
    yield
    sys.path.remove(str(CHECKOUT / "packaging"))


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any configuration of package clients; its home folder."""
    import package_index

    for name in (
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
        "PIP_INDEX_URL",
        "PIP_CONFIG_FILE",
        "PIP_PROXY",
        "XDG_CONFIG_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    everywhere = package_index.pip_files
    monkeypatch.setattr(package_index, "pip_files", lambda: [path for path in everywhere() if tmp_path in path.parents])
    return tmp_path
