"""Secrets: from the environment or the keyring, and out of everything that is said or logged."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

SERVICE = "latticewatch"
TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry", "icat_plus_client")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Secret:
    """value: empty where there is none. source: where it came from, for the user."""

    value: str = field(default="", repr=False)
    source: str = "none"

    def hidden(self, text: str) -> str:
        """The text without the secret."""
        for spelling in {self.value, quote(self.value, safe=""), quote(self.value)} - {""}:
            text = text.replace(spelling, "***")
        return text


def variable(logbook: str) -> str:
    """The environment variable that holds the secret of this logbook."""
    return f"LATTICEWATCH_LOGBOOK_{logbook.upper()}"


def secret_of(logbook: str) -> Secret:
    """The secret of this logbook: the environment first, then the keyring where one is installed."""
    value = os.environ.get(variable(logbook), "")
    if value:
        return Secret(value, f"environment variable {variable(logbook)}")
    return _from_keyring(logbook)


def _from_keyring(logbook: str) -> Secret:
    try:
        import keyring  # optional: keyring
    except ImportError:
        return Secret()
    try:
        value = keyring.get_password(SERVICE, logbook)
    except Exception as error:  # each system's keyring raises its own: locked, absent, without a session
        log.info("the keyring cannot be read: %s", type(error).__name__)
        return Secret()
    return Secret(value, f"keyring, service {SERVICE}, user {logbook}") if value else Secret()


@contextmanager
def unsaid(secret: Secret) -> Iterator[None]:
    """Within, libraries that log addresses do so without the secret that some addresses hold."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = secret.hidden(record.getMessage()), None
        return True

    loggers = [logging.getLogger(name) for name in TALKATIVE]
    for logger in loggers:
        logger.addFilter(hide)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(hide)
