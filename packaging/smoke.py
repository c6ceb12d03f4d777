"""The main job through the installed command on one real frame: CeO2, whose cell is known.

``smoke.py LATTICEWATCH FOLDER SCRATCH``: FOLDER holds the standard's frame and poni. Exit status 0 when one frame is
recorded and its lattice parameter is the measured one.
"""

import json
import subprocess
import sys
from pathlib import Path

LP_A, WITHIN_A = 5.4108, 0.0005
ORIENTATION = "2"
EXPERIMENT = """\
[experiment]
title = "CeO2 standard"
[[component]]
name = "CeO2"
phase = "CeO2"
"""


def main(program: str, folder: str, scratch: str) -> int:
    experiment = Path(scratch) / "experiment.toml"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    out = Path(scratch) / "ceo2.h5"
    options = ["--experiment", str(experiment), "--orientation", ORIENTATION, "--out", str(out), "--json"]
    ended = subprocess.run([program, "process", folder, *options], stdout=subprocess.PIPE, text=True, check=False)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    lattice_parameters = [row.get("lp_mean_A") for row in rows]
    print(
        f"latticewatch process: exit {ended.returncode}, lattice parameters {lattice_parameters} A, {out.name} written"
    )
    if ended.returncode or not out.is_file() or len(rows) != 1:
        return 1
    return 0 if lattice_parameters[0] is not None and abs(lattice_parameters[0] - LP_A) <= WITHIN_A else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
