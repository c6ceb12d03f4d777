"""The benchmark of speed runs and says all that it should; what it measures is not looked at."""

import json
import math
import subprocess
import sys
from pathlib import Path

PARTS = (
    "File to pattern: PILATUS 300K CBF",
    "File to pattern: Eiger 4M bslz4",
    "File to recorded Lp and esd: PILATUS 300K, two components, backlog",
    "Live at 10 frames a second: PILATUS 300K",
    "Whole commands: PILATUS 300K, 8 frames, plan cached",
    "Start-up and memory of the command",
    "How the cost of a frame grows (CPU, one thread, from memory)",
    "How the cost of a fit grows with the components (CPU)",
    "Cost of a frame at row 200 against row 100, one thread",
)


def test_the_short_form_has_every_part_and_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--short", "--json", str(path)]
    run = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(path.read_text())
    assert {"processor", "cores", "numpy", "numba", "pyFAI", "fabio"} <= result["machine"].keys()
    assert tuple(section["title"] for section in result["sections"]) == PARTS
    for section in result["sections"]:
        assert f"### {section['title']}" in run.stdout
        assert section["figures"]
        for figure in section["figures"]:
            measured = [figure[key] for key in ("wall", "cpu") if figure[key] is not None]
            assert measured
            assert all(math.isfinite(value) and value >= 0 for value in measured)
            assert figure["name"] in run.stdout
        for claim in section["claims"]:
            assert claim["holds"] in (True, False)
