"""The texts beside a realistic scan: what the user would say of it, and the truth."""

import json
import math

import numpy as np

from latticewatch.processing.simulation.realism.drawn import left_at
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.recipes import TOLERANCE
from latticewatch.processing.simulation.sheets import number_cell


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
    """First line of truth.csv. left: of the change, empty where none goes on; edges: largest less smallest."""
    names = ["frame", "file", "time_s", "flux", "filling", "left", "resting", "separation_fwhm", "foreign_lines"]
    for crystal in scan.crystals:
        names += [f"lp_{crystal.name}_A", f"edges_{crystal.name}_A", f"amount_{crystal.name}", f"weight_{crystal.name}"]
    return ",".join(names) + "\n"


def contents_text(scan: RealScan) -> str:
    """truth.json: what is in the scan as a whole; times in seconds from the first frame, null where there is none."""
    times = np.arange(0.0, scan.frames, 0.1)
    left = np.array([_left(scan, float(at)) for at in times])
    under = np.flatnonzero(np.nan_to_num(left, nan=1.0) > TOLERANCE)[-1] + 1
    contents = {
        "ingredients": scan.ingredients(),
        "mixing_s": round(scan.mixing_s, 3),
        "injections_s": [round(epoch.begin * scan.period_s, 3) for epoch in scan.epochs[1:]],
        "pauses_s": [
            [round((epoch.begin + leg.begin) * scan.period_s, 3), round((epoch.begin + end) * scan.period_s, 3)]
            for epoch in scan.epochs
            for leg, end in zip(epoch.legs, [leg.begin for leg in epoch.legs[1:]], strict=False)
            if math.isinf(leg.tau)
        ],
        "end_s": round(float(times[under]) * scan.period_s, 3) if under < len(times) else None,
        "end_A": [round(epoch.end_A, 6) for epoch in scan.epochs[1:]],
        "foreign_lines": [
            {
                "two_theta_deg": round(line.two_theta_deg, 4),
                "fwhm_deg": round(line.fwhm_deg, 3),
                "area_of_200": line.area,
                "since_s": line.since * scan.period_s,
            }
            for line in scan.foreign
        ],
    }
    return json.dumps(contents, indent=1, ensure_ascii=False) + "\n"


def _left(scan: RealScan, frame: float) -> float:
    epoch = [epoch for epoch in scan.epochs if epoch.begin <= frame][-1]
    return left_at(epoch.legs, frame - epoch.begin) if epoch.legs else math.nan


def truth_row(scan: RealScan, truth: FrameTruth, name: str) -> str:
    """One line of truth.csv; the angles of foreign lines are separated by blanks, and what is absent is left empty."""
    foreign = [f"{line.two_theta_deg:.4f}" for line in scan.foreign if line.since <= truth.number]
    cells = [str(truth.number), name, f"{truth.time_s:.3f}", number_cell(truth.flux), number_cell(truth.filling)]
    cells += [number_cell(truth.left), str(int(truth.resting)), number_cell(truth.separation_fwhm), " ".join(foreign)]
    for lattice in truth.lattices:
        values = (lattice.lp_A, lattice.edges_A, lattice.amount, lattice.weight)
        cells += [number_cell(value if lattice.amount > 0.0 else math.nan) for value in values]
    return ",".join(cells) + "\n"
