"""Inputs that are not named are found only where there is exactly one, and where each value came from is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.run.decisions import decide, find_only, gather
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.toml_tables import Table
from latticewatch.processing.sources.streams.address import StreamAddress
from tests.app.conftest import scan as scan

EXPERIMENT_TOML = """
[geometry]
bins = 900
[source]
include = "br_*.cbf"
[plateau]
tolerance = 0.03
[[component]]
name = "Br"
phase = "CsPbBr3"
"""


def test_a_folder_that_cannot_be_read_is_said_and_not_that_nothing_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be allowed to read everything."""
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    with pytest.raises(UserError, match=r"the folder cannot be read \(Permission denied\); make it readable"):
        find_only(tmp_path, "experiment.toml", "--experiment")


def test_the_only_one_in_the_folder_or_above_is_found(tmp_path: Path) -> None:
    scan = tmp_path / "scan"
    scan.mkdir()
    with pytest.raises(UserError, match=r"no \*\.poni"):
        find_only(scan, "*.poni", "--geometry")
    above = tmp_path / "geometry.poni"
    above.touch()
    assert find_only(scan, "*.poni", "--geometry") == above.resolve()
    (scan / "stack.h5").touch()
    assert find_only(scan / "stack.h5", "*.poni", "--geometry") == above.resolve()
    (scan / "other.poni").touch()
    with pytest.raises(UserError, match=r"geometry\.poni.*--geometry") as caught:
        find_only(scan, "*.poni", "--geometry")
    assert "other.poni" in str(caught.value)


def test_where_each_value_came_from_is_kept(scan: Path, tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT_TOML)
    given = Given(experiment=path, include="*.cbf", dataset="/data", recursive=False)
    decided = {each.name: (each.value, each.source) for each in gather(scan, given).decided}
    assert decided["experiment"] == (str(path), "command line")
    assert decided["geometry"][1] == "found"
    assert decided["[source] include"] == ("*.cbf", "command line")
    assert decided["[source] dataset"] == ("/data", "command line")
    assert decided["[source] recursive"] == ("False", "command line")
    assert decided["[geometry] bins"] == ("900", "experiment.toml")
    # Also where it was given as the default has it.
    assert decided["[plateau] tolerance"] == ("0.03", "experiment.toml")
    assert decided["[geometry] polarization"] == ("0.99", "default")
    assert decided["[fit] two_theta_deg"] == ("all", "default")
    assert decided["[[component]] Br lattice_parameter_A"] == ("the phase's", "default")


def test_no_key_of_the_experiment_is_left_out(scan: Path, tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(f"{EXPERIMENT_TOML}[composition]\nfirst_A = 5.8\nsecond_A = 6.2\n")
    decided = [each.name for each in decide(Request(scan, Given(experiment=path), live=True)).decided]
    told = set(decided)
    assert len(told) == len(decided)
    experiment = parse_experiment(path.read_text(), path.name)
    tables = [(f"[{name}]", table) for name, table in experiment if isinstance(table, Table)]
    tables += [(f"[[component]] {table.name}", table) for table in experiment.component]
    keys = {f"{place} {key}" for place, table in tables for key in type(table).model_fields}
    # These are told by the names of what they lead to, and not once more by their keys.
    files = {"poni", "mask", "dark", "flat", "background", "accuracy", "orientation"}
    assert keys - told == {*(f"[geometry] {key}" for key in files), "[alarm] on_state"}
    assert {"experiment", "geometry", *files - {"poni"}, "on_state", "run file", "resume", "fallback folder"} <= told


def test_a_run_file_of_the_folder_that_is_there_already_is_said_with_its_whole_path(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    caplog.set_level("INFO")
    request = Request(scan, live=True)
    assert decide(request).out == Path(f"{scan.name}.h5")
    assert f"recording in {tmp_path / 'here' / scan.name}.h5" in caplog.text
    assert "there already" not in caplog.text
    (tmp_path / "here" / f"{scan.name}.h5").touch()
    assert decide(request).out == Path(f"{scan.name}_2.h5")
    assert f"{tmp_path / 'here' / scan.name}.h5 is there already" in caplog.text
    assert "--resume" in caplog.text
    caplog.clear()
    decide(replace(request, stream=StreamAddress("tcp", "detector:31001")))
    assert f"{tmp_path / 'here' / scan.name}.h5 is there already" in caplog.text
    assert "--resume" not in caplog.text, "a stream refuses it"


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        ('"a\\nb\\u001b[31m"', 'no quantity "a b'),
        (f'"{"a" * 10_000}"', "at most 80 characters"),
        ('["a", "a"]', '"a": is there already, as "a"'),
        ('["Br.lp", "a"]', '"a": is there already, as "Br.lp"'),
        ("[]", "at least 1 item"),
        ('"NAME.c"', 'no component "NAME"'),
        ('"peak:x.area"', "no .*peak.* is called"),
    ],
)
def test_what_cannot_be_watched(quantity: str, said: str) -> None:
    text = f"{EXPERIMENT_TOML}[watch]\nquantity = {quantity}\n"
    with pytest.raises(UserError, match=said) as caught:
        resolve(parse_experiment(text, "experiment.toml"), Path(), 0.64, np.linspace(3.0, 25.0, 900))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
