"""Machine code of yesterday's sources is never run."""

from pathlib import Path

from numba import config

from latticewatch.processing.codecs.njit import PROCESSING, cache_folder


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
