"""A mark that was taken back does not stand, though the run file keeps both."""

from latticewatch.processing.record.run_file.notes import Note, standing_marks


def note(time_s: float, text: str, kind: str = "mark") -> Note:
    return Note(time_s, 0.0, kind, text)


def test_the_newest_of_the_same_is_taken_back() -> None:
    notes = [note(1.0, "a"), note(2.0, "b"), note(1.0, "a"), note(1.0, "a", "removed"), note(5.0, "log", "log")]
    assert standing_marks(notes) == [note(1.0, "a"), note(2.0, "b")]


def test_taking_back_what_is_not_there_changes_nothing() -> None:
    assert standing_marks([note(2.0, "a", "removed"), note(2.0, "a")]) == [note(2.0, "a")]
