"""One POST with limits: nothing is followed, nothing waits for ever, and what is not known is said."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ResponseError,
    SSLError,
    TimeoutError,
)

from latticewatch.app.logbook.answer import Answer, refused, unreachable, unsure
from latticewatch.app.logbook.settings import Logbook

LONGEST_ANSWER, LONGEST_S, BLOCK = 1_000_000, 300.0, 65_536
BUSY = (429, 503)
Files = Mapping[str, tuple[str, bytes, str]]


@dataclass(frozen=True, slots=True)
class Response:
    """status, headers and the beginning of the page."""

    status: int
    headers: Mapping[str, str]
    page: str


class Bearer(AuthBase):
    """A token, or none: either way what a .netrc holds stays out of it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            r.headers["Authorization"] = f"Bearer {self._token}"
        return r


def post(
    logbook: Logbook,
    read: Callable[[Response], Answer],
    *,
    files: Files,
    data: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    token: str = "",
) -> Answer:
    """Post a form; ``read`` judges an answer that is neither busy nor a fault of the server. Never raises on those."""
    try:
        response = _send(logbook, files=dict(files), data=data, headers=headers, auth=Bearer(token))
    except (requests.RequestException, HTTPError, OSError) as error:
        return fate_of(error)
    return of_status(response.status) or read(response)


def of_status(status: int) -> Answer | None:
    """What a status says by itself: the server is busy, or it failed after it had the entry. None for the others."""
    if status in BUSY:
        return unreachable(f"the server is busy (HTTP {status})")
    if status >= 500:
        return unsure(f"the server failed while it had the entry (HTTP {status})")
    return None


def fate_of(error: Exception) -> Answer:
    """What an error of the connection, of requests or of urllib3, says of the entry."""
    reason = _reason(error)
    if isinstance(error, requests.exceptions.SSLError) or isinstance(reason, SSLError):
        return refused("the server's certificate is not trusted; give the authority's with ca_file")
    if isinstance(error, requests.exceptions.ProxyError) or isinstance(
        reason, ConnectTimeoutError | NewConnectionError
    ):
        return unreachable("the server cannot be reached")
    if isinstance(reason, ResponseError):
        return refused("the server redirects to another address; check url in logbook.toml")
    if isinstance(error, ValueError) or not isinstance(error, requests.RequestException | HTTPError):
        return refused("the address, ca_file or the secret cannot be used; check logbook.toml")
    if isinstance(error, requests.Timeout | TimeoutError):
        return unsure("the server did not answer in time")
    return unsure("the connection broke before the server answered")


def _reason(error: Exception) -> object:
    """What urllib3 said in the first place."""
    inner = error.args[0] if isinstance(error, requests.RequestException) and error.args else error
    return inner.reason if isinstance(inner, MaxRetryError) else inner


def _send(logbook: Logbook, **form: Any) -> Response:
    with (
        requests.Session() as session,
        session.post(
            logbook.url,
            timeout=(min(logbook.timeout_s, 10.0), logbook.timeout_s),
            verify=str(logbook.ca_file) if logbook.ca_file else True,
            allow_redirects=False,
            stream=True,
            **form,
        ) as response,
    ):
        return Response(response.status_code, response.headers, _beginning(response))


def _beginning(response: requests.Response) -> str:
    """The page up to a limit in size and time: a server that drips does not hold us."""
    deadline = time.monotonic() + LONGEST_S
    page = b""
    # What counts stands in status and headers, which are there already.
    with suppress(requests.RequestException):
        for block in response.iter_content(BLOCK):
            page += block
            if len(page) > LONGEST_ANSWER or time.monotonic() > deadline:
                break
    return page[:LONGEST_ANSWER].decode("utf-8", "replace")
