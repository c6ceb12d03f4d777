"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Those it is allowed, or fewer where OMP_NUM_THREADS says so, as it does for one of several workers."""
    cores, told = len(os.sched_getaffinity(0)), os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, max(1, int(told))) if told.isdecimal() else cores
