"""Each kind of logbook against its double; the queue loses nothing and doubles nothing."""

import html
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from latticewatch.app.logbook.answer import Answer, Fate
from latticewatch.app.logbook.elog import password_form
from latticewatch.app.logbook.posting import AGAIN, Outcome, post_waiting
from latticewatch.app.logbook.queue import add, locked, remove, waiting
from latticewatch.app.logbook.settings import ElogLogbook, Logbooks, WebhookLogbook
from tests.logbook.conftest import PICTURE, WORD, entry
from tests.logbook.doubles import Double, ElogHandler, WebhookHandler, served

ATTRIBUTES = {"Author": "Visitor", "Entry type": "Routine"}


@pytest.fixture
def elog() -> Iterator[Double]:
    double = Double(user="visitor", hashed=password_form(WORD), required=("Author", "Entry_type", "Subject"))
    with served(ElogHandler, double):
        yield double


@pytest.fixture
def webhook() -> Iterator[Double]:
    with served(WebhookHandler, Double(token=WORD)) as double:
        yield double


def elog_settings(double: Double, **more: object) -> Logbooks:
    url = f"{double.url}/sub/BM+01/"
    given = {"url": url, "user": "visitor", "attributes": ATTRIBUTES, "timeout_s": 10.0, **more}
    return Logbooks(elog={"bm01": ElogLogbook.model_validate(given)})


def webhook_settings(double: Double) -> Logbooks:
    return Logbooks(webhook={"team": WebhookLogbook(url=double.url + "/hook", timeout_s=10.0)})


