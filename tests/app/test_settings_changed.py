"""What differs between two settings of a scan, and what of it may change within a run file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.run.decisions import Inputs, gather
from latticewatch.app.run.given import Given
from latticewatch.app.run.settings_changed import changes_patterns, differences, given_again, needs_own_file
from tests.app.conftest import scan as scan


def inputs_of(scan: Path, folder: Path, text: str, **more: object) -> Inputs:
    path = folder / f"{len(list(folder.iterdir()))}.toml"
    path.write_text(text, encoding="utf-8")
    return gather(scan, Given(geometry=scan / "geometry.poni", experiment=path, **more))  # type: ignore[arg-type]


TABLE = [
    # What is replaced in experiment.toml by what; what is told; the beginning of why it needs a run file of its own.
    ("tolerance = 0.03", "tolerance = 0.1", ["[plateau] tolerance: 0.03 → 0.1"], ""),
    ("= 5.842\n\n", "= 5.85\n\n", ["[[component]] Br lattice_parameter_A: 5.842 → 5.85"], ""),
    ("second_A = 6.205", "second_A = 6.3", ["[composition] second_A: 6.205 → 6.3"], ""),
    ("mixing_time_s = 10.0", "mixing_time_s = 12.0", ["[experiment] mixing_time_s: 10.0 → 12.0"], ""),
    ("mixing_time_s = 10.0\n", "", ["[experiment] mixing_time_s: 10.0 → found from the data"], ""),
    (
        "frame_period_s = 2.5",
        "frame_period_s = 5.0",
        ["[experiment] frame_period_s: 2.5 → 5.0"],
        "[experiment] frame_period_s cannot change",
    ),
    (
        "[plateau]",
        '[integration]\nrobust = "on"\n\n[plateau]',
        ["[integration] robust: auto → on"],
        "[integration] robust cannot change",
    ),
    ("[plateau]", "[source]\nrecursive = true\n\n[plateau]", None, "[source] recursive cannot change"),
    (
        '[[component]]\nname = "I"',
        '[[component]]\nname = "J"',
        None,
        "the columns of Br, I cannot become those of Br, J",
    ),
    ("[composition]\nfirst_A = 5.842\nsecond_A = 6.205\n", "", None, "a composition cannot begin or end"),
]


@pytest.mark.parametrize(("old", "new", "told", "why"), TABLE)
def test_what_differs_and_whether_it_may(
    scan: Path, tmp_path: Path, old: str, new: str, told: list[str] | None, why: str
) -> None:
    text = (scan / "experiment.toml").read_text(encoding="utf-8")
    assert old in text
    before, after = inputs_of(scan, tmp_path, text), inputs_of(scan, tmp_path, text.replace(old, new, 1))
    what = differences(before, after)
    assert what
    if told is not None:
        assert [str(each) for each in what] == told
    assert needs_own_file(before, after)[: len(why) or None] == why
    assert differences(before, before) == ()


def test_files_count_by_their_content(scan: Path, tmp_path: Path) -> None:
    text = (scan / "experiment.toml").read_text(encoding="utf-8")
    one, same, other = (tmp_path / f"{name}.npy" for name in ("one", "same", "other"))
    for path, value in ((one, 0), (same, 0), (other, 1)):
        np.save(path, np.full((619, 487), value, np.uint8))
    bare = inputs_of(scan, tmp_path, text)
    first, alike, masked = (inputs_of(scan, tmp_path, text, mask=path) for path in (one, same, other))
    np.save(one, np.full((619, 487), 1, np.uint8))
    edited = inputs_of(scan, tmp_path, text, mask=one)
    table = [
        (bare, first, ["mask: none → one.npy"]),
        (first, bare, ["mask: one.npy → none"]),
        (first, alike, []),
        (first, masked, ["mask: one.npy → other.npy"]),
        (first, edited, ["mask: one.npy → with other content"]),
    ]
    for before, after, told in table:
        what = differences(before, after)
        assert [str(each) for each in what] == told
        assert changes_patterns(what) == bool(told)
        assert needs_own_file(before, after) == ""


def test_settings_are_found_again_by_what_was_decided(scan: Path, tmp_path: Path) -> None:
    text = (scan / "experiment.toml").read_text(encoding="utf-8")
    np.save(tmp_path / "mask.npy", np.zeros((619, 487), np.uint8))
    given = Given(recursive=True)
    for more in ({}, {"orientation": 2}, {"mask": tmp_path / "mask.npy", "orientation": 3}):
        inputs = inputs_of(scan, tmp_path, text, **more)
        again = given_again(inputs.decided, given)
        assert again.recursive is True
        assert gather(scan, replace(again, recursive=None)).decided == inputs.decided
