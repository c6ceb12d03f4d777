"""Another setting in the text of experiment.toml: what is not chosen stays as it was written."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from latticewatch.app.start.changed_setup import (
    Setting,
    angles_in,
    angles_told,
    another_peak,
    changed_text,
    peaks_in,
    peaks_told,
    saved_setup,
    setting_of,
)
from latticewatch.app.start.profiles import Choice, profile_folders
from latticewatch.processing.config.experiment import Experiment, parse_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.peak import PeakRange

FOLDER = Path("/data/scan")
TEXT = """# of the night shift
[experiment]
title = "Br"  # free text
mixing_time_s = 10.0

[geometry]
poni = "a.poni"
mask = "mask.npy"
polarization = 0.95

[[component]]
name = "Br"
phase = "CsPbBr3"   # shipped
lattice_parameter_A = 5.842
intensities = "free"

[[component]]
name = "window"
cif = "al.cif"
role = "spectator"

[fit]
exclude_two_theta_deg = [[12.0, 12.5]]

[alarm]
on_state = ["rm", "-rf"]
"""


def experiment_in(text: str) -> Experiment:
    return parse_experiment(text, "the test")


def setting() -> Setting:
    return setting_of(experiment_in(TEXT), FOLDER)


def test_the_form_shows_what_the_set_up_says() -> None:
    assert setting() == Setting(
        (Choice("CsPbBr3", "Br", False, 5.842), Choice(FOLDER / "al.cif", "window", True, None)),
        ((12.0, 12.5),),
        0.03,
    )


def test_the_same_setting_changes_paths_alone() -> None:
    text = changed_text(TEXT, FOLDER, setting())
    before, after = tomllib.loads(TEXT), tomllib.loads(text)
    before["geometry"]["poni"] = "/data/scan/a.poni"
    before["component"][1]["cif"] = "/data/scan/al.cif"
    del before["geometry"]["mask"]  # it is chosen apart
    del before["alarm"]  # the set-up may have been found, and commands come from files that were named
    assert after == before
    for comment in ("# of the night shift", "# free text", "# shipped"):
        assert comment in text


def test_each_setting_is_written_where_it_belongs() -> None:
    first, window = setting().components
    iodide = Choice("CsPbI3", "I", False, 6.205)
    table: list[tuple[Setting, object, object]] = [
        (replace(setting(), tolerance=0.1), ("plateau",), {"tolerance": 0.1}),
        (replace(setting(), left_out=()), ("fit",), {"exclude_two_theta_deg": []}),
        (replace(setting(), left_out=((1.0, 2.0),)), ("fit",), {"exclude_two_theta_deg": [[1.0, 2.0]]}),
        (
            replace(setting(), components=(replace(first, start_A=None), window)),
            ("component", 0),
            {"name": "Br", "phase": "CsPbBr3", "intensities": "free"},
        ),
        (
            replace(setting(), components=(replace(first, source=FOLDER / "my.cif"), window)),
            ("component", 0),
            {"name": "Br", "cif": "/data/scan/my.cif", "lattice_parameter_A": 5.842, "intensities": "free"},
        ),
        (
            replace(setting(), components=(first, iodide)),
            ("component", 1),
            {"name": "I", "phase": "CsPbI3", "lattice_parameter_A": 6.205},
        ),
        (
            replace(setting(), components=(first, replace(window, is_spectator=False))),
            ("component", 1),
            {"name": "window", "cif": "/data/scan/al.cif"},
        ),
    ]
    for changed, place, expected in table:
        found = tomllib.loads(changed_text(TEXT, FOLDER, changed))
        for key in place:  # type: ignore[attr-defined]
            found = found[key]
        assert found == expected


def test_peaks_are_written_kept_and_taken_out() -> None:
    peaks = (PeakRange("p211", (14.2, 15.70001)), PeakRange("p1", (16.0, 16.5)))
    text = changed_text(TEXT, FOLDER, replace(setting(), peaks=peaks))
    assert setting_of(experiment_in(text), FOLDER).peaks == peaks
    commented = text.replace('name = "p211"', 'name = "p211"  # ours')
    assert "# ours" in changed_text(commented, FOLDER, replace(setting(), peaks=peaks, tolerance=0.1))
    assert "[[peak]]" not in changed_text(text, FOLDER, setting())
    more = another_peak(peaks, (18.0, 18.4))
    assert more == (*peaks, PeakRange("p2", (18.0, 18.4)))
    assert peaks_in(peaks_told(more)) == more


def test_a_set_up_without_components_stays_one() -> None:
    text = '[[peak]]\nname = "p"\ntwo_theta_deg = [14.0, 15.0]\n'
    bare = setting_of(experiment_in(text), FOLDER)
    assert setting_of(experiment_in(changed_text(text, FOLDER, replace(bare, tolerance=0.1))), FOLDER).components == ()
    added = replace(bare, components=(Choice("CsPbBr3", "Br", False, None),))
    assert setting_of(experiment_in(changed_text(text, FOLDER, added)), FOLDER) == added


@pytest.mark.parametrize("text", ["p211", "p211 15", "14.2-15.7", "a b 14-15"])
def test_what_is_no_peak_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]* is no (peak|range of angles); write [^\n]*$"):
        peaks_in(text)


def test_what_is_written_is_what_the_form_said() -> None:
    first, window = setting().components
    changed = Setting((replace(first, start_A=5.7), replace(window, name="al")), ((9.5, 9.8), (12.0, 12.4)), 0.05)
    assert setting_of(experiment_in(changed_text(TEXT, FOLDER, changed)), FOLDER) == changed


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", ()),
        ("9.5-9.8", ((9.5, 9.8),)),
        (" 9.5 - 9.8 ; 12–12.4, ", ((9.5, 9.8), (12.0, 12.4))),
    ],
)
def test_ranges_of_angles_are_read_and_told(text: str, ranges: tuple[tuple[float, float], ...]) -> None:
    assert angles_in(text) == ranges
    assert angles_in(angles_told(ranges)) == ranges


@pytest.mark.parametrize("text", ["9.8-9.5", "9.5", "a-b", "9.5-9.8-10", "-1-2", "170-190", "nan-3", "9,5-9,8"])
def test_what_is_no_range_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match="is no range of angles; write from-to in degrees"):
        angles_in(text)


def test_a_set_up_that_was_kept_is_never_overwritten() -> None:
    one, other = saved_setup("# one\n", "night_changed"), saved_setup("# other\n", "night_changed")
    assert one.parent == other.parent == profile_folders()[0]
    assert (one.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")) == ("# one\n", "# other\n")
