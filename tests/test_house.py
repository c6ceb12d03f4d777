"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from latticewatch.processing.config.experiment import Experiment
from latticewatch.processing.files.frame_names import SUFFIXES_TOLD

CHECKOUT = Path(__file__).parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE_FOLDERS: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
# A window or a dialog is one thing: its parts are built, connected and steered in one file.
MOST_LINES = 500


def tracked(*patterns: str) -> list[Path]:
    """Files of ours, also those not yet committed; nothing that git ignores."""
    listing = [
        "git",
        "-C",
        str(CHECKOUT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *patterns,
    ]
    names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    return [CHECKOUT / name for name in names if name and (CHECKOUT / name).is_file()]


def product_files() -> list[Path]:
    return tracked(*(f"{folder}/*.py" for folder in PACKAGE_FOLDERS.values()))


def locked(lock: str) -> set[str]:
    lines = (CHECKOUT / "packaging" / lock).read_text(encoding="utf-8").splitlines()
    return {normal(line.partition("==")[0]) for line in lines if re.match(r"[A-Za-z0-9]", line)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^A-Za-z0-9._-]", wanted, maxsplit=1)[0]) for wanted in requirements}


def test_every_package_folder_is_listed() -> None:
    folders = {folder: package for package, folder in PACKAGE_FOLDERS.items()}
    found = set()
    for path in product_files():
        if path.name == "__init__.py":
            top, *rest = path.parent.relative_to(CHECKOUT).parts
            found.add(".".join([folders[top], *rest]))
    assert sorted(found) == sorted(PROJECT["tool"]["setuptools"]["packages"])


def test_every_module_lies_in_a_package() -> None:
    homeless = [path for path in product_files() if not path.with_name("__init__.py").exists()]
    assert homeless == []


def test_every_layer_says_that_it_is_typed() -> None:
    assert [folder for folder in PACKAGE_FOLDERS.values() if not (CHECKOUT / folder / "py.typed").exists()] == []


def test_packaging_is_no_package() -> None:
    # With an __init__.py it would hide the library of that name from whatever runs in the checkout.
    assert not (CHECKOUT / "packaging" / "__init__.py").exists()


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in tracked("*.py")}
    assert {str(path): length for path, length in lengths.items() if length >= MOST_LINES} == {}


def test_no_module_is_a_drawer_for_everything() -> None:
    junk = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in tracked("*.py") if path.stem in junk] == []


