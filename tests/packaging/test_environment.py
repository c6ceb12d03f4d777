"""When an environment is brought up to date, and what it is made from."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the wheel is made from, with an environment whose stamp is current."""
    import environment

    for path in environment.source_files(CHECKOUT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / path, tmp_path / path)
    shutil.copytree(CHECKOUT / "packaging", tmp_path / "packaging")
    return tmp_path


def places_of(checkout: Path) -> Any:
    import environment

    lock = checkout / "packaging/requirements.lock"
    return environment.Places(checkout, checkout / ".venv-tools", checkout / ".venv-run", lock)


def test_only_what_changed_is_done_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import environment

    done: list[str] = []
    places = places_of(checkout)

    def install_packages(*_: object) -> None:
        places.python.parent.mkdir(parents=True, exist_ok=True)
        places.python.touch()
        done.append("packages")

    monkeypatch.setattr(environment, "_install_packages", install_packages)
    monkeypatch.setattr(environment, "_install_project", lambda *_: done.append("project"))
    monkeypatch.setattr(environment, "_compile", lambda *_: done.append("compiled"))

    def set_up() -> list[str]:
        done.clear()
        if not environment.up_to_date(places):
            environment.prepare(places, None, lambda _: None)
        return list(done)

    assert set_up() == ["packages", "project", "compiled"]
    assert set_up() == []
    (checkout / "app" / "new.py").write_text('"""New."""\n')
    assert set_up() == ["project", "compiled"]
    (checkout / "app" / "new.py").unlink()
    assert set_up() == ["project", "compiled"]
    with places.lock.open("a") as lock:
        lock.write("\n")
    assert set_up() == ["packages", "project", "compiled"]
    assert set_up() == []


def test_a_set_up_that_failed_is_done_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import environment
    from setup_error import SetupError

    places = places_of(checkout)

    def install_packages(*_: object) -> None:
        places.python.parent.mkdir(parents=True, exist_ok=True)
        places.python.touch()
        raise SetupError("the network went away")

    monkeypatch.setattr(environment, "_install_packages", install_packages)
    with pytest.raises(SetupError):
        environment.prepare(places, None, lambda _: None)
    assert not environment.up_to_date(places)


def test_pins_have_version_and_hashes() -> None:
    import environment
    from setup_error import SetupError

    tools = CHECKOUT / "packaging/tools.lock"
    for name in ("uv", "pip", "setuptools"):
        version, hashes = environment.pinned(tools, name)
        assert version[0].isdigit()
        assert hashes
    with pytest.raises(SetupError, match="no pin of wheel"):
        environment.pinned(tools, "wheel")


@pytest.mark.parametrize("argument", [[], ["everything"], ["run", "now"]])
def test_a_wrong_word_is_one_line(argument: list[str]) -> None:
    script = CHECKOUT / "packaging/bootstrap.py"
    ended = subprocess.run([sys.executable, "-B", script, *argument], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "latticewatch set-up: say which environment: run or test\n"
    assert ended.stdout == ""


def test_missing_libraries_are_named_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import system_libraries
    from setup_error import SetupError

    monkeypatch.setattr(system_libraries, "OFFSCREEN", {"libnosuch.so.7": "libnosuch7", "libc.so.6": "libc6"})
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: f"/usr/bin/{name}")
    missing = system_libraries.missing_packages(display=False, tests=False)
    assert missing == ["libnosuch7"]
    with pytest.raises(SetupError, match=r"run as root: apt-get install \S+ libnosuch7$"):
        system_libraries.ensure_packages(missing, tmp_path / "log", lambda _: None)
