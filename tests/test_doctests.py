"""Every ``>>>`` of the sources and of the documentation is run: an example that no longer holds is a failure."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tests.test_house import CHECKOUT, PACKAGE_FOLDERS, product_files, tracked

PROMPT = ">>> "
PACKAGES = {folder: package for package, folder in PACKAGE_FOLDERS.items()}


def with_examples(paths: list[Path]) -> list[Path]:
    return [path for path in paths if PROMPT in path.read_text(encoding="utf-8")]


def module_of(path: Path) -> str:
    top, *rest = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join([PACKAGES[top], *rest])


MODULES = sorted(module_of(path) for path in with_examples(product_files()))
PAGES = sorted(str(path.relative_to(CHECKOUT)) for path in with_examples(tracked("*.md")))


def failures(examples: list[doctest.DocTest]) -> list[str]:
    """What the failing examples print; the runner's own report says expected and got."""
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for each in examples:
        runner.run(each, out=report.append)
    return report if runner.failures else []


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    assert failures(doctest.DocTestFinder(exclude_empty=True).find(import_module(name), name)) == []


@pytest.mark.parametrize("page", PAGES)
def test_examples_in_documents(page: str) -> None:
    lines = (CHECKOUT / page).read_text(encoding="utf-8").splitlines()
    text = "\n".join("" if line.startswith("```") else line for line in lines)
    assert failures([doctest.DocTestParser().get_doctest(text, {}, page, page, 0)]) == []


def test_there_are_examples_to_run() -> None:
    # Parametrised tests without a parameter are skipped: this one fails when all examples have gone.
    assert MODULES
    assert PAGES


def test_a_wrong_example_is_a_failure() -> None:
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert failures([example])
