"""A run as it is asked for, before anything is found, read or decided."""

from dataclasses import dataclass, field
from pathlib import Path

from latticewatch.app.run.given import Given
from latticewatch.processing.sources.pacing import Transport
from latticewatch.processing.sources.streams.address import StreamAddress


@dataclass(frozen=True, slots=True)
class Request:
    """A run as it is asked for.

    scan: a folder of frames, an HDF5 stack or a run file. stream: frames as they are sent; with ``scan``, the folder
    that is written as well: it fills what the stream loses. live: ``scan`` is being written. transport: the run is a
    replay at its pace. out: the run file; None: named after the scan, or none for a replay. fallback: the folder in
    which a live run is recorded when that of ``out`` takes no more; None: the user's data folder. until_idle_s,
    frame_limit: when a live run ends; None: when it is stopped. may_command: whether the user chose the experiment of
    ``given``, so that its on_state may be run. remark: kept with what the run is made of; empty: none.
    """

    scan: Path | None
    given: Given = field(default_factory=Given)
    stream: StreamAddress | None = None
    live: bool = False
    transport: Transport | None = None
    out: Path | None = None
    fallback: Path | None = None
    resume: bool = False
    until_idle_s: float | None = None
    frame_limit: int | None = None
    may_command: bool = True
    remark: str = ""
