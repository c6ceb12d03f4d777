"""logbook.toml: which logbooks there are. Never a secret in it."""

import re
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from platformdirs import user_config_path
from pydantic import Field, StringConstraints, field_validator, model_validator

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.toml_tables import Table, parse_tables, read_toml_text

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=32)]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=500)]
SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "apikey", "upwd")
RESERVED = frozenset({"cmd", "exp", "unm", "upwd", "text", "encoding", "date", "attachment", "reply_to", "edit_id"})
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Logbook(Table):
    """What every kind of logbook has.

    ca_file: certificates of a facility's own authority, PEM. plain_http: a secret may travel unencrypted.
    timeout_s: for the connection, and again for each silence of the server.
    """

    url: Line
    timeout_s: Annotated[float, Field(gt=0.0, le=600.0)] = 30.0
    ca_file: Path | None = None
    plain_http: bool = False

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, given: Any) -> Any:
        for key in given if isinstance(given, dict) else ():
            if str(key).lower() in SECRET_WORDS:
                raise ValueError(f'"{key}" does not belong in a file; see where secrets go in docs/logbook.md')
        return given

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("not an address; give one like https://elog.example.org/BM01/") from None
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("not an address; give one like https://elog.example.org/BM01/")
        if parts.username is not None or parts.password is not None:
            raise ValueError("an address holds no user and no password; see where secrets go in docs/logbook.md")
        return url

    @field_validator("ca_file")
    @classmethod
    def _a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not (path.is_absolute() and path.is_file()):
            raise ValueError("not there; give the whole path of a file of certificates (PEM)")
        return path

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.plain_http and parts.hostname not in LOOPBACK:
            raise ValueError("http:// sends everything unencrypted; use https://, or allow it with plain_http = true")
        return self


class ElogLogbook(Logbook):
    """[elog.NAME]: PSI ELOG. url: of the logbook itself. attributes: what the logbook asks for besides the text."""

    user: Line | None = None
    attributes: dict[Line, Line] = Field(default_factory=dict)
    subject_attribute: Line = "Subject"

    @field_validator("url")
    @classmethod
    def _a_logbook(cls, url: str) -> str:
        parts = urlsplit(url)
        if not parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("needs the logbook's own address, like https://elog.example.org/BM01/")
        return url.rstrip("/") + "/"

    @field_validator("attributes")
    @classmethod
    def _not_reserved(cls, attributes: dict[str, str]) -> dict[str, str]:
        for name in attributes:
            if elog_field(name).lower() in RESERVED or elog_field(name).lower().startswith("attfile"):
                raise ValueError(f'"{name}" is a field of ELOG\'s own, not an attribute')
        return attributes


class IcatLogbook(Logbook):
    """[icat.NAME]: the ESRF's e-logbook. proposal: left out, the entry goes to the beamline's own logbook."""

    beamline: Line
    proposal: Line | None = None


class WebhookLogbook(Logbook):
    """[webhook.NAME]: an entry as JSON with the picture beside it, posted to any address."""


class Logbooks(Table):
    """One logbook.toml. default: the one posted to where none is named."""

    default: Name | None = None
    elog: dict[Name, ElogLogbook] = Field(default_factory=dict)
    icat: dict[Name, IcatLogbook] = Field(default_factory=dict)
    webhook: dict[Name, WebhookLogbook] = Field(default_factory=dict)

    @property
    def all(self) -> dict[str, Logbook]:
        return {**self.elog, **self.icat, **self.webhook}

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [*self.elog, *self.icat, *self.webhook]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two logbooks are called "{name}"')
        if not names:
            raise ValueError("no logbook in it; add a table such as [elog.bm01], see docs/logbook.md")
        if self.default is not None and self.default not in names:
            raise ValueError(f'default names "{self.default}", which is none of {", ".join(names)}')
        return self


def settings_path() -> Path:
    return user_config_path("latticewatch", appauthor=False) / "logbook.toml"


def read_logbooks(path: Path | None = None) -> Logbooks:
    """The logbooks of this file, of the person's own where none is given. Raises UserError."""
    where = path or settings_path()
    if path is None and not where.exists():
        raise UserError(f"{where}: no logbook is configured; write this file, docs/logbook.md has an example")
    return parse_tables(Logbooks, read_toml_text(where, "a logbook file", "--config"), str(where))


def chosen(logbooks: Logbooks, name: str | None, where: Path) -> str:
    """The name of the logbook to post to. Raises UserError where it is unknown or not said which of several."""
    names = ", ".join(logbooks.all)
    if name is not None and name not in logbooks.all:
        raise UserError(f'{where}: no logbook is called "{name}"; --to takes one of {names}')
    found = name or logbooks.default or (names if len(logbooks.all) == 1 else None)
    if found is None:
        raise UserError(f"{where}: several logbooks ({names}) and no default; name one with --to")
    return found


def elog_field(name: str) -> str:
    """An attribute's name as ELOG has it in its forms."""
    return re.sub(r"[^0-9A-Za-z]", "_", name)
