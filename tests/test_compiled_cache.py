"""Machine code of yesterday's sources is never run, nor that of another signature."""

from pathlib import Path

import pytest
from numba import config

from latticewatch.processing.codecs.byte_offset import unpack_byte_offset
from latticewatch.processing.codecs.njit import PROCESSING, OwnNames, cache_folder


def sources(folder: Path, called: str) -> Path:
    (folder / "caller.py").write_text("from called import f\n@njit\ndef g(x):\n    return f(x)\n")
    (folder / "called.py").write_text(called)
    (folder / "plain.py").write_text("x = 1\n")
    return folder


def test_an_edit_in_a_called_file_changes_the_place_of_the_compiled_code(tmp_path: Path) -> None:
    before = cache_folder(sources(tmp_path, "@njit\ndef f(x):\n    return x\n"))
    assert cache_folder(sources(tmp_path, "@njit\ndef f(x):\n    return x\n")) == before
    assert cache_folder(sources(tmp_path, "@njit\ndef f(x):\n    return 2 * x\n")) != before


def test_what_is_not_compiled_does_not_change_it(tmp_path: Path) -> None:
    before = cache_folder(sources(tmp_path, "@njit\ndef f(x):\n    return x\n"))
    (tmp_path / "plain.py").write_text("x = 2\n")
    assert cache_folder(tmp_path) == before


def test_the_cache_in_use_is_that_of_these_sources() -> None:
    assert str(cache_folder(PROCESSING)) == config.CACHE_DIR


def files(folder: Path) -> OwnNames:
    return OwnNames(str(folder), "function", "the same sources")


def test_two_processes_that_compile_at_once_never_take_each_others_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = files(tmp_path), files(tmp_path)
    write = first._save_data
    monkeypatch.setattr(second, "_load_index", dict)  # it has read the index before the first wrote it

    def after_the_other(name: str, code: str) -> None:
        second.save("of integers", "code for integers")
        write(name, code)

    monkeypatch.setattr(first, "_save_data", after_the_other)
    first.save("of floats", "code for floats")
    assert files(tmp_path).load("of integers") == "code for integers"
    assert files(tmp_path).load("of floats") in (None, "code for floats")  # None: it is compiled again


def test_compiled_functions_have_such_files() -> None:
    assert isinstance(unpack_byte_offset._cache._cache_file, OwnNames)
