"""What fits of one frame in all four orientations say: by tables."""

import pytest

from latticewatch.app.start.judging import Level, Trial, judged

NO = "fit refused: the lines do not lie on one lattice"


def trials(**given: float | str) -> list[Trial]:
    """``o3=0.9, o4="no peaks"``: χ² or reason by orientation."""
    return [
        Trial(int(key[1]), reason=value) if isinstance(value, str) else Trial(int(key[1]), value)
        for key, value in given.items()
    ]


# What was seen with simulated scans, and what it has to come to.
CASES = [
    ("the right one", 3, trials(o1=NO, o2=NO, o3=0.92, o4=6.18), Level.GOOD, None, ["Fits: Br 5.9", "3 0.9, 4 6.2"]),
    (
        "a wrong one that fits",
        4,
        trials(o1=NO, o2=NO, o3=0.92, o4=6.18),
        Level.WRONG,
        3,
        ["Best is 3 (as read), χ² 0.9"],
    ),
    ("a wrong one that does not", 2, trials(o1=NO, o2=NO, o3=0.92, o4=6.18), Level.WRONG, 3, ["no fit: fit refused"]),
    ("solvent alone", 3, trials(o1=NO, o2=NO, o3="no peaks", o4="no peaks"), Level.UNKNOWN, None, ["Cannot be judged"]),
    (
        "solvent, and a wrong one",
        2,
        trials(o1=NO, o2=NO, o3="no peaks", o4="no peaks"),
        Level.UNKNOWN,
        None,
        ["no lin"],
    ),
    ("no beam", 3, trials(o1="no beam", o2="no beam", o3="no beam", o4="no beam"), Level.UNKNOWN, None, ["no lines"]),
    ("nothing fits", 3, trials(o1=NO, o2=NO, o3=NO, o4=NO), Level.WRONG, None, ["Fits with no orientation", "phases"]),
    ("fits badly", 3, trials(o1=NO, o2=NO, o3=48.0, o4=NO), Level.WARNING, None, ["far above 1", "48.0"]),
    ("the best is bad too", 2, trials(o1=NO, o2=90.0, o3=48.0, o4=NO), Level.WRONG, 3, ["far above 1", "48.0"]),
    ("the beam in the middle", 3, trials(o1=0.93, o2=0.91, o3=0.92, o4=0.95), Level.WARNING, None, ["cannot be told"]),
    (
        "alike and bad",
        4,
        trials(o1=NO, o2=NO, o3=48.0, o4=50.0),
        Level.WARNING,
        None,
        ["Orientation 3 fits as well, so the flip cannot be told", "48.0 is far above 1"],
    ),
    ("within the noise", 4, trials(o1=NO, o2=NO, o3=1.0, o4=1.1), Level.WARNING, None, ["Orientation 3 fits as well"]),
]


@pytest.mark.parametrize(("name", "chosen", "seen", "level", "better", "said"), CASES, ids=[case[0] for case in CASES])
def test_what_is_said(
    name: str, chosen: int, seen: list[Trial], level: Level, better: int | None, said: list[str]
) -> None:
    judgement = judged(seen, chosen, "Br 5.9118")
    assert (judgement.level, judgement.better) == (level, better), name
    for words in said:
        assert words in judgement.text


def test_it_never_depends_on_the_order_in_which_they_were_tried() -> None:
    seen = trials(o1=NO, o2=NO, o3=0.92, o4=6.18)
    assert judged(seen, 2) == judged(seen[::-1], 2)


def test_what_cannot_be_printed_in_a_reason_stays_out() -> None:
    judgement = judged(trials(o1="fit\nrefused", o2="fit\x1brefused"), 1)
    assert "\n" not in judgement.text
    assert "\x1b" not in judgement.text
