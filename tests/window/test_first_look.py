"""What the start dialog does with a first look that fails, with a profile that was edited, and with [source]."""

import shutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from latticewatch.app.run.given import Given
from latticewatch.app.start import profiles
from latticewatch.app.start.dialog import POLL_MS, StartDialog
from latticewatch.app.start.first_look import FirstLook, first_look
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.widgets.theme import LIGHT
from tests.window.test_start_dialog import scan as scan


def test_an_unexpected_error_is_said_once(qtbot: QtBot, scan: Path) -> None:
    asked = []

    def look(folder: Path, given: Given) -> FirstLook:
        asked.append((folder, given))
        raise ZeroDivisionError("division by zero")

    dialog = StartDialog(LIGHT, look)
    qtbot.addWidget(dialog)
    dialog.take_folder(scan)
    qtbot.waitUntil(lambda: "internal error" in dialog.verdict.text())
    qtbot.wait(5 * POLL_MS)
    assert len(asked) == 1
    assert "ZeroDivisionError: division by zero" in dialog.verdict.text()
    assert not dialog.busy()
    dialog.reject()


def test_a_profile_that_was_edited_is_kept(scan: Path) -> None:
    first = profiles.saved_profile(["CsPbBr3"])
    assert profiles.saved_profile(["CsPbBr3"]) == first
    edited = first.read_text() + "\n[fit]\nbackground_points = 12\n"
    first.write_text(edited)
    second = profiles.saved_profile(["CsPbBr3"])
    assert second != first
    assert first.read_text() == edited
    assert second.read_text() == profiles.profile_text(["CsPbBr3"])


@pytest.mark.parametrize("include", ["", "second_*.cbf"])
def test_the_settings_of_the_source_hold(tmp_path: Path, include: str) -> None:
    folder = tmp_path / "scan"
    write_scan("iodide", folder, frames=2, seed=1, detector="pilatus300k")
    for frame in sorted(folder.glob("*.cbf")):
        shutil.copy(frame, folder / f"second_{frame.name}")
        frame.rename(folder / f"first_{frame.name}")
    settings = folder / "experiment.toml"
    settings.write_text(settings.read_text() + f'\n[source]\ninclude = "{include}"\n')
    look = first_look(folder, Given(geometry=folder / "geometry.poni", experiment=settings))
    assert look.name.startswith("second_" if include else "first_")
