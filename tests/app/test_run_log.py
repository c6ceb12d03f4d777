"""What the log says of a run, row by row."""

import math

import pytest

from latticewatch.app.run.run_log import changes_told
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State, Verdict

STATES = (State.WAITING, State.REACTING, State.REACTING, State.PAUSED, State.PAUSED, State.REACTING)


def said_after(recorded: int, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level("INFO")
    tell = changes_told(recorded)
    for number, state in enumerate(STATES):
        verdict = Verdict(state, since_s=0.0, mixing_s=2.0 if number else math.nan, why="It was so.")
        tell(Row(number, f"{number}.cbf", 2.0 * number, 0.0, None, NoResult("no peaks"), verdict, math.nan))
    return [record.message for record in caplog.records]


def test_each_change_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    said = said_after(0, caplog)
    assert [line.rpartition(": ")[2] for line in said] == [
        "reacting. It was so.",
        "mixing at 2 s",
        "paused. It was so.",
        "reacting. It was so.",
    ]


@pytest.mark.parametrize(("recorded", "first", "lines"), [(3, "paused", 2), (4, "reacting", 1), (6, "", 0)])
def test_what_was_said_before_a_run_was_resumed_is_not_said_again(
    recorded: int, first: str, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    said = said_after(recorded, caplog)
    assert len(said) == lines
    assert not said or f": {first}." in said[0]
