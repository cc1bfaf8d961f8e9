"""The native dialects as a client of each sees them: what it sends, and how it reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
import native_readers as readers
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp
    from native_readers import Said, Values

    from aiocompl.testing import Simulator

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@attrs.frozen(kw_only=True)
class Native:
    """One dialect."""

    name: str
    path: str
    stream_path: str | None = None
    auth: str = "authorization"
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Callable[[str], dict[str, Any]]
    tool: dict[str, Any]
    """What asks for a call of ``weather``, merged into the body; it must be called where the dialect can say so."""

    stream_extra: Mapping[str, Any] = attrs.field(factory=dict)
    """Merged into the body of a streamed call."""

    flag: bool = True
    """Whether ``stream`` in the body asks for a stream."""

    finishes: tuple[str, str, str]
    """Its words for stop, length and tool_calls."""

    split: Callable[[bytes], Values]
    """A stream's bytes as its events."""

    whole: Callable[[Any], Said]
    streamed: Callable[[Values], Said]
    reasons: bool = True

    async def post(
        self, session: aiohttp.ClientSession, simulator: Simulator, text: str = "hello there", *,
        stream: bool = False, key: str | None = None, headers: Mapping[str, str] | None = None, **extra: Any,
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        """Status, headers and body of the answer."""
        path = (self.stream_path or self.path) if stream else self.path
        body = self.body(text) | extra
        if self.flag:
            body["stream"] = stream
        if stream:
            body |= self.stream_extra
        sent = dict(self.headers if headers is None else headers)
        if key is not None:
            sent[self.auth] = f"Bearer {key}" if self.auth == "authorization" else key
        async with session.post(simulator.url + path, json=body, headers=sent) as response:
            return response.status, {n.lower(): v for n, v in response.headers.items()}, await response.read()

    async def ask(self, session: aiohttp.ClientSession, simulator: Simulator, **how: Any) -> Said:
        """The blocking answer."""
        return self.whole(orjson.loads((await self.post(session, simulator, **how))[2]))

    async def stream(self, session: aiohttp.ClientSession, simulator: Simulator, **how: Any) -> Said:
        """The streamed answer."""
        return self.streamed(self.split((await self.post(session, simulator, stream=True, **how))[2]))


def _turns(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


_FUNCTION = {"name": "weather", "description": "The weather.", "parameters": SCHEMA}
_OPENAI_TOOL = {"type": "function", "function": _FUNCTION}
_GEMINI: dict[str, Any] = {
    "body": lambda text: {"contents": [{"role": "user", "parts": [{"text": text}]}]},
    "tool": {
        "tools": [{"functionDeclarations": [_FUNCTION]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    },
    "flag": False,
    "finishes": ("STOP", "MAX_TOKENS", "STOP"),
    "whole": readers.gemini,
    "streamed": readers.gemini_stream,
}
_V1BETA = "/v1beta/models/gemini-2.5-flash:"
_VERTEX = "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:"
_BEDROCK = f"/model/{quote('us.anthropic.claude-v1:0', safe='')}/converse"

NATIVES = (
    Native(
        name="anthropic",
        path="/v1/messages",
        auth="x-api-key",
        headers={"anthropic-version": "2023-06-01"},
        body=lambda text: {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": _turns(text)},
        tool={"tools": [{"name": "weather", "input_schema": SCHEMA}], "tool_choice": {"type": "any"}},
        finishes=("end_turn", "max_tokens", "tool_use"),
        split=readers.events_of,
        whole=readers.anthropic,
        streamed=readers.anthropic_stream,
    ),
    Native(
        name="cohere",
        path="/v2/chat",
        body=lambda text: {"model": "command-a-03-2025", "messages": _turns(text)},
        tool={"tools": [_OPENAI_TOOL], "tool_choice": "REQUIRED"},
        finishes=("COMPLETE", "MAX_TOKENS", "TOOL_CALL"),
        split=readers.events_of,
        whole=readers.cohere,
        streamed=readers.cohere_stream,
    ),
    Native(
        name="cohere_v1",
        path="/v1/chat",
        body=lambda text: {"model": "command-r", "message": text},
        tool={"tools": [{"name": "weather", "parameter_definitions": {"city": {"type": "str"}}}]},
        finishes=("COMPLETE", "MAX_TOKENS", "COMPLETE"),
        split=readers.lines_of,
        whole=readers.cohere_v1,
        streamed=readers.cohere_v1_stream,
        reasons=False,
    ),
    Native(
        name="gemini",
        path=f"{_V1BETA}generateContent",
        stream_path=f"{_V1BETA}streamGenerateContent?alt=sse",
        auth="x-goog-api-key",
        split=readers.events_of,
        **_GEMINI,
    ),
    Native(
        name="gemini_array",
        path=f"{_V1BETA}generateContent",
        stream_path=f"{_V1BETA}streamGenerateContent",
        auth="x-goog-api-key",
        split=orjson.loads,
        **_GEMINI,
    ),
    Native(
        name="vertex",
        path=f"{_VERTEX}generateContent",
        stream_path=f"{_VERTEX}streamGenerateContent?alt=sse",
        split=readers.events_of,
        **_GEMINI,
    ),
    Native(
        name="groq",
        path="/groq.com/openai/v1/chat/completions",
        body=lambda text: {"model": "llama-3.3-70b-versatile", "messages": _turns(text)},
        tool={"tools": [_OPENAI_TOOL], "tool_choice": "required"},
        finishes=("stop", "length", "tool_calls"),
        split=readers.events_of,
        whole=readers.groq,
        streamed=readers.groq_stream,
    ),
    Native(
        name="mistral",
        path="/mistral/v1/chat/completions",
        body=lambda text: {"model": "mistral-large-latest", "messages": _turns(text)},
        tool={"tools": [_OPENAI_TOOL], "tool_choice": "any"},
        finishes=("stop", "length", "tool_calls"),
        split=readers.events_of,
        whole=readers.mistral,
        streamed=readers.mistral_stream,
    ),
    Native(
        name="ollama",
        path="/api/chat",
        body=lambda text: {"model": "llama3.2", "messages": _turns(text)},
        tool={"tools": [_OPENAI_TOOL]},
        finishes=("stop", "length", "stop"),
        split=readers.lines_of,
        whole=readers.ollama,
        streamed=readers.ollama_stream,
    ),
    Native(
        name="bedrock",
        path=_BEDROCK,
        stream_path=f"{_BEDROCK}-stream",
        body=lambda text: {"messages": [{"role": "user", "content": [{"text": text}]}]},
        tool={
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}],
                "toolChoice": {"any": {}},
            }
        },
        flag=False,
        finishes=("end_turn", "max_tokens", "tool_use"),
        split=readers.messages_of,
        whole=readers.bedrock,
        streamed=readers.bedrock_stream,
    ),
    Native(
        name="sagemaker",
        path="/endpoints/my-endpoint/invocations",
        stream_path="/endpoints/my-endpoint/invocations-response-stream",
        body=lambda text: {"messages": _turns(text)},
        stream_extra={"stream_options": {"include_usage": True}},
        tool={"tools": [_OPENAI_TOOL], "tool_choice": "required"},
        finishes=("stop", "length", "tool_calls"),
        split=readers.payloads_of,
        whole=readers.chat,
        streamed=readers.chat_stream,
    ),
    Native(
        name="responses",
        path="/v1/responses",
        body=lambda text: {"model": "gpt-5", "input": text},
        tool={"tools": [{"type": "function", **_FUNCTION}], "tool_choice": "required"},
        finishes=("completed", "incomplete", "completed"),
        split=readers.events_of,
        whole=readers.responses,
        streamed=readers.responses_stream,
    ),
    Native(
        name="azure",
        path="/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        auth="api-key",
        body=lambda text: {"messages": _turns(text)},
        stream_extra={"stream_options": {"include_usage": True}},
        tool={"tools": [_OPENAI_TOOL], "tool_choice": "required"},
        finishes=("stop", "length", "tool_calls"),
        split=readers.events_of,
        whole=readers.chat,
        streamed=readers.azure_stream,
    ),
)