def post_all(folder: Path, logbooks: Logbooks, again: bool = False) -> list[Answer]:
    with locked(folder) as ours:
        assert ours
        return [outcome.answer for outcome in post_waiting(folder, logbooks, again=again)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with locked(tmp_path / "queue"):
        return tmp_path / "queue"


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_BM01", WORD)
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_TEAM", WORD)


def test_password_form_is_that_of_crypt() -> None:
    # glibc: crypt("secret", "$5$$")
    assert password_form("secret") == "o1w7HPzHt8gHmL5zUzDkRqt6Az.BjDfkvuDNNLWnXx5"


@pytest.mark.usefixtures("password")
def test_elog_gets_the_form_it_wants(elog: Double, folder: Path) -> None:
    add(folder, entry(), PICTURE)
    (answer,) = post_all(folder, elog_settings(elog))
    assert answer == Answer(Fate.ACCEPTED, f"entry 101, {elog.url}/sub/BM+01/101")
    (post,) = elog.entries
    texts = {name: part.text for name, part in post.form.items() if name != "attfile0"}
    page = texts.pop("Text")
    assert texts.pop("upwd") == password_form(WORD)
    assert texts == {
        "cmd": "Submit",
        "exp": "BM 01",
        "unm": "visitor",
        "Encoding": "HTML",
        "Author": "Visitor",
        "Entry_type": "Routine",
        "Subject": 'Br <b>&"I" Å',
    }
    assert page.isascii()
    assert "<script>" not in page
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in page
    assert "<b>State:</b> PAUSED at 5.867 Å" in html.unescape(page)
    picture = post.form["attfile0"]
    assert (picture.content, picture.filename, picture.kind) == (PICTURE, "br_i_003_h5-0123456789ab.png", "image/png")
    assert waiting(folder) == []
    assert list(folder.glob("*.png")) == []


@pytest.mark.usefixtures("password")
def test_webhook_gets_json_and_picture(webhook: Double, folder: Path) -> None:
    add(folder, entry("team"), PICTURE)
    assert [answer.fate for answer in post_all(folder, webhook_settings(webhook))] == [Fate.ACCEPTED]
    (post,) = webhook.entries
    said = json.loads(post.form["entry"].content)
    assert (said["schema"], said["key"], said["subject"]) == ("latticewatch-entry/1", "0123456789ab", 'Br <b>&"I" Å')
    assert said["summary"] == {"schema": "latticewatch-summary/1", "pauses": []}
    assert post.headers["Idempotency-Key"] == "0123456789ab"
    assert post.form["picture"].content == PICTURE


@pytest.mark.usefixtures("password")
def test_what_waits_while_the_server_is_down_is_posted_once_and_in_order(folder: Path) -> None:
    double = Double(user="visitor", hashed=password_form(WORD))
    with served(ElogHandler, double):
        pass
    add(folder, entry(key="second00", written_s=1_700_000_002.0), PICTURE)
    add(folder, entry(key="first000", written_s=1_700_000_001.0), PICTURE)
    add(folder, entry(key="first000", written_s=1_700_000_009.0), PICTURE)
    logbooks = elog_settings(double)
    assert [answer.fate for answer in post_all(folder, logbooks)] == [Fate.UNREACHABLE] * 2
    with served(ElogHandler, double):
        assert [answer.fate for answer in post_all(folder, logbooks)] == [Fate.ACCEPTED] * 2
        assert post_all(folder, logbooks) == []
    assert [
        next(key for key in ("first000", "second00") if key in post.form["Text"].text) for post in double.entries
    ] == [
        "first000",
        "second00",
    ]


def test_a_wrong_password_is_tried_once_and_nothing_is_lost(
    elog: Double, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_BM01", "wrong")
    add(folder, entry(key="a"), PICTURE)
    add(folder, entry(key="b"), PICTURE)
    answers = post_all(folder, elog_settings(elog))
    assert answers == [Answer(Fate.REFUSED, "wrong user or password")] * 2
    assert elog.asked == 1
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_BM01", WORD)
    assert [answer.fate for answer in post_all(folder, elog_settings(elog))] == [Fate.ACCEPTED] * 2
    assert len(elog.entries) == 2


@pytest.mark.usefixtures("password")
def test_elog_says_which_attribute_is_missing(elog: Double, folder: Path) -> None:
    add(folder, entry(), PICTURE)
    (answer,) = post_all(folder, elog_settings(elog, attributes={}))
    assert answer == Answer(Fate.REFUSED, "the server says: Attribute Author not supplied.")


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("mood", ["silent", "500"])
def test_what_may_have_arrived_is_not_posted_again_unasked(elog: Double, folder: Path, mood: str) -> None:
    elog.mood = mood
    add(folder, entry(), PICTURE)
    logbooks = elog_settings(elog, timeout_s=0.5 if mood == "silent" else 10.0)
    assert [answer.fate for answer in post_all(folder, logbooks)] == [Fate.UNSURE]
    elog.ended.set()
    elog.mood = "well"
    asked = elog.asked
    assert [answer.fate for answer in post_all(folder, logbooks)] == [Fate.UNSURE]
    assert elog.asked == asked
    assert [answer.fate for answer in post_all(folder, logbooks, again=True)] == [Fate.ACCEPTED]
    assert AGAIN in elog.entries[-1].form["Text"].text
    assert waiting(folder) == []


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(
    ("mood", "fate"),
    [
        ("503", Fate.UNREACHABLE),
        ("429", Fate.UNREACHABLE),
        ("cut", Fate.UNSURE),
        ("404", Fate.REFUSED),
        ("403", Fate.REFUSED),
        ("?fail=1", Fate.REFUSED),
        ("/sub/other/12", Fate.REFUSED),
        ("/sub/BM+01/", Fate.REFUSED),
    ],
)
def test_every_answer_has_its_fate_and_keeps_the_entry(elog: Double, folder: Path, mood: str, fate: Fate) -> None:
    elog.mood = mood
    add(folder, entry(), PICTURE)
    assert [answer.fate for answer in post_all(folder, elog_settings(elog))] == [fate]
    assert len(waiting(folder)) == 1
    assert bool(waiting(folder)[0].entry.sending) == (fate is Fate.UNSURE)


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("kind", ["elog", "webhook"])
def test_a_redirect_to_another_host_is_not_followed(elog: Double, webhook: Double, folder: Path, kind: str) -> None:
    with served(WebhookHandler, Double()) as elsewhere:
        elog.mood = webhook.mood = f"{elsewhere.url}/sub/elsewhere/5"
        add(folder, entry("bm01" if kind == "elog" else "team"), PICTURE)
        logbooks = elog_settings(elog) if kind == "elog" else webhook_settings(webhook)
        assert [answer.fate for answer in post_all(folder, logbooks)] == [Fate.REFUSED]
        assert elsewhere.asked == 0


@pytest.mark.usefixtures("password")
def test_a_post_that_the_program_did_not_survive_may_have_arrived(
    elog: Double, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> Answer:
        raise KeyboardInterrupt

    add(folder, entry(), PICTURE)
    with monkeypatch.context() as patch:
        patch.setattr("latticewatch.app.logbook.elog.post", killed)
        with pytest.raises(KeyboardInterrupt):
            post_all(folder, elog_settings(elog))
    (answer,) = post_all(folder, elog_settings(elog))
    assert answer == Answer(Fate.UNSURE, "the program ended before the server answered")
    assert elog.asked == 0


@pytest.mark.usefixtures("password")
def test_one_logbook_that_is_down_does_not_hold_up_another(webhook: Double, folder: Path) -> None:
    down = Double()
    with served(ElogHandler, down):
        pass
    both = Logbooks(elog=elog_settings(down).elog, webhook=webhook_settings(webhook).webhook)
    add(folder, entry("bm01", "a", 1.0), PICTURE)
    add(folder, entry("team", "b", 2.0), PICTURE)
    with locked(folder):
        outcomes = list(post_waiting(folder, both))
    assert [(each.entry.logbook, each.answer.fate) for each in outcomes] == [
        ("bm01", Fate.UNREACHABLE),
        ("team", Fate.ACCEPTED),
    ]
    assert all(isinstance(each, Outcome) for each in outcomes)


def test_a_logbook_that_is_gone_from_the_settings(webhook: Double, folder: Path) -> None:
    add(folder, entry("bm01"), PICTURE)
    (answer,) = post_all(folder, webhook_settings(webhook))
    assert (answer.fate, 'no logbook is called "bm01"' in answer.words) == (Fate.REFUSED, True)


@pytest.mark.usefixtures("password")
def test_a_damaged_entry_is_left_there_and_does_not_stop_the_others(
    webhook: Double, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "0000000000000001-bad.json").write_text('{"key": 3')
    add(folder, entry("team"), PICTURE)
    with caplog.at_level(logging.WARNING, "latticewatch"):
        assert [answer.fate for answer in post_all(folder, webhook_settings(webhook))] == [Fate.ACCEPTED]
    assert "not an entry" in caplog.text
    assert (folder / "0000000000000001-bad.json").exists()


@pytest.mark.usefixtures("password")
def test_a_lost_picture_is_said_before_anything_is_sent(webhook: Double, folder: Path) -> None:
    kept = add(folder, entry("team"), PICTURE)
    kept.path.with_suffix(".png").unlink()
    (answer,) = post_all(folder, webhook_settings(webhook))
    assert (answer.fate, "--discard" in answer.words, webhook.asked) == (Fate.REFUSED, True, 0)
    remove(kept)
    assert waiting(folder) == []


def test_only_one_posts_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latticewatch.app.logbook.queue.PATIENCE_S", 0.2)
    with locked(folder) as ours, locked(folder) as mine:
        assert (ours, mine) == (True, False)
