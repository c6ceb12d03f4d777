"""Images that were left out in silence, and data sets that are none."""

import pytest

from tests.field.conftest import Process
from tests.sample_data import sample

CEO2_A = 5.4116


def process_case(process: Process, name: str, **options: str) -> tuple[str, list[dict[str, object]]]:
    case = sample(f"field/{name}")
    said, rows = process(name, geometry=case / "g.poni", experiment=case / "experiment.toml", **options)
    return said.err, rows


def test_darks_beside_the_data(process: Process) -> None:
    _, rows = process_case(process, "exchange-dark")
    assert [row["lp_S_A"] for row in rows] == pytest.approx([CEO2_A + 0.001 * n for n in range(5)], abs=1e-4)


def test_the_dataset_is_named(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    _, rows = process_case(process, "exchange-dark", dataset="/exchange/data_white")
    assert len(rows) == 2
    said, rows = process(
        "exchange-dark",
        dataset="/exchange/nothing",
        **{
            name: sample(f"field/exchange-dark/{file}")
            for name, file in (("geometry", "g.poni"), ("experiment", "experiment.toml"))
        },
    )
    assert said.status == 2
    assert "/exchange/data" in said.complaint


def test_which_scan_of_a_file_was_taken_is_said(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    _, rows = process_case(process, "bliss-two-scans")
    assert [row["time_s"] for row in rows] == [0.0, 10.0]
    assert "not taken: /2.1/" in caplog.text
    assert "(3 images); name one with --dataset" in caplog.text


def test_another_scan_of_a_file(process: Process) -> None:
    _, rows = process_case(process, "bliss-two-scans", dataset="/2.1/measurement/eiger")
    assert [row["time_s"] for row in rows] == [0.0, 10.0, 20.0]


def test_data_files_that_the_master_does_not_link(process: Process) -> None:
    _, rows = process_case(process, "eiger-master-first-only")
    assert len(rows) == 6
    assert all(row["status"] == "fitted" for row in rows)


def test_all_images_of_a_tiff_are_frames(process: Process) -> None:
    _, rows = process_case(process, "multipage-tiff")
    assert len(rows) == 8
    assert all(row["status"] == "fitted" for row in rows)
    assert [row["frame"] for row in rows] == list(range(8))


def test_strip_counts_of_nothing(process: Process) -> None:
    _, rows = process_case(process, "tiff-strip-counts")
    assert rows
    assert all(row["lp_S_A"] == pytest.approx(CEO2_A, abs=1e-3) for row in rows)


def test_frames_of_a_sample_in_the_dark(process: Process) -> None:
    _, rows = process_case(process, "dark-in-the-name", include="MAPbBr2I_dark_*.tif")
    assert len(rows) > 1
    assert all(row["status"] == "fitted" for row in rows)


def test_a_series_in_the_dark_alone_is_a_series(process: Process) -> None:
    _, rows = process_case(process, "dark-in-the-name")
    assert len(rows) == 4


def test_one_hdf5_file_per_frame(process: Process) -> None:
    _, rows = process_case(process, "hdf5-per-frame")
    assert len(rows) > 2
    assert all(row["status"] == "fitted" for row in rows)
    assert [row["frame"] for row in rows] == list(range(len(rows)))


def test_packed_tiffs_need_no_process_of_their_own(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process of its own")

    monkeypatch.setattr("latticewatch.processing.formats.tiff.read_with_fabio", refuse)
    said, rows = process_case(process, "compressed-tiff-slow")
    assert rows
    assert all(row["status"] == "fitted" for row in rows)
    assert "Unable to read" not in said
