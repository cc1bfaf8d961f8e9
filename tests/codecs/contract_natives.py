"""The native dialects that are held to the codec contract; see `contract_dialects`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from contract_case import BROKEN, KEY, Dialect, sse

from aiocompl.codecs.routing import Target, resolve
from aiocompl.testing.dialects.eventstream import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec
    from aiocompl.types.model import JSON

KEPT = "provider_specific_fields"
PLACES = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"}


def codec_of(model: str) -> Callable[[], Codec]:
    return lambda: resolve(Target(model, api_key=KEY), PLACES).codec


def lines(*bodies: JSON) -> bytes:
    return b"".join(orjson.dumps(body) + b"\n" for body in bodies)


def error_body(body: JSON) -> bytes:
    return orjson.dumps(body)


TOKENS = {"tokens": {"input_tokens": 2, "output_tokens": 1}, "billed_units": {"input_tokens": 1}}

ANTHROPIC_MESSAGE: JSON = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 2, "output_tokens": 1, "unforeseen": 1},
}
ANTHROPIC_EVENTS: list[JSON] = [
    {"type": "message_start", "message": {**ANTHROPIC_MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 1},
    },
    {"type": "message_stop"},
]


def anthropic_call(name: str) -> list[JSON]:
    block = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
    piece = {"type": "input_json_delta", "partial_json": BROKEN}
    return [
        {"type": "content_block_start", "index": 1, "content_block": block},
        {"type": "content_block_delta", "index": 1, "delta": piece},
    ]


def cohere_call(name: str) -> JSON:
    function = {"name": name, "arguments": BROKEN}
    call = {"id": f"call_{name}", "type": "function", "function": function}
    return {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}}


def responses_call(name: str) -> list[JSON]:
    item = {"type": "function_call", "call_id": f"call_{name}", "name": name}
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": BROKEN},
    ]


COHERE_EVENTS: list[JSON] = [
    {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hel"}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "lo"}}}},
    {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"unforeseen": 1}}}},
    {"type": "unforeseen"},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": TOKENS}},
]
COHERE_ANSWER: JSON = {
    "id": "c1",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello"}],
        "citations": [{"unforeseen": 1}],
    },
    "usage": TOKENS,
}
COHERE_V1_ANSWER: JSON = {
    "generation_id": "g1",
    "text": "Hello",
    "finish_reason": "COMPLETE",
    "meta": TOKENS,
    "unforeseen": 1,
}
COHERE_V1_EVENTS: list[JSON] = [
    {"event_type": "stream-start", "generation_id": "g1"},
    {"event_type": "text-generation", "text": "Hel"},
    {"event_type": "text-generation", "text": "lo"},
    {"event_type": "unforeseen"},
    {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": COHERE_V1_ANSWER},
]

OLLAMA_HEADING = {"model": "m-2026", "created_at": "2026-08-07T06:08:09.335586Z"}
OLLAMA_LAST: JSON = {
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 2,
    "eval_count": 1,
    "unforeseen": 1,
}
OLLAMA_LINES: list[JSON] = [
    {**OLLAMA_HEADING, "message": {"role": "assistant", "content": "Hel"}, "done": False},
    {**OLLAMA_HEADING, "message": {"role": "assistant", "content": "lo"}, "done": False},
    {**OLLAMA_HEADING, "message": {"role": "assistant", "content": ""}, **OLLAMA_LAST},
]

RESPONSES_HEADING = {"id": "resp_1", "created_at": 1790000000, "model": "m-2026"}
RESPONSES_ANSWER: JSON = {
    **RESPONSES_HEADING,
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
    ],
    "unforeseen": 1,
    "usage": {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3},
}
RESPONSES_EVENTS: list[JSON] = [
    {"type": "response.created", "response": {**RESPONSES_HEADING, "status": "in_progress"}},
    {"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"},
    {"type": "response.output_text.delta", "output_index": 0, "delta": "lo"},
    {"type": "response.completed", "response": RESPONSES_ANSWER},
]

INPUTS_DETAILS: JSON = {
    "finish_reason": "eos_token",
    "generated_tokens": 1,
    "input_length": 2,
    "unforeseen": 1,
}
INPUTS_EVENTS: list[JSON] = [
    {"token": {"text": "Hel", "special": False}, "generated_text": None, "details": None},
    {"token": {"text": "lo", "special": False}, "generated_text": None, "details": None},
    {"token": {"text": "</s>", "special": True}, "generated_text": "Hello", "details": INPUTS_DETAILS},
]


def payloads(text: bytes, size: int = 7) -> bytes:
    """Text in the payloads of an AWS event stream, cut anywhere."""
    headers = {":message-type": "event", ":event-type": "PayloadPart"}
    return b"".join(message(headers, text[at : at + size]) for at in range(0, len(text), size))


REPLICATE_HEADING: JSON = {
    "id": "p1",
    "model": "owner/m-2026",
    "version": "v1",
    "created_at": "2026-08-07T06:08:09.335586Z",
    "urls": {"get": "https://api.replicate.com/v1/predictions/p1"},
}
REPLICATE_ANSWER: JSON = {
    **REPLICATE_HEADING,
    "status": "succeeded",
    "output": ["Hello"],
    "error": None,
    "metrics": {"input_token_count": 2, "output_token_count": 1},
    "unforeseen": 1,
}
REPLICATE_BEGUN = b"event: prediction\n" + sse({**REPLICATE_HEADING, "status": "starting"}, end=b"")
REPLICATE_OUTPUT = (
    b"event: output\nid: 1\ndata: Hel\n\nevent: logs\ndata: loading\n\nevent: output\ndata: lo\n\n"
)
REPLICATE_END = b"event: done\ndata: {}\n\nevent: prediction\n" + sse(REPLICATE_ANSWER, end=b"")

NATIVE_DIALECTS = [
    Dialect(
        name="anthropic",
        make=codec_of("anthropic/claude-sonnet-4-5"),
        answer=orjson.dumps(ANTHROPIC_MESSAGE),
        stream=sse(*ANTHROPIC_EVENTS, end=b""),
        cut=sse(*ANTHROPIC_EVENTS[:-1], end=b""),
        calls=sse(
            ANTHROPIC_EVENTS[0], *anthropic_call("f"), *anthropic_call("g"), *ANTHROPIC_EVENTS[-2:], end=b""
        ),
        error=error_body(
            {"type": "error", "error": {"type": "x", "message": f"Incorrect API key: {KEY}"}},
        ),
        stream_error=sse(
            {"type": "error", "error": {"type": "api_error", "message": f"Sorry, {KEY}"}}, end=b""
        ),
        unforeseen=lambda body: body["usage"]["unforeseen"],
    ),
    Dialect(
        name="cohere",
        make=codec_of("cohere/command-r"),
        answer=orjson.dumps(COHERE_ANSWER),
        stream=sse(*COHERE_EVENTS),
        cut=sse(*COHERE_EVENTS[:-1], end=b""),
        calls=sse(COHERE_EVENTS[0], cohere_call("f"), cohere_call("g"), COHERE_EVENTS[-1]),
        error=error_body({"message": f"Incorrect API key: {KEY}"}),
        stream_error=sse(
            {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": f"Sorry, {KEY}"}}, end=b""
        ),
        unforeseen=lambda body: body["choices"][0]["message"][KEPT]["citations"][0]["unforeseen"],
    ),
    Dialect(
        name="cohere_v1",
        make=codec_of("cohere/v1/command"),
        answer=orjson.dumps(COHERE_V1_ANSWER),
        stream=lines(*COHERE_V1_EVENTS),
        cut=lines(*COHERE_V1_EVENTS[:-1]),
        calls=lines(
            COHERE_V1_EVENTS[0],
            *(
                {
                    "event_type": "tool-calls-chunk",
                    "tool_call_delta": {"name": name, "index": 0, "parameters": BROKEN},
                }
                for name in "fg"
            ),
            {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {}},
        ),
        error=error_body({"message": f"Incorrect API key: {KEY}"}),
        stream_error=lines({"message": f"Sorry, {KEY}"}),
        unforeseen=lambda body: body["choices"][0]["message"][KEPT]["unforeseen"],
    ),
    Dialect(
        name="ollama",
        make=codec_of("ollama/llama3"),
        answer=orjson.dumps(
            {**OLLAMA_HEADING, "message": {"role": "assistant", "content": "Hello"}, **OLLAMA_LAST}
        ),
        stream=lines(*OLLAMA_LINES),
        cut=lines(*OLLAMA_LINES[:-1]),
        calls=lines(
            *(
                {
                    **OLLAMA_HEADING,
                    "message": {
                        "role": "assistant",
                        "tool_calls": [{"function": {"index": 0, "name": name, "arguments": BROKEN}}],
                    },
                    "done": False,
                }
                for name in "fg"
            ),
            OLLAMA_LINES[-1],
        ),
        error=error_body({"error": f"Incorrect API key: {KEY}"}),
        stream_error=lines({"error": f"Sorry, {KEY}"}),
        unforeseen=lambda body: body["choices"][0]["message"][KEPT]["unforeseen"],
    ),
    Dialect(
        name="sagemaker_inputs",
        make=codec_of("sagemaker/inputs/m"),
        answer=orjson.dumps([{"generated_text": "Hello", "details": INPUTS_DETAILS}]),
        one_url=False,
        stream=payloads(sse(*INPUTS_EVENTS, end=b"")),
        cut=payloads(sse(*INPUTS_EVENTS[:-1], end=b"")),
        error=error_body({"message": f"Incorrect API key: {KEY}"}),
        stream_error=payloads(sse({"error": f"Sorry, {KEY}"}, end=b"")),
        unforeseen=lambda body: body["choices"][0]["message"][KEPT]["details"]["unforeseen"],
    ),
    Dialect(
        name="replicate",
        make=codec_of("replicate/m"),
        answer=orjson.dumps(REPLICATE_ANSWER),
        stream=REPLICATE_BEGUN + REPLICATE_OUTPUT + REPLICATE_END,
        cut=REPLICATE_BEGUN + REPLICATE_OUTPUT,
        error=error_body({"title": "Unauthenticated", "detail": f"Incorrect API key: {KEY}", "status": 401}),
        stream_error=b"event: error\n" + sse({"detail": f"CUDA out of memory. Sorry, {KEY}"}, end=b""),
        unforeseen=lambda body: body["choices"][0]["message"][KEPT]["unforeseen"],
        reasons=False,
        whole_headers={"Prefer": "wait=2"},
    ),
    Dialect(
        name="openai/responses",
        make=codec_of("openai/responses/m"),
        answer=orjson.dumps(RESPONSES_ANSWER),
        stream=sse(*RESPONSES_EVENTS, end=b""),
        cut=sse(*RESPONSES_EVENTS[:-1], end=b""),
        calls=sse(
            RESPONSES_EVENTS[0],
            *responses_call("f"),
            *responses_call("g"),
            {"type": "response.completed", "response": {**RESPONSES_ANSWER, "output": []}},
            end=b"",
        ),
        error=error_body({"error": {"message": f"Incorrect API key: {KEY}", "code": "no"}}),
        stream_error=sse({"type": "error", "code": "server_error", "message": f"Sorry, {KEY}"}, end=b""),
        unforeseen=lambda body: body["unforeseen"],
    ),
]
