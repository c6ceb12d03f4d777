"""PSI ELOG: a form to the logbook's own address; a redirect to the new entry is the confirmation."""

import re
from urllib.parse import unquote_plus, urljoin, urlsplit

from passlib.hash import sha256_crypt

from latticewatch.app.logbook.answer import Answer, accepted, refused, unsure
from latticewatch.app.logbook.entry import LogbookEntry, as_html, picture_name
from latticewatch.app.logbook.http_post import Response, post
from latticewatch.app.logbook.secret import Secret
from latticewatch.app.logbook.settings import ElogLogbook, elog_field
from latticewatch.processing.text import one_line

PARTS = ("entry",)
ERROR_CELL = re.compile(r'<td[^>]*class="errormsg"[^>]*>(.*?)</td>', re.DOTALL | re.IGNORECASE)
LOGIN_FORM = re.compile(r"form name=form1|type=[\"']?password", re.IGNORECASE)


def post_part(part: str, logbook: ElogLogbook, secret: Secret, entry: LogbookEntry, picture: bytes) -> Answer:
    del part
    fields = form_of(logbook, secret, entry)
    # ELOG understands multipart/form-data alone; a text among the files makes sure of it.
    files = {
        "Text": ("", as_html(entry).encode(), "text/plain"),
        "attfile0": (picture_name(entry), picture, "image/png"),
    }
    return post(logbook, lambda response: _judged(response, logbook), files=files, data=fields)


def form_of(logbook: ElogLogbook, secret: Secret, entry: LogbookEntry) -> dict[str, str]:
    """Every field but the text and the picture."""
    attributes = {logbook.subject_attribute: entry.subject, **logbook.attributes}
    fields = {elog_field(name): value for name, value in attributes.items()}
    fields |= {"cmd": "Submit", "exp": _logbook_name(logbook), "Encoding": "HTML"}
    if logbook.user:
        fields["unm"] = logbook.user
    if secret.value:
        fields["upwd"] = password_form(secret.value)
    return fields


def password_form(password: str) -> str:
    """A password as ELOG wants it: SHA-256 crypt with an empty salt, without its ``$5$$`` (py_elog, elog.c)."""
    return str(sha256_crypt.using(salt="", rounds=5000).hash(password))[4:]


def _logbook_name(logbook: ElogLogbook) -> str:
    return unquote_plus(urlsplit(logbook.url).path.rstrip("/").rpartition("/")[2])


def _judged(response: Response, logbook: ElogLogbook) -> Answer:
    location = response.headers.get("Location", "")
    if response.status in (301, 302, 303, 307, 308):
        return _redirected(location, logbook)
    if error := ERROR_CELL.search(response.page):
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", error[1])).strip()
        return refused(f"the server says: {one_line(text)[:300] or 'no'}")
    if response.status in (401, 403) or LOGIN_FORM.search(response.page):
        return refused("wrong user or password")
    if 400 <= response.status < 500:
        return refused(f"HTTP {response.status}; check url in logbook.toml")
    return unsure(f"the server gave no number of an entry (HTTP {response.status})")


def _redirected(location: str, logbook: ElogLogbook) -> Answer:
    """``.../LOGBOOK/123`` is the new entry. A redirect is read, never followed."""
    target = urlsplit(urljoin(logbook.url, location))
    if "fail" in target.query or target.path.rstrip("/").endswith("fail"):
        return refused("wrong user or password")
    home, _, number = target.path.rpartition("/")
    same_logbook = unquote_plus(home.rpartition("/")[2]) == _logbook_name(logbook)
    if same_logbook and number.isascii() and number.isdigit():
        return accepted(f"entry {int(number)}, {logbook.url}{int(number)}")
    return refused(f"the server redirects to {one_line(target.netloc + target.path)[:200]}; check url in logbook.toml")
