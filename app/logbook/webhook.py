"""A webhook: the entry as JSON and the picture, in one form. Any answer of 200 to 299 confirms it."""

import json

from latticewatch.app.logbook.answer import Answer, accepted, refused
from latticewatch.app.logbook.entry import LogbookEntry, as_json, picture_name
from latticewatch.app.logbook.http_post import Response, post
from latticewatch.app.logbook.secret import Secret
from latticewatch.app.logbook.settings import WebhookLogbook

PARTS = ("entry",)


def post_part(part: str, logbook: WebhookLogbook, secret: Secret, entry: LogbookEntry, picture: bytes) -> Answer:
    """Post the entry with its picture. ``Idempotency-Key`` is the same however often it is posted."""
    del part
    if not (secret.value.isascii() and secret.value.isprintable()):
        return refused("the token holds characters that a token cannot have; set it again")
    files = {
        "entry": ("entry.json", json.dumps(as_json(entry), ensure_ascii=False).encode(), "application/json"),
        "picture": (picture_name(entry), picture, "image/png"),
    }
    return post(logbook, _judged, files=files, headers={"Idempotency-Key": entry.key}, token=secret.value)


def _judged(response: Response) -> Answer:
    if 200 <= response.status < 300:
        return accepted(f"HTTP {response.status}")
    if response.status in (401, 403):
        return refused(f"wrong token (HTTP {response.status})")
    if 300 <= response.status < 400:
        return refused(f"the server redirects to another address (HTTP {response.status}); check url in logbook.toml")
    return refused(f"HTTP {response.status}; check url in logbook.toml")
