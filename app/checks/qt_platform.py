"""Whether Qt can open a window here, and which packages it lacks where it cannot."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# What Qt's wheels expect of the system, and what Debian calls it; packaging/system_libraries.py reads this too.
OFFSCREEN = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
X11 = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
LONGEST_S = 60.0
OPEN_ONE = "from latticewatch.app.window.application import make_application as make; print(make().platformName())"
SAID = "latticewatch: "


def missing_libraries(libraries: Iterable[str]) -> list[str]:
    """Those of these shared libraries that the loader does not find."""
    return [library for library in libraries if _why_not(library)]


def to_install(libraries: Iterable[str]) -> str:
    """What to do so that these are there.

    >>> to_install(["libxcb-icccm.so.4", "libEGL.so.1"])
    'run: apt-get install libxcb-icccm4 libegl1'
    """
    packages = {library: {**OFFSCREEN, **X11}.get(library, "") for library in libraries}
    if not all(packages.values()):
        return f"install the packages that hold {', '.join(packages)}"
    return f"run: apt-get install {' '.join(packages.values())}"


def why_no_window(said_by_qt: Iterable[str]) -> str:
    """Why Qt could not open a window in this process, and what to do, in one line. said_by_qt: its own words."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] or "xcb"
    missing = missing_libraries({**OFFSCREEN, **X11})
    plugin = _plugin(platform)
    if not missing and plugin is not None and (reason := _why_not(str(plugin))):
        missing = [reason.partition(":")[0]]
    if missing:
        return f"no window can be opened: {', '.join(missing)} missing; {to_install(missing)}, or use --headless"
    if words := next((words.strip() for words in said_by_qt if "connect to display" in words), ""):
        return f"no window can be opened: {words}; check DISPLAY, or use --headless"
    return f"no window can be opened: Qt has no platform {platform!r} here; unset QT_QPA_PLATFORM, or use --headless"


def opening() -> tuple[str, str]:
    """What came of opening Qt's application in a process of its own: its platform, and why none opened."""
    try:
        command = [sys.executable, "-c", OPEN_ONE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "", "Qt does not answer"
    reasons = [line.removeprefix(SAID) for line in done.stderr.splitlines() if line.startswith(SAID)]
    if done.returncode:
        return "", reasons[0] if reasons else f"Qt ends with status {done.returncode}"
    return done.stdout.strip(), ""


def _plugin(platform: str) -> Path | None:
    from PyQt6.QtCore import QLibraryInfo  # slow to load: Qt

    own = os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH")
    folder = Path(own) if own else Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
    path = folder / f"libq{platform}.so"
    return path if path.exists() else None


def _why_not(library: str) -> str:
    """Why the loader cannot load it; empty where it can."""
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return str(error)
    return ""
