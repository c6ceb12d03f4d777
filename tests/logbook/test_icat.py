"""The ESRF's e-logbook against pyicat-plus' own mock server; what the mock cannot do, against a double."""

import base64
import logging
import queue
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from latticewatch.app.logbook import icat
from latticewatch.app.logbook.answer import Answer, Fate
from latticewatch.app.logbook.posting import post_waiting
from latticewatch.app.logbook.queue import add, locked, waiting
from latticewatch.app.logbook.secret import Secret
from latticewatch.app.logbook.settings import IcatLogbook, Logbooks
from tests.logbook.conftest import PICTURE, WORD, entry
from tests.logbook.doubles import Double, WebhookHandler, served

TOKEN = "elogbook-12345678"  # noqa: S105


@dataclass(frozen=True)
class Mock:
    """pyicat-plus' server and what it received."""

    url: str
    received: "queue.Queue[dict[str, Any]]"

    def next(self) -> dict[str, Any]:
        return self.received.get(timeout=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    from pyicat_plus_pytest_plugin import _mock_backend, proc, tcp

    with tcp.tcp_message_server("json", validate_all=False) as (port_out, messages):
        port = tcp.get_open_port()
        options = [f"--port={port}", f"--port_out={port_out}", f"--icat_data_dir={tmp_path_factory.mktemp('icat')}"]
        process = _mock_backend.spawn_server("icatplus_server", *options, quiet=True)
        try:
            assert messages.get(timeout=120) == {"STATUS": "LISTENING"}
            yield Mock(f"http://localhost:{port}", messages)
        finally:
            proc.wait_terminate(process)


@pytest.fixture
def mock(server: Mock) -> Mock:
    """The server, with nothing received."""
    while not server.received.empty():
        server.received.get()
    return server


def settings(url: str, **more: object) -> IcatLogbook:
    return IcatLogbook.model_validate({"url": url, "beamline": "bm01", "proposal": "hg123", "timeout_s": 5.0, **more})


def post(part: str, logbook: IcatLogbook, token: str = TOKEN) -> Answer:
    return icat.post_part(part, logbook, Secret(token), entry("esrf"), PICTURE)


def test_text_and_picture_arrive_as_pyicat_plus_would_send_them(mock: Mock) -> None:
    with warnings.catch_warnings():  # a library it needs spells a pattern wrongly
        warnings.simplefilter("ignore")
        from pyicat_plus.client.main import IcatClient

    said = icat.event_of(entry("esrf"))
    client = IcatClient(
        elogbook_url=mock.url,
        elogbook_token=TOKEN,
        elogbook_timeout=5,
        elogbook_metadata={"machine": said["machine"], "software": said["software"], "tags": ["LatticeWatch"]},
    )
    where = {"beamline": "bm01", "proposal": "hg123"}
    client.send_message(
        said["content"][0]["text"], "comment", mimetype="text/html", creationDate=said["creationDate"], **where
    )
    client.send_binary_data(PICTURE, "image/png", **where)
    theirs = [mock.next(), mock.next()]
    answers = [post(part, settings(mock.url)) for part in icat.PARTS]
    assert [answer.fate for answer in answers] == [Fate.ACCEPTED] * 2
    assert all(answer.words.removeprefix("event ").isalnum() for answer in answers)
    assert [mock.next(), mock.next()] == theirs
    assert theirs[0]["apikey"] == TOKEN
    assert "&lt;script&gt;" in theirs[0]["content"][0]["text"]
    assert base64.b64decode(theirs[1]["base64"].removeprefix("data:image/png;base64,")) == PICTURE


def test_without_a_proposal_it_goes_to_the_beamline(mock: Mock) -> None:
    assert post("text", settings(mock.url, proposal=None)).fate is Fate.ACCEPTED
    received = mock.next()
    assert (received["instrument"], "investigation" in received) == ("bm01", False)


def test_a_refusal(mock: Mock) -> None:
    answer = post("text", settings(mock.url, proposal="hg666"))
    assert (answer.fate, "HTTP 400" in answer.words) == (Fate.REFUSED, True)
    assert post("text", settings(mock.url, proposal="hg7")).fate is Fate.ACCEPTED
    assert mock.next()["investigation"] == "hg7"


def test_no_token() -> None:
    assert post("text", settings("http://localhost:1"), token="") == Answer(Fate.REFUSED, "no token is given")


def test_without_the_client_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icat, "find_spec", lambda _: None)
    answer = post("text", settings("http://localhost:1"))
    assert (answer.fate, "latticewatch[icat]" in answer.words) == (Fate.REFUSED, True)


def test_a_server_that_is_down() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert post("text", settings(f"http://127.0.0.1:{port}")).fate is Fate.UNREACHABLE


def test_no_answer_is_no_success() -> None:
    with served(WebhookHandler, Double(mood="silent")) as double:
        answer = post("text", settings(double.url, timeout_s=0.3))
    assert answer == Answer(Fate.UNSURE, "the server did not answer in time")


def test_a_redirect_is_not_followed() -> None:
    with served(WebhookHandler, Double()) as elsewhere, served(WebhookHandler, Double(mood=elsewhere.url)) as double:
        assert post("text", settings(double.url)).fate is Fate.REFUSED
        assert (double.asked, elsewhere.asked) == (1, 0)


def test_only_the_part_that_is_missing_is_posted_again(
    mock: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_ESRF", TOKEN)
    folder = tmp_path / "queue"
    logbooks = Logbooks(icat={"esrf": settings(mock.url)})
    whole = icat.post_part

    def text_only(part: str, *rest: Any) -> Answer:
        return whole(part, *rest) if part == "text" else Answer(Fate.UNREACHABLE, "gone")

    with locked(folder):
        add(folder, entry("esrf"), PICTURE)
        with monkeypatch.context() as patch:
            patch.setattr(icat, "post_part", text_only)
            assert [each.answer.fate for each in post_waiting(folder, logbooks)] == [Fate.UNREACHABLE]
        assert [each.entry.done for each in waiting(folder)] == [("text",)]
        assert [each.answer.fate for each in post_waiting(folder, logbooks)] == [Fate.ACCEPTED]
        assert waiting(folder) == []
    assert post("text", settings(mock.url, proposal="hg7")).fate is Fate.ACCEPTED
    received = [mock.next() for _ in range(3)]
    assert ["content" in each for each in received] == [True, False, True]
    assert received[2]["investigation"] == "hg7"


def test_the_token_in_the_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), served(WebhookHandler, Double(mood="404")) as double:
        answer = post("text", settings(double.url), token=WORD)
    assert "POST /dataacquisition/***/notification" in caplog.text
    assert answer.fate is Fate.REFUSED
    assert "ub4dor" not in caplog.text
