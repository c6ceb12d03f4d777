"""What the doctor looks at."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from latticewatch.app.checks.qt_platform import OFFSCREEN, X11, missing_libraries, opening, to_install
from latticewatch.app.log import log_path
from latticewatch.processing.record.run_file.header import software_versions
from latticewatch.processing.sources.streams.address import missing_packages


def findings() -> Iterator[str]:
    """One line for each thing that matters to a run on this machine."""
    for name, version in software_versions().items():
        yield f"{name}: {version}"
    yield f"display: {display() or 'none (windows are drawn offscreen; use --headless or set DISPLAY)'}"
    lacking = missing_libraries({**OFFSCREEN, **X11})
    told = f"missing {', '.join(lacking)}; {to_install(lacking)}" if lacking else "all there"
    yield f"Qt's system libraries: {told}"
    platform, reason = opening()
    yield f"window: {reason or f'opens ({platform})'}"
    missing = missing_packages("tcp", "pva")
    without = f"{', '.join(missing)} missing; run: pip install latticewatch[stream]"
    yield f"live streams (DECTRIS, EPICS): {without if missing else 'packages there'}"
    dask = importlib.util.find_spec("distributed") is not None
    yield f"Dask clusters: {'packages there' if dask else 'not installed; run: pip install latticewatch[cluster]'}"
    yield f"cores: {len(os.sched_getaffinity(0))}"
    here = Path.cwd()
    usage = shutil.disk_usage(here)
    writable = "" if os.access(here, os.W_OK) else ", NOT writable"
    yield f"disk: {usage.free / 1e9:.0f} GB free of {usage.total / 1e9:.0f} GB at {here}{writable}"
    yield _logbook()
    yield f"log file: {log_path()}"


def display() -> str:
    """The display a window would open on; empty where there is none."""
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        return ""
    return os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY", "")


def _logbook() -> str:
    from latticewatch.app.logbook.queue import queue_folder, waiting  # slow to load: pydantic

    entries = waiting(queue_folder())
    doubtful = sum(bool(each.entry.sending) for each in entries)
    if not entries:
        return "logbook: no entry waits to be posted"
    unsure = f", {doubtful} of them may be there already" if doubtful else ""
    are = f"{len(entries)} entries wait" if len(entries) > 1 else "1 entry waits"
    return f"logbook: {are} to be posted{unsure}; latticewatch logbook --pending"
