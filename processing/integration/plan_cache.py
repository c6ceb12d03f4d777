"""Plans kept on disk, so that the next start needs neither the time to build one nor pyFAI itself.

A file is named by a hash of all that the plan depends on and begins with a hash of its own content: what is
damaged, or written by another version, is built again. Losing the folder costs a second, never a number.
"""

import contextlib
import hashlib
import io
import logging
import os
import time
from dataclasses import fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import platformdirs

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.plan import Corrections, Plan, build_plan

FORMAT = "latticewatch-plan/3"
MOST_FILES = 12
CHECKSUM = 32  # bytes
LARGEST_BYTES = 4 << 30
DRAFT_SECONDS = 3600.0
ARRAYS = tuple(field.name for field in fields(Plan) if field.name != "shape")

log = logging.getLogger(__name__)


def plan_folder() -> Path:
    """Where plans are kept for this user."""
    return platformdirs.user_cache_path("latticewatch") / "plans"


def cached_plan(
    geometry: Geometry, corrections: Corrections, shape: tuple[int, int], bins: int | None, folder: Path | None
) -> Plan:
    """``build_plan``, or the same plan from ``folder`` where it is kept (None: nothing is kept)."""
    if folder is None:
        return build_plan(geometry, corrections, shape, bins)
    path = folder / f"{_key(geometry, corrections, shape, bins)}.plan"
    kept = _read(path, shape)
    if kept is not None:
        return kept
    plan = build_plan(geometry, corrections, shape, bins)
    _write(path, plan)
    return plan


def _key(geometry: Geometry, corrections: Corrections, shape: tuple[int, int], bins: int | None) -> str:
    numbers = replace(geometry, text="", sha256="", source="")
    try:
        builder = version("pyFAI")
    except PackageNotFoundError:  # a packaged program may come without it; FORMAT then stands for the release
        builder = "unknown"
    digest = hashlib.sha256()
    digest.update(repr((FORMAT, builder, numbers, shape, bins, corrections.polarization)).encode())
    for values in (corrections.mask, corrections.dark, corrections.flat):
        digest.update(b"none" if values is None else repr((values.dtype, values.shape)).encode())
        if values is not None:
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, int]) -> Plan | None:
    try:
        content = read_regular(path, LARGEST_BYTES)
    except OSError:
        return None
    if hashlib.sha256(memoryview(content)[CHECKSUM:]).digest() != content[:CHECKSUM]:
        log.warning("%s: damaged, built again", path.name)
        return None
    file = io.BytesIO(content)  # shares the bytes
    file.seek(CHECKSUM)
    plan = Plan(shape, **{name: np.lib.format.read_array(file) for name in ARRAYS})
    if plan.bins.size != plan.weight.size or plan.bins.size != shape[0] * shape[1]:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the newest are kept
    return plan


def _write(path: Path, plan: Plan) -> None:
    """What cannot be written is built again next time, and leaves nothing behind."""
    body = io.BytesIO()
    for name in ARRAYS:
        np.lib.format.write_array(body, getattr(plan, name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path.parent)
        write_whole(path, hashlib.sha256(body.getbuffer()).digest() + body.getbuffer())
    except (OSError, UserError) as error:
        log.warning("the integration plan cannot be kept (%s)", error)


def _make_room(folder: Path) -> None:
    """The newest plans stay; drafts of programs that were killed, and those of before 0.3 (``tmp*``), do not."""
    plans = sorted(folder.glob("*.plan"), key=lambda plan: plan.stat().st_mtime, reverse=True)
    drafts = [draft for draft in folder.glob("tmp*") if time.time() - draft.stat().st_mtime > DRAFT_SECONDS]
    for old in (*plans[MOST_FILES - 1 :], *drafts):
        old.unlink(missing_ok=True)
