"""Cohere's v1 chat, for what only v1 has: connectors, stored conversations, search queries, truncation of the prompt.

A conversation is a `message` with a history before it; system text at its beginning is the `preamble`. Tool calls
have no ids here: they get ``call_<head of the generation's id>_<index>``, and results are matched by it. What has no
place in OpenAI's shape (citations, documents, search results, the history as Cohere keeps it, ...) is kept under
``message.provider_specific_fields``. There are no images, no log probabilities, and no way to require a tool.

Source: https://docs.cohere.com/v1/reference/chat (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.cohere.common import UNSUPPORTED, answer_error, check_answer, plain_params
from aiocompl.codecs.cohere.v1_answer import CohereV1StreamDecoder, completion_of
from aiocompl.codecs.cohere.v1_messages import conversation
from aiocompl.codecs.tools import narrowed, refuse_other_tools, response_schema, tool_choice_of, tools_of
from aiocompl.errors import UnsupportedParamsError
from aiocompl.wire.jsonlines import JSONLinesDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest, Request
    from aiocompl.wire.messages import FrameDecoder, HTTPRequest, HTTPResponse

NATIVE: Final = frozenset(
    {
        "citation_quality",
        "connectors",
        "conversation_id",
        "documents",
        "force_single_step",
        "k",
        "max_input_tokens",
        "p",
        "preamble",
        "prompt_truncation",
        "raw_prompting",
        "safety_mode",
        "search_queries_only",
        "top_k",
    }
)
"""Cohere's own parameters, and `top_k`, which others call its `k`."""

TYPES: Final[Mapping[object, str]] = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
}
"""JSON Schema's types as v1's Python-like ones."""


class CohereV1Codec(BoundCodec):
    """Cohere's v1 chat, bound to one endpoint. See `Codec` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=endpoint_url(endpoint.base_url, "/v1/chat", "/chat", "/v1", "/v2"),
            native=NATIVE,
            unsupported=UNSUPPORTED | {"logprobs", "reasoning_effort"},
        )

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        params = request.params
        body: dict[str, Any] = {
            "model": request.model,
            **conversation(request.messages, preamble="preamble" not in params),
            **plain_params(params),
            **_tool_params(params),
        }
        if (form := params.get("response_format")) is not None:
            schema = response_schema(params)
            body["response_format"] = (
                form if schema is None else {"type": "json_object", "schema": schema["schema"]}
            )
        body["stream"] = request.stream
        return self._http_request(request, body)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            check_answer(data, response.headers, self._endpoint, request.model)
            return completion_of(data, request.model)
        except MALFORMED as error:
            self._raise_malformed(error, request, response)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        return answer_error(response, self._endpoint, request.model)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are JSON lines."""
        return JSONLinesDecoder()

    def stream_decoder(self, request: ChatRequest) -> CohereV1StreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return CohereV1StreamDecoder(self._endpoint, request.model)


def _tool_params(params: Mapping[str, Any]) -> dict[str, Any]:
    tools, others = tools_of(params)
    refuse_other_tools(others)
    choice = tool_choice_of(params)
    if choice is not None and choice.mode in {"required", "named"}:
        raise UnsupportedParamsError(
            "Cohere's v1 chat cannot require a tool: leave tool_choice out, or use v2", param="tool_choice"
        )
    if not tools or (choice is not None and choice.mode == "none"):
        return {}
    return {
        "tools": [
            {
                "name": tool.name,
                "description": tool.description or "",
                "parameter_definitions": _definitions(tool.parameters),
            }
            for tool in narrowed(tools, choice)
        ]
    }


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema's properties as v1 has them: flat, with Python-like types."""
    required = schema.get("required") or ()
    return {
        name: {
            **({"description": item["description"]} if item.get("description") else {}),
            "type": _type(item),
            "required": name in required,
        }
        for name, item in (schema.get("properties") or {}).items()
    }


def _type(schema: Mapping[str, Any]) -> str:
    """The Python-like type; the first that is not null where there are several, text where none is given."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), None)
    for item in schema.get("anyOf") or () if kind is None else ():
        if item.get("type") != "null":
            return _type(item)
    return TYPES.get(kind, "str")
