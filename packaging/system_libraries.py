"""The shared libraries that Qt's wheels expect of a Debian: what is missing, and how it comes in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from setup_error import SetupError

# What Qt's wheels expect is listed where the program's doctor looks; that file needs the standard library alone.
sys.path.append(str(Path(__file__).resolve().parent.parent / "app" / "checks"))
from qt_platform import OFFSCREEN, X11, missing_libraries

VIRTUAL_DISPLAY = {"Xvfb": "xvfb", "xauth": "xauth"}
CA_PACKAGE = "ca-certificates"
APT = ("apt-get", "-q", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120")


def ensure_packages(packages: Iterable[str], log: Path, say: Callable[[str], None]) -> None:
    """Install Debian packages, as root; otherwise, or without apt-get, raise SetupError with the exact line."""
    wanted = list(packages)
    if not wanted:
        return
    line = f"apt-get install --no-install-recommends {' '.join(wanted)}"
    if not shutil.which("apt-get"):
        raise SetupError(f"system libraries are missing; install what Debian calls: {' '.join(wanted)}")
    if os.geteuid() != 0:
        raise SetupError(f"system libraries are missing; run as root: {line}")
    say(f"installing system packages: {' '.join(wanted)}")
    _apt(("update",), log, line)
    _apt(("install", "-y", "--no-install-recommends", *wanted), log, line)


def missing_packages(*, display: bool, tests: bool) -> list[str]:
    """Debian packages of what Qt needs here and the loader does not find."""
    libraries = {**OFFSCREEN, **(X11 if display or tests else {})}
    missing = [libraries[library] for library in missing_libraries(libraries)]
    if tests:
        missing += [package for program, package in VIRTUAL_DISPLAY.items() if not shutil.which(program)]
    return missing


def _apt(arguments: tuple[str, ...], log: Path, line: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        ended = subprocess.run(
            [*APT, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, check=False
        )
    if ended.returncode:
        raise SetupError(f"apt-get {arguments[0]} failed (its words are in {log}); try: {line}")


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing_packages(display=True, tests=True)) + "\n")
