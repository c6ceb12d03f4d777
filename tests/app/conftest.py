"""A small simulated scan and a command line that runs in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from latticewatch.app.main import run
from latticewatch.processing.simulation.scan import write_scan


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        lines = [line for line in self.err.splitlines() if line.startswith("latticewatch: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@pytest.fixture
def latticewatch(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Said]:
    """Run a command line in a scratch folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def command(*arguments: object) -> Said:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Said(status, out, err)

    return command


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of a simulated iodide exchange; treat as read-only."""
    folder = tmp_path_factory.mktemp("simulated") / "scan"
    write_scan("iodide", folder, frames=12, seed=1, detector="pilatus300k")
    return folder