def test_no_file_names_the_machine_it_was_written_on() -> None:
    # Written in pieces, so that this file does not find itself.
    elsewhere = re.compile(
        "|".join(f"(?<![A-Za-z0-9_.])/{name}/" for name in ("wo" + "rk", "ro" + "ot", "ho" + "me", "opt/py" + "pi"))
    )
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "ignore")
        found += [f"{path.name}: {match[0]}" for match in elsewhere.finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock", "tools.lock"])
def test_locks_have_hashes_and_no_hosts(lock: str) -> None:
    text = (CHECKOUT / "packaging" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_locks_hold_what_the_project_asks_for() -> None:
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    assert names(project["dependencies"]) <= locked("requirements.lock")
    assert names([*project["dependencies"], *extras["test"], *extras["cluster"], *extras["stream"]]) <= locked(
        "requirements-test.lock"
    )
    assert names(PROJECT["build-system"]["requires"]) <= locked("tools.lock")


def test_both_locks_pin_the_same_versions() -> None:
    def pins(lock: str) -> set[str]:
        lines = (CHECKOUT / "packaging" / lock).read_text(encoding="utf-8").splitlines()
        return {line.partition(" ")[0] for line in lines if re.match(r"[A-Za-z0-9]", line)}

    missing = {pin for pin in pins("requirements.lock") if pin not in pins("requirements-test.lock")}
    assert missing == set()


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_every_imported_library_is_asked_for() -> None:
    # A library that only comes along with another one may stop coming: then users' installs break, not ours.
    project = PROJECT["project"]
    optional = {extra: wanted for extra, wanted in project["optional-dependencies"].items() if extra != "test"}
    asked = names([*project["dependencies"], *(each for wanted in optional.values() for each in wanted)])
    providers = packages_distributions()
    unasked = set()
    for path in product_files():
        for module in imported_modules(path) - sys.stdlib_module_names - {"latticewatch", "__future__"}:
            if not asked & {normal(name) for name in providers.get(module, [module])}:
                unasked.add(f"{path.relative_to(CHECKOUT)}: {module}")
    assert sorted(unasked) == []


def test_modules_that_the_documentation_names_are_there() -> None:
    files = {path.relative_to(CHECKOUT).as_posix() for path in tracked()}
    lost = []
    for page in tracked("docs/**/*.md", "docs/*.md", "README.md", "CONTRIBUTING.md"):
        for named in re.findall(r"`([a-z_0-9]+(?:/[a-z_0-9]+)+\.py)`", page.read_text(encoding="utf-8")):
            if not any(file == named or file.endswith("/" + named) for file in files):
                lost.append(f"{page.name}: {named}")
    assert lost == []


def test_what_the_architecture_page_names_is_there() -> None:
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    sources = "\n".join(path.read_text(encoding="utf-8") for path in product_files())
    named = set(re.findall(r"`([A-Z]\w+)\.(\w+)`", page)) - {("RUN", "h5")}
    lost = [
        f"{owner}.{member}"
        for owner, member in sorted(named)
        if not (re.search(rf"^class {owner}\b", sources, re.M) and re.search(rf"\b{member}\b", sources))
    ]
    assert lost == []


def test_what_the_architecture_page_says_is_in_a_file_is_in_it() -> None:
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names, file = r"(`[\w.]+`(?:(?:, | and )`[\w.]+`)*)", r"`([\w/]+\.py)`"
    said = [*re.findall(f"{names} (?:in|of) {file}", page), *re.findall(rf"{names} \({file}\)", page)]
    said += [(named, path) for path, named in re.findall(rf"{file} \({names}", page)]
    assert len(said) > 50
    lost = []
    for named, path in said:
        found = [each for each in (CHECKOUT / path, CHECKOUT / "processing" / path) if each.exists()]
        text = found[0].read_text(encoding="utf-8") if found else ""
        words = (name.rpartition(".")[2] for name in re.findall(r"`([^`]+)`", named))
        lost += [f"{word} in {path}" for word in words if not re.search(rf"\b{word}\b", text)]
    assert lost == []


def test_every_ending_of_an_image_is_documented() -> None:
    assert SUFFIXES_TOLD in (CHECKOUT / "docs" / "watching.md").read_text(encoding="utf-8")


def test_every_key_of_the_experiment_is_documented() -> None:
    page = (CHECKOUT / "docs" / "experiment-toml.md").read_text(encoding="utf-8")
    parts = re.split(r"^\[+(\w+)\]+.*$", page, flags=re.M)
    documented = dict(zip(parts[-2::-2], parts[::-2], strict=False))  # of two tables of one name the first
    lost = []
    for name, table in Experiment.model_fields.items():
        kinds = [kind for kind in (table.annotation, *get_args(table.annotation)) if isinstance(kind, type)]
        (kind,) = [kind for kind in kinds if issubclass(kind, BaseModel)]
        lost += [f"[{name}] {key}" for key in kind.model_fields if not re.search(rf"\b{key} = ", documented[name])]
    assert lost == []


def test_every_decision_is_listed_and_has_date_status_and_alternatives() -> None:
    records = {page.name: page.read_text(encoding="utf-8") for page in tracked("docs/decisions/[0-9]*.md")}
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", (CHECKOUT / "docs/decisions/README.md").read_text(encoding="utf-8"))
    whole = re.compile(r"# \d+\. .+\n\n20\d\d-\d\d-\d\d[,;] (accepted|superseded)(?s:.+)\*\*Alternatives\.\*\*")
    assert listed == sorted(records)
    assert [name for name, text in records.items() if not whole.match(text)] == []


def test_the_architecture_page_names_every_file_that_makes_a_reason_of_a_gap() -> None:
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Reasons of gaps")[2].partition("\n## ")[0]
    # They give back what was recorded.
    restored = {"processing/flow/row_fields.py", "processing/pipeline/loop.py"}
    makers = {
        path.relative_to(CHECKOUT).as_posix()
        for path in product_files()
        if "NoResult(" in path.read_text(encoding="utf-8")
    }
    assert [path for path in sorted(makers - restored) if path.removeprefix("processing/") not in section] == []


def test_every_page_of_the_documentation_can_be_found() -> None:
    pages = tracked("docs/**/*.md", "docs/*.md")
    linked = {
        (page.parent / target).resolve()
        for page in [*pages, CHECKOUT / "README.md"]
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
    }
    assert [page.name for page in pages if page.resolve() not in linked] == []


def test_links_of_the_documentation_lead_somewhere() -> None:
    broken = []
    for path in tracked("*.md"):
        targets = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        relative = [target for target in targets if "://" not in target]
        broken += [f"{path.name}: {target}" for target in relative if not (path.parent / target).exists()]
    assert broken == []


def own_imports(nodes: Iterable[ast.AST]) -> set[str]:
    """Product modules that these statements import, as they are named; a name of a module is one too."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("latticewatch."):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def trees() -> dict[str, ast.Module]:
    """Every product module by its name."""
    packages = {folder: package for package, folder in PACKAGE_FOLDERS.items()}
    found = {}
    for path in product_files():
        top, *rest = path.relative_to(CHECKOUT).with_suffix("").parts
        name = ".".join([packages[top], *rest]).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def test_no_import_is_for_the_type_checker_alone() -> None:
    # Such an import hides a circle, or a module that lies on the wrong floor.
    hidden = [path for path in product_files() if "TYPE_" + "CHECKING" in path.read_text(encoding="utf-8")]
    assert hidden == []


def test_an_import_inside_a_function_says_why() -> None:
    # Only for start-up time, or where the library is optional: ``# slow to load: Qt``, ``# optional: dask``.
    silent = []
    for path in product_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        for function in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Import | ast.ImportFrom) and not re.search(
                        r"# (slow to load|optional): \S", "\n".join(lines[node.lineno - 1 : node.end_lineno])
                    ):
                        silent.append(f"{path.relative_to(CHECKOUT)}:{node.lineno}")
    assert sorted(set(silent)) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    # Imports inside functions count too: a circle that is put off is still one.
    modules = trees()
    imports = {name: own_imports(ast.walk(tree)) & modules.keys() - {name} for name, tree in modules.items()}
    try:
        list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_command_line_loads_nothing_slow() -> None:
    # --help and every error of the command line answer at once.
    slow = {"h5py", "matplotlib", "numba", "numpy", "pydantic", "pyFAI", "PyQt6", "scipy"}
    words = f"import sys, latticewatch.app.main; print(*({slow!r} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
