"""The next scan, asked for while this one is still recorded: the newest folder beside it, made with the same inputs."""

from dataclasses import replace
from pathlib import Path

from latticewatch.app.run.decisions import RunPlan, decide
from latticewatch.app.run.given import Given
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.runs_dialog import RunsDialog
from latticewatch.processing.files.frame_names import TEMPORARY, frame_name
from latticewatch.widgets.theme import applied_theme


def newest_beside(scan: Path) -> Path | None:
    """The newest folder beside this scan's that came after it, by its name or by its time; None: there is none."""
    own = scan.resolve()
    try:
        beside = [each for each in own.parent.iterdir() if each.is_dir() and not TEMPORARY.search(each.name)]
        changed = {each: each.stat().st_mtime for each in beside}
    except OSError:
        return None
    name = frame_name(own.name)
    after = [
        each
        for each in beside
        if each != own and (name < frame_name(each.name) or changed[each] > changed.get(own, float("inf")))
    ]
    return max(after, key=lambda each: (changed[each], frame_name(each.name).key), default=None)


def named_inputs(plan: RunPlan) -> Given:
    """What this run was made with; files that were found are named, so that another scan can be made with them."""
    given, inputs = plan.request.given, plan.inputs
    if inputs is None:
        return given
    experiment = Path(next(each.value for each in inputs.decided if each.name == "experiment"))
    return replace(given, geometry=None if inputs.are_patterns else Path(inputs.geometry.source), experiment=experiment)


def next_scan(plan: RunPlan) -> RunPlan | None:
    """What the user chose to be recorded next; None: nothing, and this run stays. Raises UserError."""
    dialog = StartDialog(applied_theme())
    dialog.setWindowTitle("Next scan – LatticeWatch")
    scan, stream = plan.request.scan, plan.request.stream
    find = None if scan is None else lambda: newest_beside(scan)
    if stream is not None or (scan is not None and scan.is_dir()):
        dialog.begin_after(named_inputs(plan), trusted=bool(plan.on_state), find=find, stream=str(stream or ""))
    dialog.exec()
    dialog.deleteLater()
    request = dialog.start
    return None if request is None else decide(replace(request, fallback=plan.request.fallback))


def night_runs(plan: RunPlan) -> RunPlan | None:
    """List the runs of the night; the plan of one that is to be continued, None: of none. Raises UserError."""
    dialog = RunsDialog(plan.out or (plan.request.scan if plan.run is not None else None))
    dialog.exec()
    dialog.deleteLater()
    return None if dialog.chosen is None else decide(replace(dialog.chosen, fallback=plan.request.fallback))
