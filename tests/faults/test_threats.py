"""What others can make the program do: claims of docs/threats.md that no other test holds; and the tests that it and
docs/faults.md name exist."""

import ast
import dataclasses
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latticewatch.processing.record.run_file.lock import lock_path
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.record import runs

Command = Callable[..., Said]
CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "docs" / name for name in ("threats.md", "faults.md")]

# What could run text as a program, and what could let others in.
EVALUATING = {"eval", "exec", "compile", "__import__", "system", "popen", "QSettings", "read_pickle"}
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml", "code", "runpy"}
LISTENING = {"bind", "listen", "serve_forever", "start_server", "create_server", "HTTPServer", "QTcpServer"}
STARTED = {
    "app/checks/qt_platform.py": "this program, to see whether a window opens",
    "app/commands/demonstration.py": "this program, which simulates a scan",
    "app/start/runs_dialog.py": "this program, with the runs that are chosen in the list",
    "app/run/state_command.py": "the user's own command, named by the user",
}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the product, with its file."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, node


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for place in ("processing", "app", "widgets"):
        for path in sorted((CHECKOUT / place).rglob("*.py")):
            yield path.relative_to(CHECKOUT).as_posix(), ast.parse(path.read_text())


def _last(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def test_nothing_that_is_read_is_run() -> None:
    found = {(path, ast.unparse(call.func)) for path, call in calls() if _last(call) in EVALUATING}
    # exec() of Qt is the event loop; re.compile compiles a pattern.
    assert {each for each in found if not re.fullmatch(r"(re\.compile|\w+\.exec)", each[1])} == set()
    imported = set()
    for path, tree in _trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported |= {(path, name) for name in names if name.partition(".")[0] in MODULES}
    assert imported == set()


def test_only_known_programs_are_started_and_never_by_a_shell() -> None:
    started = [(path, call) for path, call in calls() if ast.unparse(call.func).startswith("subprocess.")]
    assert {path for path, _ in started} == set(STARTED)
    assert not [path for path, call in started for word in call.keywords if word.arg == "shell"]


def test_the_program_listens_on_no_port() -> None:
    assert {(path, ast.unparse(call.func)) for path, call in calls() if _last(call) in LISTENING} == set()


def test_a_command_in_a_run_file_is_not_run(latticewatch: Command, tmp_path: Path) -> None:
    """A run file holds the text of its experiment.toml, on_state included; whoever opens the file did not choose it."""
    ran = tmp_path / "ran"
    text = f'[alarm]\non_state = ["touch", "{ran}"]\n'
    header = dataclasses.replace(runs.header(), experiment_toml=runs.header().experiment_toml + text)
    with RunWriter(tmp_path / "run.h5", header, runs.two_theta()) as writer:
        writer.append_many(runs.rows(30))
    for words in (["replay", "run.h5", "--headless", "--speed", "max"], ["process", "run.h5", "--out", "again.h5"],
                  ["export", "run.h5", "--trace", "lp.csv"]):  # fmt: skip
        assert latticewatch(*words).status in (0, 3)
    assert not ran.exists()


@pytest.mark.parametrize("beside", [lock_path, journal_path])
def test_a_link_in_the_place_of_a_lock_or_journal_leads_no_writer_to_another_file(
    beside: Callable[[Path], Path], latticewatch: Command, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    run = tmp_path / "run.h5"
    runs.write_run(run, 12)
    beside(run).symlink_to(precious)
    latticewatch("export", run, "--trace", "lp.csv")
    latticewatch("process", run, "--out", run, "--resume")
    assert precious.read_text() == "precious"
    with read_run(run) as opened:
        assert len(opened.rows) == 12


def test_a_colleagues_journal_beside_a_run_gives_it_no_row(latticewatch: Command, tmp_path: Path) -> None:
    run, other = tmp_path / "run.h5", tmp_path / "other.h5"
    runs.write_run(run, 12)
    writer = RunWriter(other, runs.header(), runs.two_theta())
    writer.append_many(runs.rows(40))
    writer._leave_file()
    writer._journal.close()
    writer._lock_file.release()
    journal_path(other).rename(journal_path(run))
    said = latticewatch("export", run, "--trace", "lp.csv")
    assert said.status == 2
    assert "belongs to another run" in said.complaint
    journal_path(run).unlink()
    with read_run(run) as opened:
        assert len(opened.rows) == 12


def test_markup_and_codes_of_a_run_file_do_not_reach_terminal_or_log(
    latticewatch: Command, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    header = dataclasses.replace(runs.header(), title="\x1b]0;owned\x07<b>x", software={"latticewatch": "\x1b[31m"})
    with RunWriter(tmp_path / "run.h5", header, runs.two_theta()) as writer:
        writer.append_many([dataclasses.replace(row, name=f"\x1b[2J{row.name}") for row in runs.rows(12)])
        writer.append_note(1.0, "\x1b[31mred")
    said = latticewatch("export", "run.h5", "--trace", "lp.csv", "--summary", "s.json", "--patterns", "xye")
    assert said.status == 0
    assert "\x1b" not in said.out + said.err + (tmp_path / "lp.csv").read_text() + (tmp_path / "s.json").read_text()
    assert not [path for path in (tmp_path / "xye").iterdir() if "\x1b" in path.name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tests_that_the_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, test in named:
        path = CHECKOUT / file
        assert path.exists(), file
        assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), (file, test)
