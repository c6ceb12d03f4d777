"""Logbook servers that behave as the real ones do, on 127.0.0.1, and keep what they were sent."""

import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

LOGIN_PAGE = "<html><form name=form1 method=POST><input type=password name=upassword></form></html>"


@dataclass(frozen=True)
class Part:
    """One field of a form."""

    content: bytes
    filename: str | None
    kind: str

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass(frozen=True)
class Post:
    """What came in one POST."""

    path: str
    headers: dict[str, str]
    form: dict[str, Part]


@dataclass
class Double:
    """A server's behaviour and what it holds.

    user, hashed: who may post, and the password as ELOG wants it. required: attributes it insists on.
    mood: ``well``; ``silent`` (takes the entry, never answers); ``cut`` (hangs up before it has the entry);
    a status such as ``503``; an address to send on to.
    """

    user: str = ""
    hashed: str = ""
    required: tuple[str, ...] = ()
    token: str = ""
    mood: str = "well"
    entries: list[Post] = field(default_factory=list)
    asked: int = 0
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    double: ClassVar[Double]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        double = self.double
        double.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        post = Post(self.path, dict(self.headers), parsed(self.headers["Content-Type"], body))
        if double.mood == "cut":
            self.close_connection = True
        elif double.mood == "silent":
            double.entries.append(post)
            double.ended.wait(20.0)
            self.close_connection = True
        elif double.mood.isdigit():
            self.say(int(double.mood), "not now")
        elif double.mood != "well":
            self.say(302, "moved", location=double.mood)
        else:
            self.take(post)

    def take(self, post: Post) -> None:
        raise NotImplementedError

    def say(self, status: int, page: str, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page.encode())))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(page.encode())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class ElogHandler(_Handler):
    """PSI ELOG: the answer to a good form is a redirect to the new entry; everything else is a page."""

    def take(self, post: Post) -> None:
        double, form = self.double, {name: part.text for name, part in post.form.items() if name != "attfile0"}
        if form.get("cmd") != "Submit" or form.get("exp") != "BM 01" or post.path != "/sub/BM+01/":
            self.say(200, '<td class="errormsg">Error: unknown command or logbook</td>')
        elif (double.user or double.hashed) and (form.get("unm"), form.get("upwd")) != (double.user, double.hashed):
            self.say(200, LOGIN_PAGE)
        elif missing := [name for name in double.required if not form.get(name)]:
            self.say(200, f'<td align=center class="errormsg">Attribute <b>{missing[0]}</b> not supplied.<p></td>')
        else:
            double.entries.append(post)
            self.say(302, "", location=f"{double.url}/sub/BM+01/{100 + len(double.entries)}")


class WebhookHandler(_Handler):
    """Takes any form with the right token."""

    def take(self, post: Post) -> None:
        if self.double.token and post.headers.get("Authorization") != f"Bearer {self.double.token}":
            self.say(401, "no")
        else:
            self.double.entries.append(post)
            self.say(201, "{}")


@contextmanager
def served(handler: type[_Handler], double: Double) -> Iterator[Double]:
    """Serve this double; its port stays the same when it is served again."""
    kind = type("Handler", (handler,), {"double": double})
    server = HTTPServer(("127.0.0.1", double.port), kind)
    double.port = server.server_port
    double.ended.clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield double
    finally:
        double.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def parsed(content_type: str, body: bytes) -> dict[str, Part]:
    """The fields of a multipart/form-data form; none in anything else."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields: dict[str, Part] = {}
    if message.get_content_type() != "multipart/form-data":
        return fields
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        assert isinstance(name, str)
        assert name not in fields
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[name] = Part(content, part.get_filename(), part.get_content_type())
    return fields
