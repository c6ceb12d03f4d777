"""Where the package index is, and what is taken from it."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

WHEEL = "uv-1.2.3-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
CONTENT = b"a wheel"
SHA256 = frozenset({hashlib.sha256(CONTENT).hexdigest()})
X86_64 = re.compile(r"(^|\.)manylinux[^.]*_x86_64($|\.)")
Pages = dict[str, tuple[str, bytes]]


class Handler(BaseHTTPRequestHandler):
    """Serves fixed pages; what was asked, with its credentials, goes into ``asked``."""

    def __init__(self, pages: Pages, asked: list[tuple[str, str | None]], *args: object) -> None:
        self.pages, self.asked = pages, asked
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer one page or 404."""
        self.asked.append((self.path, self.headers["Authorization"]))
        content_type, body = self.pages.get(self.path, ("text/plain", b""))
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


Serve = Callable[[Pages], tuple[str, list[tuple[str, str | None]]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A package index on the loopback: pages in, its ``host:port`` and what will have been asked out."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(pages: Pages) -> tuple[str, list[tuple[str, str | None]]]:
        asked: list[tuple[str, str | None]] = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, pages, asked))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"127.0.0.1:{server.server_port}", asked

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def json_page(*names: str) -> tuple[str, bytes]:
    files = [{"filename": name, "url": f"../../files/{name}", "hashes": {}} for name in names]
    return "application/vnd.pypi.simple.v1+json", json.dumps({"files": files}).encode()


def html_page(*names: str) -> tuple[str, bytes]:
    links = "".join(
        f'<a href="../../files/{name}#sha256=0" data-requires-python="&gt;=3.8">{name}</a>' for name in names
    )
    return "text/html; charset=utf-8", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()


def fetch(address: str, sha256: frozenset[str] = SHA256) -> tuple[str, bytes]:
    import package_index

    index = package_index.Index(f"http://{address}/simple", True, None, None)
    return package_index.fetch_wheel(index, "uv", "1.2.3", sha256, X86_64)


@pytest.mark.parametrize("page", [json_page, html_page])
def test_the_pinned_wheel_of_this_platform_is_taken(
    serve: Serve, bare_machine: Path, page: Callable[..., tuple[str, bytes]]
) -> None:
    others = ["uv-1.2.4-py3-none-manylinux_2_17_x86_64.whl", "uv-1.2.3-py3-none-musllinux_1_1_x86_64.whl"]
    others += ["uv-1.2.3-py3-none-manylinux_2_28_aarch64.whl", "uv-1.2.3.tar.gz"]
    address, _ = serve({"/simple/uv/": page(*others, WHEEL), f"/files/{WHEEL}": ("application/zip", CONTENT)})
    assert fetch(address) == (WHEEL, CONTENT)


def test_another_file_of_that_name_is_refused(serve: Serve, bare_machine: Path) -> None:
    from setup_error import SetupError

    address, _ = serve({"/simple/uv/": json_page(WHEEL), f"/files/{WHEEL}": ("application/zip", b"another")})
    with pytest.raises(SetupError, match="sha256 is not the pinned one"):
        fetch(address)


def test_an_index_without_the_pin_is_named_in_one_line(serve: Serve, bare_machine: Path) -> None:
    from setup_error import SetupError

    address, _ = serve({"/simple/uv/": json_page("uv-1.2.4-py3-none-manylinux_2_17_x86_64.whl")})
    with pytest.raises(SetupError, match=rf"^uv 1\.2\.3: no wheel for this machine at {address}; [^\n]*PIP_INDEX_URL$"):
        fetch(address)


def test_credentials_go_into_the_header_and_stay_out_of_the_message(serve: Serve, bare_machine: Path) -> None:
    from setup_error import SetupError

    address, asked = serve({})
    with pytest.raises(SetupError) as caught:
        fetch(f"me:secret%40@{address}")
    assert asked == [("/simple/uv/", "Basic bWU6c2VjcmV0QA==")]
    assert "secret" not in str(caught.value)
    assert "HTTP 404" in str(caught.value)


def test_without_configuration_the_default_index_is_used(bare_machine: Path) -> None:
    import package_index

    index = package_index.configured_index()
    assert (index.url, index.configured) == (package_index.DEFAULT_INDEX, False)


def test_pip_files_are_read_in_pips_order(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import package_index

    def url_after(path: Path, text: str) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return package_index.configured_index().url

    assert (
        url_after(bare_machine / "xdg/pip/pip.conf", "[global]\nindex-url = https://a/simple/\n") == "https://a/simple"
    )
    assert url_after(bare_machine / ".pip/pip.conf", "[global]\nindex_url = https://b/\n") == "https://b"
    assert url_after(bare_machine / ".config/pip/pip.conf", "[install]\nindex-url = https://c\n") == "https://c"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(bare_machine / "named.conf"))
    assert url_after(bare_machine / "named.conf", "[global]\ncert = /nowhere\n") == "https://a/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://d/simple")
    assert package_index.configured_index().url == "https://d/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://e/simple")
    assert package_index.configured_index().url == "https://e/simple"


def test_uvs_file_is_read(bare_machine: Path) -> None:
    import package_index

    path = bare_machine / ".config/uv/uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[[index]]\nurl = "https://x/simple"\n[[index]]\nurl = "https://y/simple"\ndefault = true\n')
    assert package_index.configured_index().url == "https://y/simple"


def test_a_broken_pip_file_is_named(bare_machine: Path) -> None:
    import package_index
    from setup_error import SetupError

    (bare_machine / ".pip").mkdir()
    (bare_machine / ".pip/pip.conf").write_text("index-url = https://b/\n")
    with pytest.raises(SetupError, match=r"pip\.conf: not a pip configuration"):
        package_index.configured_index()


def test_the_authorities_named_for_pip_vouch_for_uv_too(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import environment
    import package_index

    bundle = bare_machine / "ca.crt"
    bundle.touch()
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_INDEX_URL", "https://d/simple")
    variables = environment.installer_variables(package_index.configured_index())
    assert variables["SSL_CERT_FILE"] == str(bundle)
    assert variables["UV_DEFAULT_INDEX"] == "https://d/simple"
    assert variables["UV_PYTHON_DOWNLOADS"] == "never"
