"""What a run came to, in one line."""

from latticewatch.app.run.session import Session
from latticewatch.processing.flow.accuracy import Accuracy, quoted, signs_of
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Snapshot
from latticewatch.processing.flow.wording import quantities_told
from latticewatch.processing.text import printable


def outcome_line(session: Session) -> str:
    """Frames, gaps, the last verdict and the last lattice parameter, and where the run file is."""
    snapshot = session.pipeline.series.snapshot()
    out = session.writer.path if session.writer else session.out
    where = f"; recorded in {printable(str(out))}" if out else ""
    if not snapshot.count:
        return f"no frames{where}"
    verdict = snapshot.row(-1).verdict
    last_lp = _last_number(snapshot, session.setup.accuracy)
    waiting, missing = snapshot.progress.waiting, snapshot.progress.missing
    counts = [counted(snapshot.count, "frame"), counted(snapshot.gaps, "gap")]
    counts += [f"{waiting} seen and not processed"] if waiting else []
    counts += [f"{missing} numbers missing in the series"] if missing else []
    state = f"{verdict.state}: {verdict.why.rstrip('.')}" if verdict.why else str(verdict.state)
    return f"{', '.join(counts)}; {state}; {last_lp}{where}"


def counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _last_number(snapshot: Snapshot, accuracy: Accuracy | None) -> str:
    for number in range(snapshot.count - 1, -1, -1):
        row = snapshot.row(number)
        if told := quantities_told(snapshot.quantities, row.fit, row.peaks, accuracy):
            return f"last {', '.join(told)} ({signs_of(accuracy)})"
        if not isinstance(row.fit, NoResult):
            mean = quoted(row.fit.lp_mean_A, row.fit.lp_mean_esd_A, accuracy)
            return f"last mean Lp {mean} ({signs_of(accuracy)})"
    fit = snapshot.row(-1).fit
    return f"no lattice parameter (last frame: {fit.reason})" if isinstance(fit, NoResult) else "no lattice parameter"
