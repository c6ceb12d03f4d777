"""What is given instead of a folder: ``tcp://HOST:PORT`` or ``pva://PV:NAME``."""

import importlib.util
import re
import socket
from dataclasses import dataclass
from typing import Literal

from latticewatch.processing.errors import UserError

EXAMPLES = "give tcp://HOST:PORT (DECTRIS stream v2) or pva://PV:NAME (EPICS areaDetector)"
HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252}):([0-9]{1,5})")
PV = re.compile(r"[A-Za-z0-9_:.\-{}\[\]<>;/+]{1,200}")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,9})://(.*)", re.DOTALL)
NEEDED = {"tcp": ("zmq", "cbor2"), "pva": ("p4p",)}
PACKAGES = {"zmq": "pyzmq", "cbor2": "cbor2", "p4p": "p4p"}


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """kind: ``tcp`` is DECTRIS stream v2, ``pva`` is EPICS PVA. where: HOST:PORT or the name of the PV."""

    kind: Literal["tcp", "pva"]
    where: str

    def __str__(self) -> str:
        return f"{self.kind}://{self.where}"

    @property
    def stem(self) -> str:
        """A file name for what comes from here."""
        return re.sub(r"[^A-Za-z0-9]+", "_", self.where).strip("_") or "stream"


def is_stream(text: str) -> bool:
    """Whether this is meant as the address of a stream, and not as a folder."""
    return SCHEME.fullmatch(text) is not None


def stream_address(text: str) -> StreamAddress:
    """The address. Raises UserError for one that cannot be, a host that is not known, or packages that are missing."""
    scheme = SCHEME.fullmatch(text)
    kind, where = (scheme[1].lower(), scheme[2]) if scheme else ("", "")
    if kind == "pva" and PV.fullmatch(where):
        address = StreamAddress("pva", where)
    elif kind == "tcp" and (found := HOST_AND_PORT.fullmatch(where)) and 0 < int(found[2]) < 65536:
        address = StreamAddress("tcp", where)
    else:
        raise UserError(f"{text[:200]}: no address of a stream; {EXAMPLES}")
    missing = missing_packages(address.kind)
    if missing:
        raise UserError(f"{address}: {', '.join(missing)} is not installed; run: pip install latticewatch[stream]")
    if address.kind == "tcp":
        _check_host(address)
    return address


def missing_packages(*kinds: str) -> list[str]:
    """Packages that streams of these kinds (``tcp``, ``pva``) need and that are not installed."""
    wanted = [module for kind in kinds for module in NEEDED[kind]]
    return [PACKAGES[module] for module in wanted if importlib.util.find_spec(module) is None]


def _check_host(address: StreamAddress) -> None:
    """ZeroMQ itself would look for an unknown host for ever."""
    host, _, port = address.where.rpartition(":")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UserError(f"{address}: no host of that name is known; check its spelling and the network") from None
