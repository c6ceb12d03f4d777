"""The ESRF's e-logbook, through the ICAT+ client that pyicat-plus posts with.

pyicat-plus itself swallows a timeout in silence and follows redirects; its client underneath does neither when
told so, and says by its status what became of a post.
"""

import base64
import json
import socket
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from urllib3.exceptions import HTTPError

from latticewatch.app.logbook.answer import Answer, accepted, refused
from latticewatch.app.logbook.entry import LogbookEntry, as_html
from latticewatch.app.logbook.http_post import LONGEST_ANSWER, fate_of, of_status
from latticewatch.app.logbook.secret import Secret, unsaid
from latticewatch.app.logbook.settings import IcatLogbook
from latticewatch.processing.text import one_line

PARTS = ("text", "picture")


def post_part(part: str, logbook: IcatLogbook, secret: Secret, entry: LogbookEntry, picture: bytes) -> Answer:
    """Post the text, or the picture: the e-logbook takes them one by one."""
    if find_spec("icat_plus_client") is None:
        return refused("the ESRF's e-logbook needs a further package; install latticewatch[icat]")
    if not secret.value:
        return refused("no token is given")
    try:
        with unsaid(secret):
            status, page = _send(part, logbook, secret, entry, picture)
    except (HTTPError, OSError) as error:
        return fate_of(error)
    return of_status(status) or _judged(status, page)


def event_of(entry: LogbookEntry) -> dict[str, Any]:
    """The text as the e-logbook has it: a comment that people may edit."""
    return {
        "type": "annotation",
        "category": "comment",
        "content": [{"format": "html", "text": as_html(entry)}],
        "creationDate": datetime.fromtimestamp(entry.written_s, UTC).isoformat(),
        **_origin(entry),
    }


def picture_of_entry(entry: LogbookEntry, picture: bytes) -> dict[str, Any]:
    return {"base64": f"data:image/png;base64,{base64.b64encode(picture).decode()}", **_origin(entry)}


def _origin(entry: LogbookEntry) -> dict[str, Any]:
    return {"machine": socket.gethostname(), "software": entry.facts["Software"], "tag": [{"name": "LatticeWatch"}]}


def _send(part: str, logbook: IcatLogbook, secret: Secret, entry: LogbookEntry, picture: bytes) -> tuple[int, bytes]:
    """Status and page. The raw answer: one that the client cannot parse may still be a confirmation."""
    from icat_plus_client.api.data_acquisition_api import DataAcquisitionApi  # optional: icat-plus-client
    from icat_plus_client.api_client import ApiClient  # optional: icat-plus-client
    from icat_plus_client.configuration import Configuration  # optional: icat-plus-client
    from icat_plus_client.models import (
        dataacquisition_api_key_base64_post_request as request,  # optional: icat-plus-client
    )
    from icat_plus_client.models.event import Event  # optional: icat-plus-client

    ca_file = str(logbook.ca_file) if logbook.ca_file else None
    # One try and no redirect: a second post would be a second entry, elsewhere would be another server.
    configuration = Configuration(host=logbook.url.rstrip("/"), retries=0, ssl_ca_cert=ca_file)
    common: dict[str, Any] = {
        "api_key": secret.value,
        "instrument_name": logbook.beamline,
        "investigation_name": logbook.proposal,
        "_request_timeout": logbook.timeout_s,
    }
    with ApiClient(configuration) as client:
        api: Any = DataAcquisitionApi(client)
        if part == "text":
            event = Event.model_validate(event_of(entry))
            response = api.dataacquisition_api_key_notification_post_without_preload_content(event=event, **common)
        else:
            form = request.DataacquisitionApiKeyBase64PostRequest.model_validate(picture_of_entry(entry, picture))
            response = api.dataacquisition_api_key_base64_post_without_preload_content(
                dataacquisition_api_key_base64_post_request=form, **common
            )
        return response.status, response.read(LONGEST_ANSWER)


def _judged(status: int, page: bytes) -> Answer:
    if 200 <= status < 300:
        return accepted(f"event {_number(page)}")
    if status in (401, 403):
        return refused(f"wrong token (HTTP {status})")
    if 300 <= status < 400:
        return refused(f"the server redirects to another address (HTTP {status}); check url in logbook.toml")
    return refused(f"HTTP {status}; check url, beamline and proposal in logbook.toml, and the token")


def _number(page: bytes) -> str:
    try:
        event = json.loads(page)
    except ValueError:
        return "without a number"
    number = event.get("_id") if isinstance(event, dict) else None
    return one_line(str(number))[:40] if number else "without a number"
