"""What went wrong with a prediction, or before there was one, as our errors. Total: nothing here raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.error_shapes import ErrorFields, error_fields, make_error, parse_body, stream_status
from aiocompl.errors import (
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPResponse

FAILURES: Final = (
    ("input is too long", ContextWindowExceededError),
    ("context length", ContextWindowExceededError),
    ("maximum context", ContextWindowExceededError),
    ("nsfw", ContentPolicyViolationError),
    ("flagged as sensitive", ContentPolicyViolationError),
    ("(e005)", ContentPolicyViolationError),
    ("moderation", ContentPolicyViolationError),
    ("cuda out of memory", InternalServerError),
    ("code: pa)", InternalServerError),
    ("(e6716)", InternalServerError),
    ("queue is full", ServiceUnavailableError),
    ("(e004)", ServiceUnavailableError),
)
"""What the text of a failed prediction says, in lower case. Any other failure is the model's, on this very input."""

UNPROCESSABLE: Final = 422
NOT_FOUND: Final = 404
CLIENT_GONE: Final = 499
"""The status that stands for a prediction which somebody cancelled."""

_NO_VERSION: Final = "invalid version or not permitted"
_THROTTLED: Final = re.compile(r"available in (\d{1,6}) second")


def answer_error(response: HTTPResponse, endpoint: Endpoint, model: str) -> APIStatusError | APITimeoutError:
    """An answer with an error status: ``{"title", "detail", "status"}``, mostly."""
    body = parse_body(response.body)
    fields = _fields(body, model if response.status == NOT_FOUND else "")
    error = make_error(
        fields,
        response.status,
        body=body,
        headers=response.headers,
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
        cls=_class(response.status, fields.message),
    )
    if error.retry_after is None and (told := _THROTTLED.search(fields.message)):
        error.retry_after = float(told[1])
    return error


def check_prediction(data: Any, headers: Mapping[str, str], endpoint: Endpoint, request: ChatRequest) -> None:
    """Find what went wrong in what came with a 2xx status.

    Raises:
        APIError: The prediction failed or was cancelled, or it is no prediction but an error.
    """
    check_status(data.get("status"), data, headers, endpoint, request)
    if "urls" not in data and "output" not in data and (fields := error_fields(data)) is not None:
        status = fields.status or 500
        raise _error(fields.message, status, None, data, headers, endpoint, request.model)


def check_status(
    status: object,
    prediction: Mapping[str, Any],
    headers: Mapping[str, str],
    endpoint: Endpoint,
    request: ChatRequest,
) -> None:
    """Find what went wrong with a prediction that is over, by its status.

    Raises:
        APIError: It failed or was cancelled. A deadline that the call itself gave may have done that.
    """
    model = request.model
    if status == "failed":
        raise failure(prediction.get("error"), prediction, headers, endpoint, model)
    deadline = any(name.lower() == "cancel-after" for name in request.extra_headers or ())
    if status == "aborted" or (status == "canceled" and deadline):
        text = f"the prediction was {status}: its deadline passed"
        raise _error(text, 504, APITimeoutError, prediction, headers, endpoint, model)
    if status == "canceled":
        text = "the prediction was canceled, and not by this call"
        raise _error(text, CLIENT_GONE, APIStatusError, prediction, headers, endpoint, model)


def failure(
    text: object, body: object, headers: Mapping[str, str], endpoint: Endpoint, model: str
) -> APIError:
    """A prediction that failed, by what the model or the platform says of it."""
    said = text if isinstance(text, str) and text else "(no message)"
    lower = said.lower()
    cls = next((cls for phrase, cls in FAILURES if phrase in lower), None)
    status = stream_status(ErrorFields(said), 400) if cls is None else cls.http_status
    return _error(f"the prediction failed: {said}", status, cls, body, headers, endpoint, model)


def _error(
    text: str,
    status: int,
    cls: type[APIStatusError | APITimeoutError] | None,
    body: object,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    model: str,
) -> APIStatusError | APITimeoutError:
    return make_error(
        ErrorFields(text),
        status,
        body=body,
        headers=headers,
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
        cls=cls,
    )


def _fields(body: Any, missing: str) -> ErrorFields:
    """What an error says; `missing` is the model that was not found."""
    fields = error_fields(body) or ErrorFields(
        "the answer has no error that could be read; see `body` for its head"
    )
    message, title, param = fields.message, None, fields.param
    if isinstance(body, dict):
        title = body.get("title")
        invalid = body.get("invalid_fields")
        if isinstance(invalid, list) and invalid and isinstance(invalid[0], dict):
            param = param or str(invalid[0].get("field") or "") or None
    if "/" in missing and ":" not in missing and not missing.startswith("deployments/"):
        message += "; a model that is not official is asked by version: replicate/<owner>/<name>:<version>"
    return ErrorFields(message, code=fields.code, type=title if isinstance(title, str) else None, param=param)


def _class(status: int, message: str) -> type[APIStatusError | APITimeoutError] | None:
    """The class that Replicate's words call for; None where the status says it all."""
    if status != UNPROCESSABLE:
        return None
    lower = message.lower()
    if _NO_VERSION in lower:
        return NotFoundError
    return next((cls for phrase, cls in FAILURES[:3] if phrase in lower), BadRequestError)
