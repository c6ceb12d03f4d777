"""Patterns that other programs wrote: columns of text and GSAS raw files."""

import signal
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.formats.decode import decode
from latticewatch.processing.formats.image_file import NotWhole, Unreadable
from latticewatch.processing.formats.pattern_text import read_empty_cell

GRID = 5.0 + 0.02 * np.arange(200)
INTENSITY = np.round(100.0 + 50.0 * np.exp(-(((GRID - 7.0) / 0.1) ** 2)) + np.arange(200) % 7, 1)
SIGMA = np.round(np.sqrt(INTENSITY), 2)
TABLE = list(zip(GRID.tolist(), INTENSITY.tolist(), SIGMA.tolist(), strict=True))


def columns(text: str, suffix: str = ".xye") -> np.ndarray:
    image = decode(f"a_0001{suffix}", text.encode())
    assert not image.proven  # a text has no checksum: it must stay as it is for a while
    return np.asarray(image.counts)


def xye(rows: list[tuple[float, float, float]] = TABLE) -> str:
    return "# a comment\n" + "".join(f"{x:.4f} {y} {s}\n" for x, y, s in rows)


def bank(kind: str, lines: list[str], binning: str = "CONS 500.00 2.00 0 0") -> str:
    return f"{'a title':80}\nBANK 1 {len(GRID)} {len(lines)} {binning} {kind}\n" + "".join(
        f"{line}\n" for line in lines
    )


def fields(values: list[str], of_line: int) -> list[str]:
    return ["".join(values[first : first + of_line]) for first in range(0, len(values), of_line)]


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        (xye(), ".xye"),
        (xye().replace(" ", "\t").replace("\n", "\r\n"), ".dat"),
        (bank("FXYE", [f"{100 * x:.2f} {y} {s}" for x, y, s in TABLE]), ".fxye"),
        (bank("ESD", fields([f"{each:8.2f}" for _, y, s in TABLE for each in (y, s)], 10)), ".gsa"),
    ],
)
def test_angle_intensity_and_sigma_are_read(text: str, suffix: str) -> None:
    found = columns(text, suffix)
    np.testing.assert_allclose(found[0], GRID, atol=1e-9)
    np.testing.assert_allclose(found[1], INTENSITY, atol=1e-9)
    np.testing.assert_allclose(found[2], SIGMA, atol=1e-9)


def test_counts_of_several_counters_have_their_sigma() -> None:
    counts = np.round(INTENSITY)
    found = columns(bank("STD", fields([f"{4:2d}{int(each):6d}" for each in counts], 10)), ".gsa")
    np.testing.assert_allclose(found[1], counts)
    np.testing.assert_allclose(found[2], np.sqrt(counts / 4.0))


def test_fit2d_and_files_without_sigma_have_that_of_the_noise() -> None:
    random = np.random.default_rng(1)
    noisy = 100.0 + random.normal(0.0, 3.0, len(GRID))
    lines = "".join(f"  {x:.6E}  {y:.6E}\n" for x, y in zip(GRID, noisy, strict=True))
    found = columns(f"a.tif\n 2-Theta Angle (Degrees)\n Intensity\n {len(GRID)}\n{lines}", ".chi")
    assert len(found[0]) == len(GRID)
    np.testing.assert_allclose(found[2], 3.0, rtol=0.25)
    np.testing.assert_array_equal(columns(lines, ".xy")[2], found[2])


