"""``latticewatch logbook`` from end to end: a recorded run, its picture, a server."""

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt6.QtGui import QImage

from latticewatch.app.logbook.elog import password_form
from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.logbook.conftest import WORD, Command
from tests.logbook.doubles import Double, ElogHandler, served
from tests.record.runs import header, two_theta


def everything_written(person: Path) -> str:
    """All text in this person's folders: log, queue, settings."""
    files = [path for path in person.rglob("*") if path.is_file() and path.suffix != ".h5"]
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files)


def test_a_run_is_posted_with_picture_and_facts(
    latticewatch: Command, elog: Double, run_file: Path, person: Path
) -> None:
    said = latticewatch("logbook", run_file, "--text", "thick <shell>", "-v")
    assert (said.status, said.out) == (
        0,
        f"posted to bm01: Br/shell2 + I/shell1 (entry 101, {elog.url}/sub/BM+01/101)\n",
    )
    (post,) = elog.entries
    assert post.form["Subject"].text == "Br/shell2 + I/shell1"
    facts = dict(re.findall(r"<b>(.*?):</b> (.*?)(?:<br>|</p>)", html.unescape(post.form["Text"].text), re.DOTALL))
    assert list(facts) == [
        *(
            "Title",
            "State",
            "Lattice parameter",
            "Pauses",
            "Complete",
            "Frames",
            "Geometry",
            "Run file",
            "Software",
            "Entry",
        )
    ]
    with read_run(run_file) as run:
        (lattice, _) = run.traced[22].fit.lattices
        assert run.traced[23].fit.__class__.__name__ == "NoResult"
    assert facts["Lattice parameter"].startswith(f"Br {quoted(lattice.lp_A, lattice.lp_esd_A)}")
    assert facts["Geometry"] == f"geometry.poni, SHA-256 {'ab' * 32}"
    assert facts["Frames"].startswith("24, of them 9 gaps")
    assert facts["Software"] == "LatticeWatch 0.1.0"
    assert "<p>thick &lt;shell&gt;</p>" in post.form["Text"].text
    picture = QImage.fromData(post.form["attfile0"].content, "PNG")
    assert (picture.width(), picture.height() > 900) == (1600, True)
    assert picture.text("Title") == "Br/shell2 + I/shell1"
    assert "ub4dor" not in everything_written(person) + said.out + said.err
    assert password_form(WORD) not in everything_written(person) + said.out + said.err


def test_what_waited_is_posted_once_when_the_server_is_back(
    latticewatch: Command, down: Double, run_file: Path, person: Path
) -> None:
    said = latticewatch("logbook", run_file)
    assert said.status == 0
    assert "the server cannot be reached" in said.out
    assert "waits: latticewatch logbook --pending" in said.out
    assert "the server cannot be reached" in latticewatch("logbook", "--pending", "--dry-run").out
    assert latticewatch("logbook", "--pending").status == 0
    assert "ub4dor" not in everything_written(person)
    with served(ElogHandler, down):
        said = latticewatch("logbook", "--pending")
        assert (said.status, "posted to bm01" in said.out) == (0, True)
        assert latticewatch("logbook", "--pending").out == "nothing waits\n"
    assert len(down.entries) == 1


def test_a_wrong_password_is_one_line_and_the_entry_can_be_discarded(
    latticewatch: Command, elog: Double, run_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATTICEWATCH_LOGBOOK_BM01", "Wr0ng")
    said = latticewatch("logbook", run_file)
    assert said.status == 2
    assert "bm01: Br/shell2 + I/shell1: wrong user or password; entry" in said.complaint
    assert "Wr0ng" not in said.err
    key = re.findall(r"entry ([0-9a-f]{12}) waits", said.complaint)[0]
    assert latticewatch("logbook", "--discard", key).out == f"{key} discarded: Br/shell2 + I/shell1\n"
    assert "no entry of this key waits" in latticewatch("logbook", "--discard", key).complaint
    assert latticewatch("logbook", "--pending").out == "nothing waits\n"
    assert elog.entries == []


def test_a_dry_run_sends_and_keeps_nothing(latticewatch: Command, elog: Double, run_file: Path) -> None:
    said = latticewatch("logbook", run_file, "--dry-run", "--text", "words")
    assert said.status == 0
    for words in (
        elog.url,
        "secret: environment variable LATTICEWATCH_LOGBOOK_BM01",
        "exp = BM 01",
        "State: ",
        "words",
    ):
        assert words in said.out
    assert "ub4dor" not in said.out
    assert "upwd" not in said.out
    assert elog.asked == 0
    assert latticewatch("logbook", "--pending", "--dry-run").out == "nothing waits\n"


def test_what_cannot_be_posted_is_one_line(
    latticewatch: Command, configure: Callable[[str], Path], run_file: Path, tmp_path: Path
) -> None:
    assert "logbook.toml: no logbook is configured; write this file" in latticewatch("logbook", run_file).complaint
    configure('[elog.bm01]\nurl = "https://elog.example.org/BM01/"\n')
    assert "lost.h5" in latticewatch("logbook", "lost.h5").complaint
    assert 'no logbook is called "x"' in latticewatch("logbook", run_file, "--to", "x").complaint
    assert "lost.toml" in latticewatch("logbook", run_file, "--config", "lost.toml").complaint
    assert "give a RUN" in latticewatch("logbook").complaint
    assert "give a RUN" in latticewatch("logbook", run_file, "--pending").complaint
    with RunWriter(tmp_path / "empty.h5", header(), two_theta()):
        pass
    assert "no frame is recorded" in latticewatch("logbook", tmp_path / "empty.h5").complaint


def test_a_queue_that_cannot_be_written(latticewatch: Command, elog: Double, run_file: Path, person: Path) -> None:
    (person / "xdg_data_home").write_text("in the way")
    said = latticewatch("logbook", run_file)
    assert (said.status, "cannot be kept here" in said.complaint, elog.asked) == (2, True, 0)
