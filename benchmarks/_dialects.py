"""What each dialect's provider sends, written by hand: the same text in every one. See `_hosts` for more of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from benchmarks._framing import JSON, line, message, named_sse, sse

WORDS: Final = ("The", " quick", " brown", " fox", " jumps", " over", " the", " lazy", " dog", ".\n")
PIECES: Final = tuple(WORDS[at % len(WORDS)] for at in range(200))
"""The text of the answer as it is streamed, one event each."""
TEXT: Final = "".join(PIECES)
ARGUMENT_PIECES: Final = ('{"text": "', *(piece.strip() for piece in PIECES[2:]), '"}')
"""The arguments of the tool call, as many pieces."""
ARGUMENTS: Final = "".join(ARGUMENT_PIECES)

OPENAI: Final = "openai"
TIMES_OPENAI: Final = 2.0
"""How much more than OpenAI's an event may cost."""
TIMES_OPENAI_BINARY: Final = 3.0
"""The same, where the framing is binary, with checksums."""


@attrs.frozen(kw_only=True)
class Dialect:
    """One dialect: whom to ask, and what the answer looks like."""

    key: str
    title: str
    model: str
    answer: JSON
    """The whole answer, as `TEXT` would come in it."""
    piece: Callable[[str], JSON]
    """Makes the event with a piece of the text."""
    start: Sequence[JSON] = ()
    end: Sequence[JSON] = ()
    call: JSON | None = None
    """The event that begins a tool call, in dialects whose calls come in pieces."""
    argument: Callable[[str], JSON] | None = None
    """Makes the event with a piece of its arguments."""
    frame: Callable[[JSON], bytes] = sse
    done: bytes = b""
    times_openai: float = TIMES_OPENAI
    calls: bool = True
    """Whether the dialect has tools at all."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Of the target: `api_base` and the like."""
    env: Mapping[str, str] = attrs.field(factory=dict)
    """Environment variables that its endpoint is made from."""

    def frames(self) -> list[bytes]:
        """Return the stream that speaks, event by event."""
        return self._framed(map(self.piece, PIECES))

    def call_frames(self) -> list[bytes]:
        """Return the stream that calls a tool, event by event; empty where calls come whole."""
        if self.call is None or self.argument is None:
            return []
        return self._framed([self.call, *map(self.argument, ARGUMENT_PIECES)])

    def _framed(self, middle: Iterable[JSON]) -> list[bytes]:
        frames = list(map(self.frame, [*self.start, *middle, *self.end]))
        return [*frames, self.done] if self.done else frames


