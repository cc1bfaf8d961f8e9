"""Amazon SageMaker endpoints as their server answers: of a container with OpenAI's Messages API, or an older one.

Source: the service model ``sagemaker-runtime`` 2017-05-13 of botocore 1.44 (2026-11).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.asked import ProblemError
from aiocompl.testing.dialects import parts, sagemaker_inputs
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.eventstream import message
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery

# AWS has no version in its paths; one is let through so that the simulator's `base_url` serves as any provider's.
_PATH: Final = re.compile(r"(?:/v1)?/endpoints/([^/]+)/(invocations(?:-response-stream)?)")
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[\w-]+/sagemaker/aws4_request, ?"
    r"SignedHeaders=([\w;-]*host[\w;-]*x-amz-date[\w;-]*), ?Signature=[0-9a-f]{64}"
)
_CUT: Final = 5  # bytes of an event that come with the part before: parts begin and end anywhere
_CONTAINERS: Final = 424
_ORIGINAL: Final[Mapping[ProblemKind, int]] = MappingProxyType(
    {"invalid_request": 400, "context_length": 400, "content_policy": 400, "server_error": 500}
)
"""What the container answers, and SageMaker passes on as a ModelError; all else is SageMaker's own."""

_WORDING: Final[Mapping[ProblemKind, tuple[str, str]]] = MappingProxyType(
    {
        "authentication": (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        "permission": ("AccessDeniedException", "You may not call InvokeEndpoint on this endpoint."),
        "not_found": ("ValidationError", "Endpoint of account 000000000000 not found."),
        "method_not_allowed": ("UnknownOperationException", "The operation is not known."),
        "timeout": ("ModelInvocationTimeExceeded", "The model took too long to answer."),
        "conflict": ("ConflictException", "The request conflicts with another."),
        "rate_limit": ("ThrottlingException", "Rate exceeded"),
        "quota": ("ThrottlingException", "Rate exceeded"),
        "overloaded": ("ServiceUnavailable", "The service is temporarily unavailable."),
    }
)


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> SageMakerDialect:
    """Make the dialect; see `make_dialect`."""
    return SageMakerDialect(api_key=api_key, models=models)


class SageMakerDialect(OpenAIDialect):
    """``POST /endpoints/{name}/invocations`` and ``.../invocations-response-stream``.

    What has ``inputs`` is a bare prompt (see `sagemaker_inputs`), all else a chat (see `OpenAIDialect`). The models are the names of the endpoints. The key is a bearer, or the access key id of a
    signature, whose form is looked at, but which is not computed again.
    """

    base_path = ""
    stream_type = "application/vnd.amazon.eventstream"
    end_event = b""
    statuses: Mapping[ProblemKind, int] = MappingProxyType(
        {**dict.fromkeys(_ORIGINAL, _CONTAINERS), "authentication": 403, "quota": 429}
    )

    @override
    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        self._authorise(received.headers.get("authorization", ""))
        if (match := _PATH.fullmatch(received.path)) is None:
            raise parts.refused(status=404, kind="method_not_allowed")
        parts.need_method("POST", received)
        name, call = match.groups()
        if self._models is not None and name not in self._models:
            raise parts.refused(
                f"Endpoint {name} of account 000000000000 not found.", status=400, kind="not_found"
            )
        try:
            body = parts.parsed(received.body, "The body is not valid JSON.")
            body = {**body, "model": name, "stream": call != "invocations"}
            if "inputs" in body:
                return sagemaker_inputs.read(received, body)
            return attrs.evolve(
                self._read_chat(attrs.evolve(received, body=orjson.dumps(body))), headers=received.headers
            )
        except ProblemError as refusal:  # by the container
            raise ProblemError(attrs.evolve(refusal.problem, status=_CONTAINERS)) from refusal

    @override
    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"x-amzn-requestid": parts.uuid(number), "x-amzn-invoked-production-variant": "AllTraffic"}

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        prompted = "inputs" in asked.body
        return sagemaker_inputs.body(asked, answers) if prompted else super().body(asked, answers)

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer, in parts that begin and end anywhere; see `Dialect`."""
        prompted = "inputs" in asked.body
        said = sagemaker_inputs.events(asked, answers) if prompted else super().events(asked, answers)
        return [Event(_parts(frame), token) for frame, token in said]

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        if (original := _ORIGINAL.get(problem.kind)) is None:
            return orjson.dumps({"Message": problem.message or _WORDING[problem.kind][1]})
        text = super().error_body(problem).decode()
        return orjson.dumps(
            {
                "ErrorCode": "CLIENT_ERROR_FROM_MODEL",
                "LogStreamArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/simulator",
                "Message": f'Received client error ({original}) from primary with message "{text}".',
                "OriginalMessage": text,
                "OriginalStatusCode": original,
            }
        )

    @override
    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """The name of the exception; see `Dialect`."""
        name = "ModelError" if problem.kind in _ORIGINAL else problem.code or _WORDING[problem.kind][0]
        return {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.sagemaker/"}

    @override
    def error_event(self, problem: Problem) -> bytes:
        """The message of an exception inside a stream; see `Dialect`."""
        headers = {
            ":exception-type": "ModelStreamError",
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        text = problem.message or "The connection to the model was closed."
        return message(headers, orjson.dumps({"ErrorCode": "StreamBroken", "Message": text}))

    @override
    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return _parts(super().frame(data))

    @override
    def _authorise(self, authorization: str) -> None:
        if self._api_key is None:
            return
        if not authorization:
            raise parts.refused("Missing Authentication Token", status=403, kind="authentication")
        signed = _SIGNED.fullmatch(authorization)
        given = signed[1] if signed is not None else authorization.removeprefix("Bearer ")
        if given != self._api_key:
            raise parts.refused(status=403, kind="authentication")


def _parts(frame: bytes) -> bytes:
    """An event of the container in two parts, neither of which is a whole one."""
    return _part(frame[:_CUT]) + _part(frame[_CUT:])


def _part(payload: bytes) -> bytes:
    headers = {
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }
    return message(headers, payload)
