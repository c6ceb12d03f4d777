"""A recorded run, a person's own folders, and a command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latticewatch.app.logbook.elog import password_form
from latticewatch.app.logbook.entry import LogbookEntry
from tests.app.conftest import Said, latticewatch
from tests.logbook.doubles import Double, ElogHandler, served
from tests.record.runs import write_run

__all__ = ["Command", "Said", "latticewatch"]
Command = Callable[..., Said]
WORD = "tr0ub4dor&3 <b>"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's settings, nobody's queue, no proxy and no secret; the folder of it all."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("BM01", "TEAM", "ESRF"):
        monkeypatch.delenv(f"LATTICEWATCH_LOGBOOK_{name}", raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short made-up run; treat as read-only."""
    path = tmp_path_factory.mktemp("recorded") / "br i_003.h5"
    write_run(path, 24)
    return path


@pytest.fixture
def configure(person: Path) -> Callable[[str], Path]:
    """Write the person's logbook.toml."""

    def write(text: str) -> Path:
        path = person / "xdg_config_home" / "latticewatch" / "logbook.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def entry(logbook: str = "bm01", key: str = "0123456789ab", written_s: float = 1_700_000_000.0) -> LogbookEntry:
    """An entry whose words a page, a form or a header could trip over."""
    return LogbookEntry(
        key=key,
        logbook=logbook,
        subject='Br <b>&"I" Å',
        facts={"State": "PAUSED at 5.867 Å", "Run file": "br i_003.h5", "Software": "LatticeWatch 0.1.0"},
        text="<script>alert(1)</script>\nsecond\r\nX-Header: 1",
        summary={"schema": "latticewatch-summary/1", "pauses": []},
        written_s=written_s,
    )


@pytest.fixture
def elog(configure: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """A server that this person has configured, with the right password."""
    double = Double(user="visitor", hashed=password_form(WORD))
    with served(ElogHandler, double):
        configure(f'[elog.bm01]\nurl = "{double.url}/sub/BM+01/"\nuser = "visitor"\ntimeout_s = 5\n')
        monkeypatch.setenv("LATTICEWATCH_LOGBOOK_BM01", WORD)
        yield double


@pytest.fixture
def down(elog: Double, configure: Callable[[str], Path]) -> Double:
    """The same server, not running."""
    gone = Double(user=elog.user, hashed=elog.hashed)
    with served(ElogHandler, gone):
        configure(f'[elog.bm01]\nurl = "{gone.url}/sub/BM+01/"\nuser = "visitor"\ntimeout_s = 5\n')
    return gone