DONE: Final = b"data: [DONE]\n\n"
_USAGE: Final = {"prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220}
_CREATED: Final = 1_790_000_000
_CALL_HEAD: Final = {"name": "note", "arguments": ""}


def compatible(
    key: str,
    title: str,
    model: str,
    *,
    chunk: JSON | None = None,
    delta: JSON | None = None,
    last: JSON | None = None,
    **more: Any,
) -> Dialect:
    """A vendor of OpenAI's dialect, with what its chunks, their deltas and the last chunk have besides."""
    head = {"id": "chatcmpl-9f3b7c21d4", "created": _CREATED, "model": "a-model-2026-11"}
    chunk_head = {**head, "object": "chat.completion.chunk", **(chunk or {})}

    def event(said: JSON, finish_reason: str | None = None, **rest: Any) -> JSON:
        choice = {"index": 0, "delta": said, "logprobs": None, "finish_reason": finish_reason}
        return {**chunk_head, "choices": [choice], **rest}

    said = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    return Dialect(
        key=key,
        title=title,
        model=model,
        answer={**head, "object": "chat.completion", "choices": [said], "usage": _USAGE},
        start=[event({"role": "assistant", "content": ""})],
        piece=lambda text: event({"content": text, **(delta or {})}),
        call=event(
            {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": _CALL_HEAD}]}
        ),
        argument=lambda text: event({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
        end=[event({}, "stop", **(last or {}))],
        **{"done": DONE, **more},
    )


_ANTHROPIC_USAGE: Final = {"input_tokens": 20, "output_tokens": 200, "cache_read_input_tokens": 0}
_ANTHROPIC_HEAD: Final = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "usage": _ANTHROPIC_USAGE,
}
_GEMINI_HEAD: Final = {"modelVersion": "gemini-2.5-flash", "responseId": "kQ8oaZ3hHKqS"}
_GEMINI_USAGE: Final = {"promptTokenCount": 20, "candidatesTokenCount": 200, "totalTokenCount": 220}


def _gemini(text: str, **more: Any) -> JSON:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
    return {"candidates": [candidate], "usageMetadata": _GEMINI_USAGE, **_GEMINI_HEAD}


_COHERE_USAGE: Final = {
    "billed_units": {"input_tokens": 20, "output_tokens": 200},
    "tokens": {"input_tokens": 20, "output_tokens": 200},
}
_COHERE_ID: Final = "c14c80c3-18eb-4519-9460-6c92edd8cfb4"
_COHERE_V1_ANSWER: Final = {
    "response_id": _COHERE_ID,
    "generation_id": _COHERE_ID,
    "text": TEXT,
    "finish_reason": "COMPLETE",
    "meta": _COHERE_USAGE,
}
_OLLAMA_HEAD: Final = {"model": "llama3.2", "created_at": "2026-11-04T14:33:31.123456Z"}
_OLLAMA_END: Final = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 4883583458,
    "prompt_eval_count": 20,
    "eval_count": 200,
}
_RESPONSE: Final = {
    "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "object": "response",
    "created_at": _CREATED,
    "model": "gpt-5",
    "status": "completed",
    "output": [
        {
            "id": "msg_67ccd2bf17f0819081ff3bb2cf6508e60bb6a6b452d3795b",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 20, "output_tokens": 200, "total_tokens": 220},
}
_RESPONSES_ITEM: Final = {
    "item_id": "msg_67ccd2bf17f0819081ff3bb2cf6508e6",
    "output_index": 0,
    "content_index": 0,
}
_CONVERSE_USAGE: Final = {"inputTokens": 20, "outputTokens": 200, "totalTokens": 220}

USUAL: Final = (
    compatible(
        OPENAI, "OpenAI", "openai/gpt-4o", chunk={"service_tier": "default", "system_fingerprint": "fp_1"}
    ),
    Dialect(
        key="responses",
        title="OpenAI Responses",
        model="openai/responses/gpt-5",
        answer=_RESPONSE,
        frame=named_sse,
        start=[
            {"type": "response.created", "response": {**_RESPONSE, "status": "in_progress", "output": []}}
        ],
        piece=lambda text: {
            "type": "response.output_text.delta",
            **_RESPONSES_ITEM,
            "delta": text,
            "sequence_number": 9,
            "logprobs": [],
        },
        call={
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", **_CALL_HEAD},
        },
        argument=lambda text: {
            "type": "response.function_call_arguments.delta",
            "item_id": "fc_1",
            "output_index": 0,
            "delta": text,
            "sequence_number": 9,
        },
        end=[{"type": "response.completed", "response": _RESPONSE}],
    ),
    Dialect(
        key="anthropic",
        title="Anthropic",
        model="anthropic/claude-sonnet-4-5",
        answer={**_ANTHROPIC_HEAD, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"},
        frame=named_sse,
        start=[
            {"type": "message_start", "message": {**_ANTHROPIC_HEAD, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        ],
        piece=lambda text: {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        },
        call={
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "note", "input": {}},
        },
        argument=lambda text: {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": text},
        },
        end=[
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _ANTHROPIC_USAGE},
            {"type": "message_stop"},
        ],
    ),
    Dialect(
        key="gemini",
        title="Gemini",
        model="gemini/gemini-2.5-flash",
        answer=_gemini(TEXT, finishReason="STOP"),
        piece=_gemini,
        end=[_gemini("", finishReason="STOP")],
    ),
    Dialect(
        key="cohere",
        title="Cohere v2",
        model="cohere/command-a-03-2025",
        answer={
            "id": _COHERE_ID,
            "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]},
            "usage": _COHERE_USAGE,
        },
        frame=named_sse,
        start=[
            {"type": "message-start", "id": _COHERE_ID, "delta": {"message": {"role": "assistant"}}},
            {
                "type": "content-start",
                "index": 0,
                "delta": {"message": {"content": {"type": "text", "text": ""}}},
            },
        ],
        piece=lambda text: {
            "type": "content-delta",
            "index": 0,
            "delta": {"message": {"content": {"text": text}}},
        },
        call={
            "type": "tool-call-start",
            "index": 0,
            "delta": {
                "message": {"tool_calls": {"id": "note_1", "type": "function", "function": _CALL_HEAD}}
            },
        },
        argument=lambda text: {
            "type": "tool-call-delta",
            "index": 0,
            "delta": {"message": {"tool_calls": {"function": {"arguments": text}}}},
        },
        end=[
            {"type": "content-end", "index": 0},
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _COHERE_USAGE}},
        ],
    ),
    Dialect(
        key="cohere-v1",
        title="Cohere v1",
        model="cohere/v1/command-r",
        answer=_COHERE_V1_ANSWER,
        frame=line,
        start=[{"is_finished": False, "event_type": "stream-start", "generation_id": _COHERE_ID}],
        piece=lambda text: {"is_finished": False, "event_type": "text-generation", "text": text},
        end=[
            {
                "is_finished": True,
                "event_type": "stream-end",
                "finish_reason": "COMPLETE",
                "response": _COHERE_V1_ANSWER,
            }
        ],
    ),
    Dialect(
        key="ollama",
        title="Ollama",
        model="ollama/llama3.2",
        answer={**_OLLAMA_HEAD, "message": {"role": "assistant", "content": TEXT}, **_OLLAMA_END},
        frame=line,
        piece=lambda text: {**_OLLAMA_HEAD, "message": {"role": "assistant", "content": text}, "done": False},
        end=[{**_OLLAMA_HEAD, "message": {"role": "assistant", "content": ""}, **_OLLAMA_END}],
    ),
    Dialect(
        key="bedrock",
        title="Bedrock (binary)",
        model="bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
        times_openai=TIMES_OPENAI_BINARY,
        answer={
            "output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}},
            "stopReason": "end_turn",
            "usage": _CONVERSE_USAGE,
            "metrics": {"latencyMs": 551},
        },
        frame=message,
        start=[{"messageStart": {"p": "abcdefghijk", "role": "assistant"}}],
        piece=lambda text: {
            "contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": text}, "p": "abcdefghijklmnop"}
        },
        call={
            "contentBlockStart": {
                "contentBlockIndex": 1,
                "p": "abcdefgh",
                "start": {"toolUse": {"name": "note", "toolUseId": "tooluse_1"}},
            }
        },
        argument=lambda text: {
            "contentBlockDelta": {
                "contentBlockIndex": 1,
                "delta": {"toolUse": {"input": text}},
                "p": "abcdefghijklm",
            }
        },
        end=[
            {"contentBlockStop": {"contentBlockIndex": 0, "p": "abcdef"}},
            {"messageStop": {"p": "abcdefgh", "stopReason": "end_turn"}},
            {"metadata": {"metrics": {"latencyMs": 551}, "p": "abcd", "usage": _CONVERSE_USAGE}},
        ],
    ),
    compatible(
        "watsonx",
        "watsonx.ai",
        "watsonx/ibm/granite-3-8b-instruct",
        chunk={
            "model_id": "ibm/granite-3-8b-instruct",
            "model_version": "1.1.0",
            "created_at": "2026-11-04T14:33:31Z",
        },
        env={"WATSONX_PROJECT_ID": "p"},
    ),
    compatible(
        "groq", "Groq (loose)", "groq/llama-3.3-70b-versatile", last={"x_groq": {"id": "1", "usage": _USAGE}}
    ),
    compatible("mistral", "Mistral (loose)", "mistral/mistral-large-latest", chunk={"p": "abcdefghijk"}),
    compatible(
        "openrouter",
        "OpenRouter (loose)",
        "openrouter/openai/gpt-4o",
        chunk={"provider": "OpenAI"},
        delta={"role": "assistant"},
    ),
    compatible(
        "perplexity",
        "Perplexity (loose)",
        "perplexity/sonar",
        chunk={"usage": _USAGE, "citations": ["https://example.org/1", "https://example.org/2"]},
        delta={"role": "assistant"},
    ),
)
