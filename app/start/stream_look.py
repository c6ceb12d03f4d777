"""A first look at a stream: whether its address can be, whether somebody answers there, and the folder beside it."""

import shlex
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from latticewatch.app.run.decisions import check_frames, gather, run_name
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.start.first_look import FirstLook, used_of
from latticewatch.app.start.judging import Judgement, Level
from latticewatch.app.start.run_place import RunPlace, run_folder
from latticewatch.processing.record.run_file.names import free_name
from latticewatch.processing.sources.streams.address import StreamAddress, stream_address

ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class StreamLook:
    """The stream's address, and what is known of the run before its first image. answers: somebody does, or whether is
    not known.
    """

    address: StreamAddress
    look: FirstLook
    answers: bool


def stream_look(
    text: str,
    scan: Path | None,
    given: Given,
    stop: threading.Event,
    look: Callable[[Path, Given, threading.Event], FirstLook],
) -> StreamLook:
    """Read the inputs, and ask whether somebody answers at this address. Raises UserError for what cannot be used.

    scan: the folder that fills what the stream loses; its frames are looked at with ``look``. None: there is none, and
    a geometry that is not given is looked for beside the set-up.
    """
    address = stream_address(text)
    check_frames(Request(scan, given, address, live=True))
    answers = address.kind != "tcp" or _answers(address)
    if scan is not None:
        seen = look(scan, given, stop)
        # A stream does not send again what came before: a run of one is always new.
        return StreamLook(address, _said(replace(seen, place=RunPlace(seen.place.new)), address, answers), answers)
    inputs = gather(given.experiment or Path.cwd(), given)
    place = RunPlace(free_name(run_name(Path(address.stem), run_folder(None))))
    text = "Geometry and orientation are judged by eye when the first images come."
    command = shlex.join(inputs.experiment.alarm.on_state or ())
    found = FirstLook(Judgement(Level.UNKNOWN, text), 0, None, tuple(used_of(inputs)), place, command=command)
    return StreamLook(address, _said(found, address, answers), answers)


def _said(look: FirstLook, address: StreamAddress, answers: bool) -> FirstLook:
    told = look.judgement
    if not answers:
        level = Level.WARNING if told.level in (Level.GOOD, Level.UNKNOWN) else told.level
        text = f"Nobody answers at {address} yet; it is waited for. Check the address and that the stream is enabled."
        return replace(look, judgement=replace(told, level=level, text=f"{text} {told.text}"))
    text = f"{address} answers." if address.kind == "tcp" else f"{address} is asked for when the run begins."
    return replace(look, judgement=replace(told, text=f"{text} {told.text}"))


def _answers(address: StreamAddress) -> bool:
    host, _, port = address.where.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except OSError:
        return False
    return True
