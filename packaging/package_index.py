"""Files from the package index that this machine is configured for, with the standard library alone.

The order is that of the clients: uv's variables, pip's variable, pip's files, uv's files, the default index.
"""

import base64
import configparser
import hashlib
import json
import os
import re
import ssl
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from setup_error import SetupError

DEFAULT_INDEX = "https://pypi.org/simple"
SIMPLE_TYPES = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
TRIES = 4
TIMEOUT_S = 120


@dataclass(frozen=True)
class Index:
    """A package index: where its Simple API is, whether that was configured, and what vouches for its hosts."""

    url: str
    configured: bool
    ca_bundle: str | None
    proxy: str | None


def configured_index() -> Index:
    """The index this machine's clients use; the default one where nothing is configured."""
    pip = _pip_settings()
    named = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or os.environ.get("PIP_INDEX_URL")
    named = named or pip.get("index-url") or _uv_index()
    variables = [os.environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")]
    bundles = (*variables, pip.get("cert"), *CA_BUNDLES)
    ca_bundle = next((path for path in bundles if path and Path(path).is_file()), None)
    proxy = os.environ.get("PIP_PROXY") or pip.get("proxy")
    return Index((named or DEFAULT_INDEX).rstrip("/"), bool(named), ca_bundle, proxy)


def _pip_settings() -> dict[str, str]:
    settings: dict[str, str] = {}
    for path in pip_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise SetupError(f"{path}: not a pip configuration ({str(error).splitlines()[0]}); fix it") from error
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update({key.replace("_", "-"): value.strip() for key, value in parser.items(section)})
    return settings


def pip_files() -> list[Path]:
    """pip's configuration files in the order pip reads them: the later wins."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path.home()
    shared = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    paths = [Path(folder) / "pip" / "pip.conf" for folder in reversed(shared.split(os.pathsep)) if folder]
    paths.append(Path("/etc/pip.conf"))
    if not named:
        paths += [home / ".pip" / "pip.conf", _config_home() / "pip" / "pip.conf"]
    paths.append(Path(sys.prefix) / "pip.conf")
    if named:
        paths.append(Path(named))
    return [path for path in paths if path.is_file()]


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _uv_index() -> str | None:
    for path in (_config_home() / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        if path.is_file():
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
            defaults = [index["url"] for index in settings.get("index", []) if index.get("default")]
            for url in [*defaults, settings.get("index-url")]:
                if url:
                    return str(url)
    return None


def fetch_wheel(
    index: Index, name: str, version: str, sha256: frozenset[str], tags: re.Pattern[str]
) -> tuple[str, bytes]:
    """File name and content of the pinned wheel whose platform tag matches; its hash is checked.

    Raises SetupError when the index does not answer, lacks the file, or serves another one.
    """
    page = f"{index.url}/{name}/"
    body, content_type, address = _read(index, page, SIMPLE_TYPES)
    links = (
        [(file["filename"], file["url"]) for file in json.loads(body)["files"]]
        if "json" in content_type
        else _html_links(body)
    )
    wheel = re.compile(rf"{re.escape(name)}-{re.escape(version)}-py3-none-(?P<tags>[^-]+)\.whl")
    for filename, link in links:
        found = wheel.fullmatch(filename)
        if found and tags.search(found["tags"]):
            content = _read(index, urllib.parse.urljoin(address, link), "*/*")[0]
            if hashlib.sha256(content).hexdigest() not in sha256:
                raise SetupError(
                    f"{filename}: its sha256 is not the pinned one; the index at {_host(page)} is not to be trusted"
                )
            return filename, content
    raise SetupError(
        f"{name} {version}: no wheel for this machine at {_host(page)}; name another index in PIP_INDEX_URL"
    )


def _html_links(body: bytes) -> list[tuple[str, str]]:
    page = _Anchors()
    page.feed(body.decode("utf-8", "replace"))
    paths = [urllib.parse.urlsplit(link).path for link in page.links]
    return [(urllib.parse.unquote(path.rpartition("/")[2]), link) for path, link in zip(paths, page.links, strict=True)]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        link = dict(attrs).get("href") if tag == "a" else None
        if link:
            self.links.append(link)


def _read(index: Index, url: str, accept: str) -> tuple[bytes, str, str]:
    opener = _opener(index)
    request = _request(url, accept)
    for attempt in range(1, TRIES + 1):
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return answer.read(), answer.headers.get("Content-Type", ""), answer.geturl()
        except urllib.error.HTTPError as error:
            reason, again = f"HTTP {error.code}", error.code == 429 or error.code >= 500
        except (urllib.error.URLError, OSError) as error:
            reason, again = str(getattr(error, "reason", error)), True
        if not again or attempt == TRIES:
            break
        time.sleep(attempt)
    raise SetupError(
        f"{_host(url)}: the package index fails ({reason}); check network, proxy, PIP_INDEX_URL and SSL_CERT_FILE"
    )


def _request(url: str, accept: str) -> urllib.request.Request:
    parts = urllib.parse.urlsplit(url)
    headers = {"Accept": accept, "User-Agent": "latticewatch-setup"}
    credentials, at, host = parts.netloc.rpartition("@")
    if at:
        token = base64.b64encode(urllib.parse.unquote(credentials).encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    return urllib.request.Request(parts._replace(netloc=host).geturl(), headers=headers)


def _opener(index: Index) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=index.ca_bundle)
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
    if index.proxy:
        handlers.append(urllib.request.ProxyHandler({"http": index.proxy, "https": index.proxy}))
    return urllib.request.build_opener(*handlers)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
