"""What a browser sent by a form: the fields of a row or a file, and the API key."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from werkzeug.exceptions import HTTPException
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from server.api.web.fields import FIELD_PREFIX
from server.connections.errors import HttpError

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
KEY_FIELD, FILE_FIELD = "api-key", "rows"
MAX_FIELDS = 10_000
MAX_FIELDS_BYTES = 500_000
"""How long a form without a file may be, and the fields beside a file."""


@dataclass(frozen=True)
class Submitted:
    """The texts of a row by feature, the API key, and a file; `file` is None if none was chosen."""

    texts: dict[str, str] = field(default_factory=dict)
    api_key: str = ""
    file: bytes | None = None
    has_file_field: bool = False

    @property
    def is_key_alone(self) -> bool:
        """True for the form that asks for the key."""
        return not self.texts and not self.has_file_field


def submitted(body: bytes, content_type: str) -> Submitted:
    """Read the body of a form; raises HttpError for one that is broken or has too many fields."""
    media, options = parse_options_header(content_type)
    if media.lower() == MULTIPART:
        return _multipart(body, options.get("boundary", ""))
    try:
        return _of(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise _broken() from error


def _multipart(body: bytes, boundary: str) -> Submitted:
    parser = MultiPartParser(
        stream_factory=lambda *_, **__: io.BytesIO(),
        max_form_memory_size=MAX_FIELDS_BYTES,
        max_form_parts=1_000,
    )
    try:
        fields, files = parser.parse(io.BytesIO(body), boundary.encode("latin-1", "replace"), len(body))
    except (ValueError, HTTPException) as error:
        raise _broken() from error
    sent = files.get(FILE_FIELD)
    found = _of(fields.items(multi=True))
    has_file = sent is not None and bool(sent.filename)
    return Submitted(
        found.texts, found.api_key, sent.read() if sent is not None and has_file else None, sent is not None
    )


def _of(fields: Iterable[tuple[str, str]]) -> Submitted:
    named = dict(fields)
    texts = {
        name.removeprefix(FIELD_PREFIX): text.replace("\r\n", "\n")
        for name, text in named.items()
        if name.startswith(FIELD_PREFIX)
    }
    return Submitted(texts, named.get(KEY_FIELD, ""))


def _broken() -> HttpError:
    return HttpError(400, "the form cannot be read", "bad_form", "Open the page again and send it from there.")
