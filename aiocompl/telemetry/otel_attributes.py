"""What OpenTelemetry's conventions for generative AI call things.

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai: spans, metrics, and the schemas of input
and output messages (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.telemetry.events import CallStarted, Event, Operation
    from aiocompl.telemetry.report import CallReport
    from aiocompl.types.request import Request

Attributes = dict[str, Any]

_PROVIDERS: Final[Mapping[str, str]] = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Providers that the conventions know by another name; the others go by ours."""

_NUMBERS: Final[Mapping[str, str]] = {
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
    "dimensions": "gen_ai.embeddings.dimension.count",
}

_PORTS: Final = {"https": 443, "http": 80}


@lru_cache(maxsize=1024)
def server_of(endpoint: str) -> tuple[str, int | None]:
    """Host and port of a base URL."""
    url = urlsplit(endpoint)
    return url.hostname or "", url.port or _PORTS.get(url.scheme)


def target_attributes(event: Event | CallReport, operation: Operation | None) -> Attributes:
    """Whom a call or an attempt asks."""
    attributes: Attributes = {
        "gen_ai.provider.name": _PROVIDERS.get(event.provider, event.provider),
        "gen_ai.request.model": event.model,
    }
    if operation is not None:
        attributes["gen_ai.operation.name"] = operation
    host, port = server_of(event.endpoint)
    if host:
        attributes["server.address"] = host
        if port is not None:
            attributes["server.port"] = port
    return attributes


def request_attributes(request: Request, started: CallStarted) -> Attributes:
    """What was asked for, without the content."""
    params = request.params
    attributes: Attributes = {
        name: params[param] for param, name in _NUMBERS.items() if _is_number(params.get(param))
    }
    if started.group is not None:
        attributes["aiocompl.group"] = started.group
    if request.stream:
        attributes["gen_ai.request.stream"] = True
    if _is_number(params.get("n")) and params["n"] != 1:
        attributes["gen_ai.request.choice.count"] = params["n"]
    if stop := [text for text in _listed(params.get("stop")) if isinstance(text, str)]:
        attributes["gen_ai.request.stop_sequences"] = stop
    if isinstance(params.get("encoding_format"), str):
        attributes["gen_ai.request.encoding_formats"] = [params["encoding_format"]]
    asked = params.get("response_format")
    if isinstance(asked, Mapping):
        attributes["gen_ai.output.type"] = "text" if asked.get("type") == "text" else "json"
    return attributes


def response_attributes(report: CallReport) -> Attributes:
    """What came of a call, without the content."""
    attributes: Attributes = {"aiocompl.attempts": report.attempts, "aiocompl.outcome": report.outcome}
    if report.outcome == "answered":
        # Where the call fell back, this is not whom it asked first.
        attributes |= target_attributes(report, None)
    response = report.response
    if isinstance(response, ChatCompletion):
        attributes["gen_ai.response.id"] = response.id
        reasons = [choice.finish_reason for choice in response.choices]
        attributes["gen_ai.response.finish_reasons"] = [reason for reason in reasons if reason]
        attributes["gen_ai.response.model"] = response.model
    if report.first_token is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = report.first_token
    if report.cost is not None:
        attributes["aiocompl.cost"] = report.cost
    return attributes | _usage_attributes(report)


def _usage_attributes(report: CallReport) -> Attributes:
    usage = report.usage
    if usage is None:
        return {}
    attributes: Attributes = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }
    if report.estimated:
        attributes["aiocompl.usage.estimated"] = True
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    more = {
        "gen_ai.usage.cache_read.input_tokens": prompt and prompt.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": prompt and prompt.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": completion and completion.reasoning_tokens,
    }
    return attributes | {name: tokens for name, tokens in more.items() if tokens is not None}


def metric_attributes(report: CallReport) -> Attributes:
    """By what the metrics are told apart."""
    attributes = target_attributes(report, report.operation)
    if isinstance(report.response, ChatCompletion) and report.response.model:
        attributes["gen_ai.response.model"] = report.response.model
    return attributes


def input_messages(request: Request) -> str | None:
    """The messages of a chat in the conventions' shape, as JSON; None for what is no chat."""
    messages = request.asked().get("messages")
    if messages is None:
        return None
    told = [
        {"role": str(message.get("role")), "parts": list(_parts(message))}
        for message in messages
        if isinstance(message, Mapping)
    ]
    return _as_json(told)


def output_messages(response: object) -> str | None:
    """The answers of a chat in the conventions' shape, as JSON; None for what is no chat."""
    if not isinstance(response, ChatCompletion):
        return None
    told = [
        {
            "role": choice.message.role,
            "parts": list(_parts(choice.message.to_dict())),
            "finish_reason": choice.finish_reason or "",
        }
        for choice in response.choices
    ]
    return _as_json(told)


def _parts(message: Mapping[str, Any]) -> Iterator[Attributes]:
    if reasoning := message.get("reasoning_content"):
        yield {"type": "reasoning", "content": reasoning}
    if message.get("role") == "tool":
        yield {
            "type": "tool_call_response",
            "id": message.get("tool_call_id"),
            "response": message.get("content"),
        }
        return
    for part in _listed(message.get("content")):
        if isinstance(part, str):
            yield {"type": "text", "content": part}
        elif isinstance(part, Mapping):
            yield _part(part)
    for call in _listed(message.get("tool_calls")):
        function = call.get("function") or {} if isinstance(call, Mapping) else {}
        if function:
            name, arguments = function.get("name"), function.get("arguments")
            yield {"type": "tool_call", "id": call.get("id"), "name": name, "arguments": arguments}


def _part(part: Mapping[str, Any]) -> Attributes:
    """A part of a message; of pictures and sounds no more than that they are there, and where, if that is an address."""
    kind = str(part.get("type"))
    if kind == "text":
        return {"type": "text", "content": part.get("text")}
    source = part.get("image_url")
    url = source.get("url") if isinstance(source, Mapping) else source
    if isinstance(url, str) and not url.startswith("data:"):
        return {"type": "uri", "modality": "image", "uri": url}
    return {"type": kind}


def _listed(value: Any) -> Sequence[Any]:
    """A list as it is, one thing as a list of it, and None or an empty text as none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    return [value] if value else ()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()
