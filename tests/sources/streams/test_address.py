"""Addresses of streams, and what is said of those that cannot be."""

import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.streams.address import stream_address


@pytest.mark.parametrize(
    "text",
    [
        "tcp://", "tcp://host", "tcp://host:0", "tcp://host:99999", "tcp://ho st:1", "tcp://host:1\n", "ipc:///tmp/x",
        "pva://", "pva://a b", "pva://\x1b[31m", "http://host:80", "tcp://" + "a" * 300 + ":1", "inproc://x", "tcp://*:31001",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be(text: str) -> None:
    with pytest.raises(UserError, match="no address of a stream"):
        stream_address(text)


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(UserError, match="no host of that name"):
        stream_address("tcp://nowhere.invalid:31001")


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pyzmq, cbor2 is not installed; run: pip install latticewatch\[stream\]"):
        stream_address("tcp://127.0.0.1:31001")
