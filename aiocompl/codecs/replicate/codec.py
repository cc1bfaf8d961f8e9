"""Replicate's predictions, as a chat.

A prediction is a job: the codec says how it is created, asked after, followed and cancelled (`PredictionJob`), and
somebody else does it. A model is named in one of these ways:

- ``owner/name``: an official model, which needs no version;
- ``owner/name:<version>``, or ``<version>`` alone: a version of any model;
- ``deployments/owner/name``: a deployment.

What has no place in OpenAI's shape (metrics, logs, the input as it was taken, version, URLs, ...) is kept under
``message.provider_specific_fields``.

Source: https://replicate.com/docs/reference/http, https://replicate.com/docs/reference/streaming (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.openai import encode_body
from aiocompl.codecs.replicate.answer import PredictionStreamDecoder, completion_of
from aiocompl.codecs.replicate.errors import answer_error, check_prediction
from aiocompl.codecs.replicate.inputs import NATIVE, UNSUPPORTED, input_of
from aiocompl.codecs.replicate.job import PredictionJob
from aiocompl.errors import BadRequestError
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.messages import JobRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest, Request
    from aiocompl.wire.messages import FrameDecoder, HTTPResponse

PREFER: Final = "wait=2"
"""How long (seconds) the creation of a prediction waits for its end: a quick one needs no other request.

Longer would save polls, but as long as the creation has not answered there is no id to cancel by. `Prefer` among
`extra_headers` goes before it."""

_MODEL: Final = re.compile(r"(deployments/)?([^/:]+)/([^/:]+)(?::([^/:]+))?").fullmatch


class ReplicateCodec(BoundCodec):
    """Predictions at one endpoint. See `Codec` and `Jobs` for the contracts."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        root = endpoint_url(endpoint.base_url, "/v1", "/predictions", "/v1")
        super().__init__(vendor, endpoint, url=root, native=NATIVE, unsupported=UNSUPPORTED)
        self._waiting = headers_with(self.headers, {"Prefer": PREFER})

    def encode_request(self, request: ChatRequest) -> JobRequest:
        """Make the request that creates the prediction; see `Codec`."""
        url, body = self._place(request.model)
        body["input"] = input_of(request.model, request.messages, request.params)
        if request.stream:
            body["stream"] = True
        for name, value in (request.extra_body or {}).items():
            both = name == "input" and isinstance(value, dict)
            body[name] = body[name] | value if both else value
        if request.extra_query:
            url = f"{url}?{urlencode(request.extra_query)}"
        return JobRequest(
            url,
            headers_with(self.headers if request.stream else self._waiting, request.extra_headers),
            encode_body(body, provider=self._endpoint.provider, model=request.model),
            stream=request.stream,
        )

    def start_job(self, request: JobRequest) -> PredictionJob:
        """The state of a prediction that is to be created; see `Jobs`."""
        headers, key = self.headers, request.headers.get("Authorization")
        if key is not None and key != headers.get(
            "Authorization"
        ):  # one that was fetched, or given with the call
            headers = {**headers, "Authorization": key}
        return PredictionJob(self._url, headers, request)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a prediction that is over; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            check_prediction(data, response.headers, self._endpoint, request)
            return completion_of(data, request)
        except MALFORMED as error:
            self._raise_malformed(error, request, response)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        return answer_error(response, self._endpoint, request.model)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events."""
        return SSEDecoder()

    def stream_decoder(self, request: ChatRequest) -> PredictionStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return PredictionStreamDecoder(self._endpoint, request)

    def _place(self, model: str) -> tuple[str, dict[str, Any]]:
        """The URL at which a model's predictions are created, and what the body says of the model."""
        if "/" not in model:
            return f"{self._url}/predictions", {"version": model}
        parts = _MODEL(model)
        if parts is None or (parts[1] and parts[4]):
            raise BadRequestError(
                "a Replicate model is named <owner>/<name>, <owner>/<name>:<version>, <version> or "
                f"deployments/<owner>/<name>, not {model!r:.80}",
                provider=self._endpoint.provider,
                model=model,
                param="model",
            )
        deployment, owner, name, version = parts.groups()
        if version is not None:
            return f"{self._url}/predictions", {"version": version}
        kind = "deployments" if deployment else "models"
        return f"{self._url}/{kind}/{quote(owner, safe='')}/{quote(name, safe='')}/predictions", {}