def test_a_time_in_the_comments_is_the_stamp() -> None:
    assert decode("a.xye", ("# time 12.500000 s from the first frame\n" + xye()).encode()).stamp_s == 12.5
    assert np.isnan(decode("a.xye", xye().encode()).stamp_s)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# q_nm^-1 I\n" + xye(), "is Q"),
        ("# q_A^-1, I\n" + xye(), "is Q"),
        ("# Q (1/nm)\n" + xye(), "is Q"),
        (xye(TABLE[::-1]), "do not ascend"),
        (xye([(x - 6.0, y, s) for x, y, s in TABLE]), "not 2θ"),
        (xye([(100.0 * x, y, s) for x, y, s in TABLE]), "not 2θ"),
        (bank("ESD", ["1.0"], "SLOG 500.0 2000.0 0.001 0"), "no constant steps"),
        ("BANK nonsense\n", "BANK line"),
        ("\0" * 400 + "BANK", "fewer than"),
        (xye().replace("5.1000", "nan"), "do not ascend"),
        (xye([(x, y, 0.0) for x, y, _ in TABLE]), "a sigma above 0"),
        (xye([(x, float("nan"), s) for x, _, s in TABLE]), "have an intensity"),
        (xye([(x, 1e300, s) for x, _, s in TABLE]), "a number of 1e\\+300"),
        ("".join(f"{1.0 + 1e-4 * number:.4f} 1\n" for number in range(100_002)), "more than 100000 points"),
        (bank("FXYE", []).replace(str(len(GRID)), "9" * 5000), "BANK line|more than 100000 points"),
        (bank("ESD", fields(["    10.0"] * 400, 10), "CONS nan 2.00 0 0"), "do not ascend"),
    ],
)
def test_what_is_no_pattern_of_2theta_is_refused(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        columns(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", xye(TABLE[:10]), bank("FXYE", ["500.0 1.0 1.0"]), bank("FXYE", []), bank("FXYE", ["500 1 1", "502 1"])),
        "BANK 1 1 1 CONS 500.00 2.00 0 0 FXYE\n500.0 1.0 1.0\n",
        xye()[: -len(f" {TABLE[-1][2]}\n")],  # the last sigma is not written yet
    ],
)
def test_what_is_cut_short_may_become_a_pattern(text: str) -> None:
    with pytest.raises(NotWhole):
        columns(text)


@pytest.mark.parametrize("word", ["nan", "inf", "1e999"])
def test_a_point_of_no_number_is_not_known(word: str) -> None:
    found = columns(xye().replace(f"5.1000 {TABLE[5][1]}", f"5.1000 {word}"))
    assert np.flatnonzero(np.isnan(found).any(axis=0)).tolist() == [5]


@pytest.mark.parametrize("header", ["q" + " " * 200_000, "q " * 60_000, "# time " + "1" * 100_000])
def test_no_header_takes_long(header: str) -> None:
    """Blanks that could be shared in many ways took hours; a test that hangs is ended and fails."""
    signal.alarm(60)
    try:
        assert columns(f"{header}\n{xye()}").shape == (3, len(GRID))
    finally:
        signal.alarm(0)


def test_a_time_that_no_clock_shows_is_none() -> None:
    assert np.isnan(decode("a.xye", f"# time {'9' * 400} s from the first frame\n{xye()}".encode()).stamp_s)


def test_noise_never_raises_anything_else() -> None:
    random = np.random.default_rng(2)
    text = bank("ESD", fields([f"{each:8.2f}" for _, y, s in TABLE for each in (y, s)], 10)).encode()
    for _ in range(300):
        spoiled = bytearray(text)
        for place in random.integers(0, len(text), 12):
            spoiled[place] = int(random.integers(0, 256))
        try:
            decode("a.gsa", bytes(spoiled[: random.integers(1, len(text))]))
        except Unreadable:
            continue


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_costs_no_point(encoding: str) -> None:
    rows = xye().split("\n", 1)[1]
    np.testing.assert_array_equal(decode("a.xye", rows.encode(encoding)).counts, columns(rows))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f" {TABLE[5][1]} ", " 1e300 ", "a number of 1e\\+300"),
        (f" {TABLE[5][2]}\n", "\n", "of two numbers and of three"),
    ],
)
def test_an_empty_cell_of_no_intensities_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "empty.xye").write_text(xye().replace(old, new, 1))
    with pytest.raises(UserError, match=rf"empty\.xye: [^\n]*{said}"):
        read_empty_cell(tmp_path / "empty.xye")
