"""One line of a batch's output: an answer, or an error, and to which request it belongs.

Source: https://developers.openai.com/api/docs, batch API, the request output object (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.errors import AiocomplError, APIError
from aiocompl.types.model import wire_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.batchfile.requests import BadLine
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.model import Model

ID_PREFIX: Final = "batch_req_"

LINE_START: Final = b'{"id":"' + ID_PREFIX.encode()
"""How every line that is written here begins."""

INVALID: Final = "InvalidLine"
"""The `type` of the error that stands for a line that holds no request."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a line of an output or error file says of which request."""

    custom_id: str
    digest: str
    """The hash of the request that was asked; see `BatchRequest.digest`."""

    invalid: bool
    """It stands for a line of the input that holds no request."""


def answer_line(custom_id: str, digest: str, answer: ChatCompletion) -> bytes:
    """The line of an answer.

    Raises:
        TypeError: The answer holds what JSON has no form for.
    """
    request_id = None if answer.call is None else answer.call.request_id
    return body_line(custom_id, digest, answer, request_id=request_id)


def body_line(
    custom_id: str, digest: str, body: Mapping[str, Any] | Model, *, request_id: str | None = None
) -> bytes:
    """The line of an answer that is there as OpenAI's chat completion, be it parsed JSON or an object of ours.

    Raises:
        TypeError: The body holds what JSON has no form for.
    """
    response = {"status_code": 200, "request_id": request_id, "body": body}
    return _line(custom_id, digest, response, None)


def error_line(custom_id: str, digest: str, error: Exception, *, line: int | None = None) -> bytes:
    """The line of a request that failed.

    Args:
        custom_id: Its name.
        digest: Its hash.
        error: Why; `response` is filled in where a provider answered.
        line: Where the request stands in the input.
    """
    kind = type(error).__name__
    details: dict[str, Any] = {"code": kind, "message": str(error), "type": kind, "line": line}
    response: dict[str, Any] | None = None
    if isinstance(error, AiocomplError):
        details |= {"provider": error.provider, "model": error.model, "retryable": error.retryable}
    if isinstance(error, APIError):
        details |= {"code": str(error.code or kind), "param": error.param}
        if error.headers or error.body is not None or error.request_id is not None:  # somebody answered
            told = {name: details[name] for name in ("message", "type", "param", "code")}
            response = {
                "status_code": error.status_code,
                "request_id": error.request_id,
                "body": {"error": told},
            }
    return _line(custom_id, digest, response, details)


def bad_line_line(bad: BadLine) -> bytes:
    """The line that stands for a line of the input that holds no request."""
    details = {"code": bad.code, "message": bad.message, "type": INVALID, "line": bad.line}
    return _line(bad.custom_id, bad.digest, None, details)


def read_outcome(raw: bytes) -> Outcome | None:
    """Read a line of an output or error file; None if it is none, or not a whole one."""
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(data, dict):
        return None
    id_, custom_id, error = data.get("id"), data.get("custom_id"), data.get("error")
    if not isinstance(id_, str) or not id_.startswith(ID_PREFIX) or not isinstance(custom_id, str):
        return None
    return Outcome(
        custom_id=custom_id,
        digest=id_.removeprefix(ID_PREFIX),
        invalid=isinstance(error, dict) and error.get("type") == INVALID,
    )


def _line(
    custom_id: str, digest: str, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None
) -> bytes:
    return orjson.dumps(
        {"id": ID_PREFIX + digest, "custom_id": custom_id, "response": response, "error": error},
        wire_fields,
        option=orjson.OPT_APPEND_NEWLINE,
    )
