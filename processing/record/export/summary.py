"""The summary: what a run came to, as JSON."""

import json
import math
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.flow.accuracy import Accuracy, signs_of
from latticewatch.processing.flow.composition import fraction_of
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.sector import harmonics, name_of
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.reaction.afterwards.kinetics import Completion, Kinetics, Pause, Rate, Watched, describe
from latticewatch.processing.reaction.afterwards.reached import Reached
from latticewatch.processing.record.run_file.account import Account
from latticewatch.processing.record.run_file.changes import Change
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.stored_run import Run
from latticewatch.processing.refinement.foreign.sightings import ForeignLines, Sighting

SCHEMA = "latticewatch-summary/1"


def described(run: Run) -> tuple[Kinetics, list[Sighting]]:
    """What the run came to, and its foreign lines: of the rows that were fitted with the settings it had last."""
    alike = run.traced_alike
    whole = run.rows if len(alike) == len(run.traced) else ()
    return describe(run.setup, alike), ForeignLines(run.setup, run.two_theta).over(alike, whole)


def summarise(
    header: RunHeader,
    rows: Sequence[Row],
    kinetics: Kinetics,
    account: Account | None = None,
    foreign: Sequence[Sighting] | None = None,
    changes: Sequence[Change] = (),
    alike: Container[int] = (0,),
) -> dict[str, Any]:
    """The summary of a run, ready for JSON: None where a number is not known. Patterns are not looked at.

    header: with the settings that the run had last. kinetics: of the rows that were fitted with these. account: what
    became of all that was seen; foreign: the lines of no component; where these are known. changes: of the
    settings. alike: segments whose rows ``kinetics`` is of.
    """
    scale, fraction, fraction_esd = header.setup.composition, NAN, NAN
    if scale is not None and not math.isnan(kinetics.lp_end_A):
        fraction, fraction_esd = fraction_of(scale, kinetics.lp_end_A, kinetics.lp_end_esd_A)
    return {
        "schema": SCHEMA,
        "title": header.title,
        "frames": len(rows),
        "gaps": sum(isinstance(row.fit, NoResult) for row in rows),
        "mixing_s": _time(kinetics.mixing_s),
        "pauses": [_pause(pause) for pause in kinetics.pauses],
        "complete": _complete(kinetics.complete) if kinetics.complete else None,
        "half_time_s": _time(kinetics.half_time_s),
        "half_time_esd_s": _time(kinetics.half_time_esd_s),
        "rates": [_rate(rate) for rate in kinetics.rates],
        "lp_start_A": _length(kinetics.lp_start_A),
        "lp_start_esd_A": _length(kinetics.lp_start_esd_A),
        "lp_end_A": _length(kinetics.lp_end_A),
        "lp_end_esd_A": _length(kinetics.lp_end_esd_A),
        "fraction_end": _length(fraction),
        "fraction_end_esd": _length(fraction_esd),
        "software": dict(header.software),
        "inputs": [{"role": each.role, "file": each.name, "sha256": each.sha256} for each in header.inputs],
        **_accuracy(header.setup.accuracy, kinetics),
        "reached": [_reached(reached) for reached in kinetics.reached],
        "fraction_end_out_of_range": None if math.isnan(fraction) else not 0.0 <= fraction <= 1.0,
        **({"watched": _watched(kinetics.watched)} if kinetics.watched else {}),
        **({"sectors": _sectors(header.setup, rows)} if header.setup.sectors else {}),
        **({"account": asdict(account)} if account else {}),
        **({} if foreign is None else {"foreign_lines": [_foreign(line) for line in foreign]}),
        **(_changes(changes, rows, alike) if changes else {}),
    }


