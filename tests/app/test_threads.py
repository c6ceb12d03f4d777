"""Linear algebra takes no core from those who read and sum frames."""

import os
import subprocess
import sys

COUNTED = """
import os
import latticewatch.app.main
import numpy as np
a = np.eye(800)
a @ a
np.linalg.solve(a, a)
print(len(os.listdir("/proc/self/task")))
"""


def test_linear_algebra_has_one_thread() -> None:
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    told = subprocess.run([sys.executable, "-c", COUNTED], env=free, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "1"
