"""Answers that are errors in spite of their status, and errors inside streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.error_shapes import ErrorFields, error_fields, make_error, stream_status
from aiocompl.errors import ContentPolicyViolationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint

_FAULTS: Final = re.compile(
    r"invalid_|image_|unsupported_|empty_image|failed_to_download|context_length|\w*policy"
).match
"""Codes for what is wrong with the request; all others speak of the provider."""

_UNEXPLAINED: Final = ErrorFields("the answer failed without saying why")


def has_failed(response: Mapping[str, Any]) -> bool:
    """Whether a response object, or what stands in its place, is an error."""
    return bool(response.get("error")) or response.get("status") == "failed"


def failure(
    body: Mapping[str, Any], endpoint: Endpoint, model: str, headers: Mapping[str, str] | None = None
) -> APIError:
    """The error that a failed response, or an error event, tells of.

    Args:
        body: The response object, or the event: the error stands under ``error`` or is the object itself.
        endpoint: Where it came from.
        model: The model that was asked.
        headers: The answer's headers, where it is not in a stream.
    """
    fields = (error_fields(body) if body.get("error") or "message" in body else None) or _UNEXPLAINED
    code = fields.code or ""
    return make_error(
        fields,
        stream_status(fields, 400 if _FAULTS(code) else 500),
        body=body,
        headers=headers or {},
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
        cls=ContentPolicyViolationError if code == "image_content_policy_violation" else None,
    )