def summary_text(summary: dict[str, Any]) -> str:
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Write the summary as JSON in UTF-8. Raises UserError where it cannot be written."""
    write_whole(path, summary_text(summary).encode())


def _accuracy(accuracy: Accuracy | None, kinetics: Kinetics) -> dict[str, Any]:
    """What every lattice parameter above can be off by beside its esd; null where nobody has checked."""
    if accuracy is None:
        return {"lp_accuracy_A": None, "accuracy": None, "lp_errors": signs_of(None)}
    ends = [lp for lp in (kinetics.lp_end_A, kinetics.lp_start_A) if math.isfinite(lp)]
    said = {
        name: getattr(accuracy, name) for name in ("calibrant", "frame", "poni", "poni_sha256", "orientation", "rings")
    }
    return {
        "lp_accuracy_A": _length(accuracy.of(ends[0])) if ends else None,
        "accuracy": {"ppm": _significant(accuracy.ppm), **said, "checked": accuracy.checked.isoformat()},
        "lp_errors": signs_of(accuracy),
    }


def _sectors(setup: Setup, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each component how the cells of the sectors differ, in the mean of all frames."""
    told = []
    for component in setup.components:
        names = [name_of(sector, component.name) for sector in setup.sectors]
        cells = [{cell.name: cell for cell in row.sectors} for row in rows if row.sectors]
        lp = np.array([[cell[name].lp_A for name in names] for cell in cells]).reshape(-1, len(names))
        esd = np.array([[cell[name].lp_esd_A for name in names] for cell in cells]).reshape(-1, len(names))
        whole = np.isfinite(lp).all(axis=1) & (esd > 0.0).all(axis=1)
        means = lp[whole].mean(axis=1, keepdims=True)
        weight = (esd[whole] / means) ** -2
        total = np.where(whole.any(), weight.sum(axis=0), NAN)
        found = harmonics(setup.sectors, (weight * lp[whole] / means).sum(axis=0) / total, total**-0.5)
        told.append(
            {"component": component.name, "frames": int(whole.sum())}
            | {name: _significant(value) for name, value in asdict(found).items()}
        )
    return told


def _watched(watched: Watched) -> dict[str, Any]:
    numbers = {name: _length(getattr(watched, name)) for name in ("start", "start_esd", "end", "end_esd")}
    return {"quantity": watched.column, "unit": watched.unit, **numbers}


def _pause(pause: Pause) -> dict[str, float | None]:
    return {
        "start_s": _time(pause.start_s),
        "end_s": _time(pause.end_s),
        "lp_A": _length(pause.lp_A),
        "lp_esd_A": _length(pause.lp_esd_A),
        "declared_s": _time(pause.declared_s),
        "start_esd_s": _time(pause.start_esd_s),
        "end_esd_s": _time(pause.end_esd_s),
        **({"value": _length(pause.value), "esd": _length(pause.value_esd)} if math.isfinite(pause.value) else {}),
    }


def _reached(reached: Reached) -> dict[str, Any]:
    """A share of the change, when it was done, and the 90 % interval of that; None where no law could be fitted."""
    interval = [_time(limit) for limit in reached.interval_s]
    known = None not in interval
    return {"share": round(reached.share, 6), "at_s": _time(reached.at_s), "interval_s": interval if known else None}


def _complete(complete: Completion) -> dict[str, Any]:
    reached = _reached(Reached(NAN, complete.reached_s, complete.reached_esd_s))
    return {
        "declared_s": _time(complete.declared_s),
        "reached_s": reached["at_s"],
        "lp_A": _length(complete.lp_A),
        "lp_esd_A": _length(complete.lp_esd_A),
        "reached_interval_s": reached["interval_s"],
    }


def _rate(rate: Rate) -> dict[str, float | str | None]:
    return {
        "start_s": _time(rate.start_s),
        "end_s": _time(rate.end_s),
        "rate_constant_per_s": _significant(rate.rate_constant_per_s),
        "esd": _significant(rate.esd),
        "model": rate.model,
    }


def _changes(changes: Sequence[Change], rows: Sequence[Row], alike: Container[int]) -> dict[str, Any]:
    """The changes of the settings; which frame the numbers are computed from first, and from how many."""
    frames = [row.index for row in rows if row.segment in alike]
    told = [
        {
            "frame": change.frame,
            "time_s": _time(change.time_s),
            "changed_s": _time(change.changed_s),
            "why": change.why,
            "undone": change.is_undo,
            "what": [{"setting": each.name, "old": each.old, "new": each.new} for each in change.what],
        }
        for change in changes
    ]
    first = frames[0] if frames else None
    return {"changes": told, "computed_from_frame": first, "computed_frames": len(frames)}


def _foreign(line: Sighting) -> dict[str, Any]:
    return {
        "two_theta_deg": round(line.two_theta_deg, 4),
        "d_A": round(line.d_A, 5),
        "fwhm_deg": round(line.fwhm_deg, 4),
        "area": _significant(line.area),
        "since_s": _time(line.since_s),
        "phase": line.phase,
    }


def _time(value: float) -> float | None:
    return round(value, 6) + 0.0 if math.isfinite(value) else None


def _length(value: float) -> float | None:
    return round(value, 7) + 0.0 if math.isfinite(value) else None


def _significant(value: float) -> float | None:
    return float(f"{value:.7g}") if math.isfinite(value) else None
