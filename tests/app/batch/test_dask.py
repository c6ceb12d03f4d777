"""Scans on a Dask cluster of real processes."""

import builtins
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from latticewatch.app.batch import command
from latticewatch.app.batch import dask_workers as on_dask
from tests.app.batch.conftest import NAMES, first_writer_killed
from tests.app.conftest import Said
from tests.dask_cluster import dask_cluster
from tests.same_runs import all_differences

Command = Callable[..., Said]
Whole = dict[str, Path]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two workers."""
    with dask_cluster(2) as address:
        yield address


def test_a_cluster_gives_what_one_machine_gives_also_when_a_worker_is_killed(
    latticewatch: Command, scheduler: str, tree: Path, whole: Whole
) -> None:
    with first_writer_killed(tree) as killed:
        said = latticewatch("process", "--tree", tree, "--scheduler", scheduler)
    assert said.status == 0, said.err
    assert killed
    assert "its worker was lost; taken up again by tcp://" in said.complaint
    assert "3 scans: 3 done" in said.out
    assert all_differences(tree, whole) == {}


def test_rows_come_as_json_and_a_bad_scan_does_not_stop_the_others(
    latticewatch: Command, scheduler: str, tree: Path
) -> None:
    (tree / NAMES[0] / "geometry.poni").unlink()
    said = latticewatch("process", *(tree / name for name in NAMES), "--scheduler", scheduler, "--json")
    assert said.status == 2
    assert "geometry.poni" in said.complaint
    assert len(said.out.splitlines()) == 24


def test_workers_of_another_version_are_not_used(
    latticewatch: Command, scheduler: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "versions", lambda: (("latticewatch", "9.9"),))
    said = latticewatch("process", "--tree", tree, "--scheduler", scheduler)
    assert said.status == 2
    assert "instead of 9.9: install the same there" in said.complaint


def test_a_folder_that_workers_do_not_see_is_named(
    latticewatch: Command, scheduler: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_make_folders", lambda _: None)
    said = latticewatch("process", "--tree", tree, "--out", tree / "unseen", "--scheduler", scheduler)
    assert said.status == 2
    assert "does not see" in said.complaint
    assert str(tree / "unseen") in said.complaint


def test_a_scheduler_that_does_not_answer_is_said_in_one_line(
    latticewatch: Command, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_dask, "CONNECT_S", 0.5)
    said = latticewatch("process", "--tree", tree, "--scheduler", "tcp://127.0.0.1:9")
    assert said.status == 2
    assert "--scheduler tcp://127.0.0.1:9" in said.complaint


def test_without_dask_the_extra_is_named(latticewatch: Command, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "distributed":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    said = latticewatch("process", "--tree", tree, "--scheduler", "tcp://127.0.0.1:9")
    assert said.status == 2
    assert "pip install latticewatch[cluster]" in said.complaint


def test_what_the_cluster_did_counts_here(latticewatch: Command, scheduler: str, tree: Path, simulated: Path) -> None:
    for name in NAMES[1:]:
        shutil.rmtree(tree / name)
    assert latticewatch("process", "--tree", tree, "--scheduler", scheduler).status == 0
    assert "1 done before" in latticewatch("process", "--tree", tree).out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Exception("ModuleNotFoundError(\"No module named 'latticewatch'\")"), "has no latticewatch"),
        (type("KilledWorker", (Exception,), {})("x"), "have they enough memory?"),
        (ValueError("one\ntwo"), "failed (ValueError: one two)"),
    ],
)
def test_errors_of_the_cluster_are_put_in_words(error: Exception, said: str) -> None:
    assert said in on_dask._told(error)
