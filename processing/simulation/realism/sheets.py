"""The texts beside a realistic scan: what the user would say of it, and the truth."""

import math

from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.recipes import TOLERANCE


def experiment_text(scan: RealScan, poni: str) -> str:
    """experiment.toml: the cells are those of the literature, which the real ones are near."""
    lines = ["[experiment]", f'title = "realistic scan {scan.seed}, {scan.chemistry}"']
    if scan.mixing_known:
        lines.append(f"mixing_time_s = {scan.mixing_s:.3f}")
    lines += [f"frame_period_s = {scan.period_s}", "", "[geometry]", f'poni = "{poni}"', ""]
    for crystal in scan.crystals:
        lines += ["[[component]]", f'name = "{crystal.name}"', f'phase = "{crystal.phase}"']
        lines += [f"lattice_parameter_A = {crystal.user_A}", ""]
    first, second = (crystal.user_A for crystal in scan.crystals)
    lines += ["[composition]", f"first_A = {first}", f"second_A = {second}", ""]
    return "\n".join([*lines, "[plateau]", f"tolerance = {TOLERANCE}", ""])


def truth_header(scan: RealScan) -> str:
    """First lines of truth.csv: what is in the scan, and the columns. left: of the change, empty where none goes on."""
    names = ["frame", "file", "time_s", "flux", "filling", "left", "resting", "separation_fwhm", "foreign_lines"]
    for crystal in scan.crystals:
        names += [f"lp_{crystal.name}_A", f"edges_{crystal.name}_A", f"amount_{crystal.name}", f"weight_{crystal.name}"]
    return f"# {'; '.join(scan.ingredients())}\n" + ",".join(names) + "\n"


def truth_row(scan: RealScan, truth: FrameTruth, name: str) -> str:
    """One line of truth.csv; the angles of foreign lines are separated by blanks, and what is absent is left empty."""
    foreign = [f"{line.two_theta_deg:.4f}" for line in scan.foreign if line.since <= truth.number]
    cells = [str(truth.number), name, f"{truth.time_s:.3f}", _number(truth.flux), _number(truth.filling)]
    cells += [_number(truth.left), str(int(truth.resting)), _number(truth.separation_fwhm), " ".join(foreign)]
    for lattice in truth.lattices:
        values = (lattice.lp_A, lattice.edges_A, lattice.amount, lattice.weight)
        cells += [_number(value if lattice.amount > 0.0 else math.nan) for value in values]
    return ",".join(cells) + "\n"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.7g}"
