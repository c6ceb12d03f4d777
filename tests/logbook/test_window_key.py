"""The logbook by a key of the window: words, picture and summary; kept where the server is down."""

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from pytestqt.qtbot import QtBot

from latticewatch.app.logbook.queue import queue_folder, waiting
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.shown_run import ShownRun
from tests.logbook.conftest import Command
from tests.logbook.doubles import Double
from tests.window.synthetic import make_series, make_setup


def window_on(qtbot: QtBot, run_file: Path | None) -> MainWindow:
    """A window whose run is recorded in this file."""
    series, refinement = make_series(30, bins=600)
    window = MainWindow("test")
    qtbot.addWidget(window)
    window.show_run(ShownRun(make_setup(), series, refinement, run_file))
    window.resize(1280, 720)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.catch_up()
    return window


def post(qtbot: QtBot, window: MainWindow, words: str) -> str:
    """Press the key, write, press Enter; what is said in the end."""
    qtbot.keyClick(window, Qt.Key.Key_B)
    qtbot.keyClicks(window.note.text, words)
    with qtbot.waitSignal(window.logbook.said, timeout=20_000) as said:
        qtbot.keyClick(window.note.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not window.logbook.busy())
    return str(said.args[0])


def test_a_key_posts_words_and_the_window_as_it_is(qtbot: QtBot, elog: Double, run_file: Path) -> None:
    window = window_on(qtbot, run_file)
    assert post(qtbot, window, "thick shell").startswith("posted to bm01")
    (entry,) = elog.entries
    assert "thick shell" in entry.form["Text"].text
    picture = QImage.fromData(entry.form["attfile0"].content)
    assert picture.width() == window.width()
    assert picture.text("State") == window.banner.words()
    assert waiting(queue_folder()) == []


def test_an_entry_waits_while_the_server_is_down_and_the_doctor_counts_it(
    qtbot: QtBot, down: Double, run_file: Path, latticewatch: Command
) -> None:
    assert "waits" in post(qtbot, window_on(qtbot, run_file), "first")
    assert [each.entry.text for each in waiting(queue_folder())] == ["first"]
    assert "logbook: 1 entry waits to be posted" in latticewatch("doctor").out
    assert down.entries == []


def test_without_a_run_file_there_is_nothing_to_post(qtbot: QtBot) -> None:
    window = window_on(qtbot, None)
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert not window.note.isVisible()
    assert window.status.text("place") == "nothing to post: this run is not recorded"


def test_words_that_no_logbook_gets_are_kept_as_a_note_of_the_run(qtbot: QtBot, run_file: Path) -> None:
    """No logbook is configured: that is found out only after somebody has written a paragraph."""
    series, refinement = make_series(30, bins=600)
    notes: list[tuple[float, str, str]] = []
    window = MainWindow("test")
    qtbot.addWidget(window)
    window.show_run(ShownRun(make_setup(), series, refinement, run_file, lambda *note: notes.append(note)))
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.catch_up()
    qtbot.keyClick(window, Qt.Key.Key_B)
    qtbot.keyClicks(window.note.text, "thick shell")
    with qtbot.waitSignal(window.logbook.not_kept, timeout=20_000):
        qtbot.keyClick(window.note.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(notes))
    row = series.snapshot().row(-1)
    assert notes == [(row.time_s, "for the logbook: thick shell", "mark")]
    assert [mark.text for mark in window.marks.marks] == ["for the logbook: thick shell"]
    assert window.status.text("place").startswith("not posted; your words are")
