"""logbook.toml: what is wrong is named with its line, and a secret in it is refused unseen."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from latticewatch.app.logbook.secret import Secret, secret_of
from latticewatch.app.logbook.settings import chosen, read_logbooks
from latticewatch.processing.errors import UserError

Configure = Callable[[str], Path]
ELOG = '[elog.bm01]\nurl = "https://elog.example.org/BM01"\n'
HOOK = '[webhook.team]\nurl = "https://chat.example.org/hook"\n'


def test_every_kind_and_key(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    configure(
        'default = "esrf"\n'
        f"{ELOG}user = 'visitor'\nca_file = '{tmp_path / 'ca.pem'}'\nsubject_attribute = 'Title'\n"
        "[elog.bm01.attributes]\nAuthor = 'me'\n"
        "[icat.esrf]\nurl = 'https://icatplus.esrf.fr'\nbeamline = 'bm01'\nproposal = 'hg123'\ntimeout_s = 5\n"
        f"{HOOK}[webhook.other]\nurl = 'http://chat.example.org'\nplain_http = true\n"
    )
    logbooks = read_logbooks()
    assert list(logbooks.all) == ["bm01", "esrf", "team", "other"]
    assert logbooks.elog["bm01"].url == "https://elog.example.org/BM01/"
    assert chosen(logbooks, None, tmp_path) == "esrf"
    assert chosen(logbooks, "team", tmp_path) == "team"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no logbook in it"),
        (ELOG + "usr = 'x'\n", "line 3: unknown key elog.bm01.usr; the nearest known key is user"),
        (ELOG + "\n\n[elog.b]\nuser = 'x'\n", "line 5: elog.b.url is missing"),
        ("[icat.esrf]\nurl = 'https://x.org'\n", "line 1: icat.esrf.beamline is missing"),
        (ELOG + "[elog.bm01.attributes]\nupwd = 'x'\n", '"upwd" is a field of ELOG\'s own'),
        (ELOG + "ca_file = 'relative.pem'\n", "line 3: elog.bm01.ca_file: not there"),
        ("[elog.bm01]\nurl = 'https://elog.example.org/'\n", "line 2: elog.bm01.url: needs the logbook's own address"),
        ("[webhook.x]\nurl = 'chat.example.org'\n", "line 2: webhook.x.url: not an address"),
        ("[webhook.x]\nurl = 'file:///etc/passwd'\n", "not an address"),
        ("[webhook.x]\nurl = 'https://[::1'\n", "not an address"),
        ("[webhook.x]\nurl = 'http://chat.example.org'\n", "unencrypted"),
        (HOOK + "timeout_s = 0\n", "line 3: webhook.team.timeout_s: input should be greater than 0"),
        ("[webhook.'a b']\nurl = 'https://x.org'\n", "match pattern"),
        ("default = 'x'\n" + HOOK, 'default names "x"'),
        (HOOK + "[elog.team]\nurl = 'https://x.org/L'\n", 'two logbooks are called "team"'),
        ("[teams.x]\nurl = 'https://x.org'\n", "line 1: unknown key teams; the nearest known key is"),
        ("[elog.bm01\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(configure: Configure, text: str, words: str) -> None:
    path = configure(text)
    with pytest.raises(UserError) as error:
        read_logbooks()
    assert str(error.value).startswith(str(path))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "line",
    [
        "password = 'hunter2'",  # pragma: allowlist secret
        "token = 'hunter2'",
        "user = ['hunter2']",
        "url = 'https://me:hunter2@x.org/L'",  # pragma: allowlist secret
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(configure: Configure, line: str) -> None:
    configure(f"[elog.bm01]\n{line}\n")
    with pytest.raises(UserError) as error:
        read_logbooks()
    assert "hunter2" not in str(error.value)


def test_no_file_and_no_choice(configure: Configure, person: Path) -> None:
    with pytest.raises(UserError, match=r"logbook\.toml: no logbook is configured; write this file, docs/logbook\.md"):
        read_logbooks()
    with pytest.raises(UserError, match="cannot be read"):
        read_logbooks(person / "lost.toml")
    configure(ELOG + HOOK)
    with pytest.raises(UserError, match=r"several logbooks \(bm01, team\) and no default"):
        chosen(read_logbooks(), None, person)
    with pytest.raises(UserError, match='no logbook is called "x"'):
        chosen(read_logbooks(), "x", person)
    configure(ELOG)
    assert chosen(read_logbooks(), None, person) == "bm01"


def test_the_example_in_the_documentation_is_valid(configure: Configure) -> None:
    page = (Path(__file__).parents[2] / "docs" / "logbook.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    configure(example)
    assert {"elog", "icat", "webhook"} <= {name for name, value in read_logbooks() if value}


def test_secrets_come_from_the_environment_then_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = ModuleType("keyring")
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert secret_of("bm01") == Secret()
    keyring.get_password = lambda *words: {("latticewatch", "bm01"): "from keyring"}.get(words)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert secret_of("bm01").value == "from keyring"
    assert secret_of("team").value == ""
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_BM01", "from environment")
    assert secret_of("bm01").value == "from environment"
    assert "from environment" not in repr(secret_of("bm01"))


def test_a_keyring_that_does_not_open_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: str) -> str:
        raise RuntimeError("locked")

    keyring = ModuleType("keyring")
    keyring.get_password = locked  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert secret_of("bm01") == Secret()
