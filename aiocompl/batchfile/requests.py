"""One line of a batch's input: what it asks, or why it cannot be asked.

Source: https://developers.openai.com/api/docs, batch API, the request input object (2026-11).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.types.params import CALL_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.batchfile.template import Template

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""A longer line is no request but an accident."""

CHAT_URLS: Final = ("/v1/chat/completions", "/chat/completions")
"""OpenAI's, and Azure's."""

LINE_OPTIONS: Final = frozenset(
    {
        "additional_drop_params",
        "allowed_openai_params",
        "drop_params",
        "extra_body",
        "max_retries",
        "n_by_fanout",
        "num_retries",
        "timeout",
    }
)
"""The call options that a line may hold: those that do not say where a request, and a key with it, goes."""

_BOM: Final = b"\xef\xbb\xbf"
_GENERATED: Final = "request-"


@attrs.frozen(kw_only=True)
class BatchRequest:
    """A request as its line gives it, with what goes for all lines filled in."""

    line: int
    """Where it stands, counted from 1."""

    custom_id: str | None
    """Its own name, where it has one; see `generated_id`."""

    body: Mapping[str, Any] = attrs.field(repr=False)
    """OpenAI's body: ``{"model": ..., "messages": [...], ...}``, and maybe some of `LINE_OPTIONS`."""

    digest: str
    """The hash of the body: 32 hexadecimal digits. Equal requests have equal ones, whatever the order of their fields."""


@attrs.frozen(kw_only=True)
class BadLine:
    """A line that holds no request."""

    line: int
    """Where it stands, counted from 1."""

    custom_id: str
    """Its own name where that can be read, else one made of the line's number."""

    digest: str
    """The hash of the line as it is."""

    code: str
    """What is wrong, in a word: ``"invalid_json"``, ``"invalid_url"``, ..."""

    message: str
    """What is wrong, in a sentence."""


@attrs.frozen(kw_only=True)
class Reading:
    """How lines are read."""

    defaults: Mapping[str, Any] = attrs.field(factory=dict)
    """What stands in the body of each line that says nothing else: ``{"model": "gpt-4o", "temperature": 0}``."""

    template: Template | None = None
    """What makes a prompt of a row; the column `column` alone if None."""

    column: str = "prompt"
    """The column with the prompt, where there is no template."""


class BadLineError(ValueError):
    """A line holds no request.

    Attributes:
        code: What is wrong, in a word.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_line(raw: bytes, line: int, reading: Reading) -> BatchRequest | BadLine | None:
    """Read a line of JSON: OpenAI's batch format, a bare body with ``"messages"``, or a row of data.

    Args:
        raw: The line, with its end or without.
        line: Its number, from 1.
        reading: What goes for all lines.

    Returns:
        The request, what is wrong with it, or None where the line is empty.
    """
    raw = (raw.removeprefix(_BOM) if line == 1 else raw).strip(b" \t\r\n")
    if not raw:
        return None
    named: str | None = None
    try:
        data = _parse(raw)
        named = _custom_id(data.get("custom_id"))
        return _request(line, named, _body(data, reading), reading)
    except BadLineError as error:
        return bad_line(raw, line, error, named)


def read_row(row: Mapping[str, Any], line: int, reading: Reading) -> BatchRequest | BadLine:
    """Read a row of a table, by column; a column ``custom_id`` is its name.

    Args:
        row: The row.
        line: Its number, from 1.
        reading: What goes for all rows.
    """
    named: str | None = None
    try:
        given = row.get("custom_id")
        named = None if given is None or given == "" else _custom_id(str(given))
        return _request(line, named, _row_body(row, reading), reading)
    except BadLineError as error:
        return bad_line(repr(sorted(row.items(), key=str)).encode(errors="replace"), line, error, named)


def bad_line(raw: bytes, line: int, error: BadLineError, custom_id: str | None = None) -> BadLine:
    """What stands for a line that holds no request."""
    return BadLine(
        line=line,
        custom_id=custom_id or f"invalid-line-{line}",
        digest=_hash(raw),
        code=error.code,
        message=f"line {line}: {error}",
    )


def generated_id(digest: str, occurrence: int) -> str:
    """The name of a request that has none of its own.

    Args:
        digest: Its hash.
        occurrence: The how-manieth of the requests with this hash it is, from 1.
    """
    return f"{_GENERATED}{digest}" if occurrence == 1 else f"{_GENERATED}{digest}-{occurrence}"


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"column {error.colno}" if error.lineno == 1 else "its end"
        raise BadLineError("invalid_json", f"is no JSON (at {where})") from error
    if not isinstance(data, dict):
        raise BadLineError("invalid_json", "is no JSON object")
    return data


def _custom_id(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not given:
        raise BadLineError("invalid_custom_id", "custom_id must be text, and not empty")
    if any("\ud800" <= character <= "\udfff" for character in given):
        raise BadLineError("invalid_utf8", "is no UTF-8 text")
    return given


def _body(data: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """The body of a line in whichever of the three forms."""
    if "body" in data:
        return _batch_body(data)
    if "messages" in data:
        return {name: value for name, value in data.items() if name != "custom_id"}
    if reading.template is None and reading.column not in data:
        raise BadLineError("invalid_request", "has neither 'body' nor 'messages'")
    return _row_body(data, reading)


def _batch_body(data: Mapping[str, Any]) -> dict[str, Any]:
    method, url = data.get("method", "POST"), data.get("url", "/v1/chat/completions")
    if method != "POST":
        raise BadLineError("invalid_method", "method must be 'POST'")
    if url not in CHAT_URLS:
        raise BadLineError("invalid_url", "url must be '/v1/chat/completions': only chat is asked from files")
    body = data["body"]
    if not isinstance(body, dict):
        raise BadLineError("invalid_request", "body must be an object")
    if data.get("custom_id") is None:
        raise BadLineError("missing_custom_id", "custom_id is missing, which the batch format demands")
    return body


def _row_body(row: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    if reading.template is not None:
        try:
            prompt = reading.template.fill(row)
        except KeyError as error:
            raise BadLineError("missing_column", f"has no column {error}") from error
    else:
        given = row.get(reading.column)
        if given is None:
            raise BadLineError("missing_prompt", f"has nothing in the column {reading.column!r}")
        prompt = str(given)
    if not prompt.strip():
        raise BadLineError("missing_prompt", "the prompt is empty")
    return {"messages": [{"role": "user", "content": prompt}]}


def _request(line: int, custom_id: str | None, own: Mapping[str, Any], reading: Reading) -> BatchRequest:
    body = {**reading.defaults, **{name: value for name, value in own.items() if value is not None}}
    if body.pop("stream", False):
        raise BadLineError("invalid_request", "stream must not be set: a batch gives whole answers")
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise BadLineError("invalid_request", "messages must be a list, and not empty")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise BadLineError("missing_model", "names no model, and none is given for all lines")
    for name in CALL_OPTIONS.intersection(body):
        if name not in LINE_OPTIONS:
            raise BadLineError("invalid_request", f"must not hold {name}: it is set for the whole batch")
    return BatchRequest(line=line, custom_id=custom_id, body=body, digest=request_digest(body))


def request_digest(body: Mapping[str, Any]) -> str:
    """The hash of a request, by which an answer is known to be its answer.

    Raises:
        BadLineError: The body is nested too deeply, or holds what is no text.
    """
    try:
        return _hash(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
    except TypeError as error:  # orjson's, for both
        raise BadLineError("invalid_json", "is nested too deeply, or is no UTF-8 text") from error


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
