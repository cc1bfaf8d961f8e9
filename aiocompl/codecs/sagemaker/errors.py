"""Errors of SageMaker itself, as of any AWS service, and those of the container, which it passes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.bedrock.errors import converse_error
from aiocompl.codecs.error_shapes import ErrorFields, error_fields, make_error, parse_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import APIStatusError, APITimeoutError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.messages import HTTPResponse

_ERRORS: Final = range(400, 600)
_UNKNOWN: Final = 500
_UNREAD: Final = "the container has no error that could be read; see `body`"


def answer_error(response: HTTPResponse, endpoint: Endpoint, model: str) -> APIStatusError | APITimeoutError:
    """Read an error answer. Total: any status, any body.

    A ModelError (424) is what the container has answered; it is classified by the container's status and text.
    """
    body = parse_body(response.body)
    if isinstance(body, dict) and "OriginalMessage" in body:
        status = body.get("OriginalStatusCode")
        return _containers(
            str(body["OriginalMessage"]),
            status if isinstance(status, int) and status in _ERRORS else _UNKNOWN,
            body=body,
            headers=response.headers,
            endpoint=endpoint,
            model=model,
        )
    return _services(
        response.body,
        response.headers.get("x-amzn-errortype", ""),
        response.status,
        response.headers,
        endpoint,
        model,
    )


def event_error(
    name: str, payload: bytes, endpoint: Endpoint, model: str
) -> APIStatusError | APITimeoutError:
    """Read an exception inside a stream; `name` is the event's, as ``exception:ModelStreamError``."""
    return _services(payload, name.partition(":")[2], None, {}, endpoint, model)


def _services(
    body: bytes,
    exception: str,
    status: int | None,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    model: str,
) -> APIStatusError | APITimeoutError:
    return converse_error(
        body, exception=exception, status=status, headers=headers, endpoint=endpoint, model=model
    )


def _containers(
    text: str,
    status: int,
    *,
    body: object,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    model: str,
) -> APIStatusError | APITimeoutError:
    original: Any = parse_body(text.encode())
    error = make_error(
        error_fields(original)
        or ErrorFields(_UNREAD if text else "the container says no more", upstream=text),
        status,
        body=body,
        headers=headers,
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
    )
    error.request_id = error.request_id or headers.get("x-amzn-requestid")
    return error
