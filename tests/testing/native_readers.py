"""What answers in the native dialects say, read as the providers' documentation has them.

Written like the simulator's own side, and apart from it: nothing of aiocompl reads here.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple, TypeAlias

import orjson

Values: TypeAlias = list[Any]


class Said(NamedTuple):
    """What an answer says, however it came."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    finish: str = ""
    prompt: int = 0
    completion: int = 0
    cached: int = 0


def events_of(body: bytes) -> Values:
    """Server-sent events' data, each held to its name."""
    values = []
    for frame in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = dict(line.split(b": ", 1) for line in frame.split(b"\n") if line)
        if not lines or lines[b"data"] == b"[DONE]":
            continue
        value = orjson.loads(lines[b"data"])
        assert b"event" not in lines or lines[b"event"].decode() == value.get("type", "error")
        values.append(value)
    return values


def lines_of(body: bytes) -> Values:
    return [orjson.loads(line) for line in body.splitlines()]


def messages_of(body: bytes) -> Values:
    """An AWS event stream's messages as pairs of headers and payload, which is JSON."""
    return [(headers, orjson.loads(payload)) for headers, payload in raw_messages_of(body)]


def payloads_of(body: bytes) -> Values:
    """The server-sent events in an AWS event stream's payloads, and its exceptions behind them."""
    messages = raw_messages_of(body)
    text = b"".join(payload for headers, payload in messages if headers.get(":event-type") == "PayloadPart")
    assert all(b"\n\n" not in payload[:-2] for _, payload in messages)
    return events_of(text) + [
        orjson.loads(data) for headers, data in messages if ":exception-type" in headers
    ]


def raw_messages_of(body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """An AWS event stream's messages as pairs of headers and payload; both checksums are computed again."""
    values = []
    while body:
        total, length, crc = struct.unpack(">III", body[:12])
        assert zlib.crc32(body[:8]) == crc
        assert zlib.crc32(body[: total - 4]) == struct.unpack(">I", body[total - 4 : total])[0]
        headers, at = {}, 12
        while at < 12 + length:
            end = at + 1 + body[at]
            name = body[at + 1 : end].decode()
            assert body[end] == 7
            size = struct.unpack(">H", body[end + 1 : end + 3])[0]
            at = end + 3 + size
            headers[name] = body[end + 3 : at].decode()
        values.append((headers, body[12 + length : total - 4]))
        body = body[total:]
    return values


def anthropic(message: Any) -> Said:
    blocks = message["content"]
    usage = message["usage"]
    cached = usage["cache_read_input_tokens"]
    return Said(
        text="".join(b["text"] for b in blocks if b["type"] == "text"),
        reasoning="".join(b["thinking"] for b in blocks if b["type"] == "thinking"),
        calls=tuple((b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"),
        finish=message["stop_reason"],
        prompt=usage["input_tokens"] + cached,
        completion=usage["output_tokens"],
        cached=cached,
    )


def anthropic_stream(events: Values) -> Said:
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    message = dict(events[0]["message"], content=[])
    given: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(message["content"])
                message["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                block, delta = message["content"][event["index"]], event["delta"]
                for field in ("text", "thinking", "signature"):
                    if field in delta:
                        block[field] += delta[field]
                if "partial_json" in delta:
                    given[event["index"]] = given.get(event["index"], "") + delta["partial_json"]
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            case _:
                pass
    for index, text in given.items():
        message["content"][index]["input"] = orjson.loads(text)
    return anthropic(message)


def cohere(made: Any) -> Said:
    message, usage = made["message"], made["usage"]
    content = message.get("content") or ()
    return Said(
        text="".join(p.get("text", "") for p in content) + message.get("tool_plan", ""),
        reasoning="".join(p.get("thinking", "") for p in content),
        calls=tuple(
            (c["function"]["name"], orjson.loads(c["function"]["arguments"]))
            for c in message.get("tool_calls") or ()
        ),
        finish=made["finish_reason"],
        prompt=usage["tokens"]["input_tokens"],
        completion=usage["tokens"]["output_tokens"],
        cached=usage["cached_tokens"],
    )


def cohere_stream(events: Values) -> Said:
    assert [events[0]["type"], events[-1]["type"]] == ["message-start", "message-end"]
    message: dict[str, Any] = {"content": [{}], "tool_plan": "", "tool_calls": []}
    for event in events[1:-1]:
        delta = event.get("delta", {}).get("message", {})
        message["tool_plan"] += delta.get("tool_plan", "")
        for name in ("text", "thinking"):
            piece = delta.get("content", {}).get(name, "")
            message["content"][0][name] = message["content"][0].get(name, "") + piece
        if event["type"] == "tool-call-start":
            assert event["index"] == len(message["tool_calls"])
            message["tool_calls"].append(delta["tool_calls"])
        elif event["type"] == "tool-call-delta":
            function = message["tool_calls"][event["index"]]["function"]
            function["arguments"] += delta["tool_calls"]["function"]["arguments"]
    return cohere({**events[-1]["delta"], "message": message})


def cohere_v1(made: Any) -> Said:
    meta = made["meta"]
    return Said(
        text=made["text"],
        calls=tuple((c["name"], c["parameters"]) for c in made.get("tool_calls") or ()),
        finish=made["finish_reason"],
        prompt=meta["tokens"]["input_tokens"],
        completion=meta["tokens"]["output_tokens"],
        cached=meta["cached_tokens"],
    )


def cohere_v1_stream(events: Values) -> Said:
    assert [event["is_finished"] for event in events] == [False] * (len(events) - 1) + [True]
    texts = [event.get("text", "") for event in events if event["event_type"] != "tool-calls-generation"]
    said = cohere_v1(events[-1]["response"])
    assert "".join(texts) == said.text
    deltas = [event["tool_call_delta"] for event in events if "tool_call_delta" in event]
    given: dict[int, str] = {}
    for delta in deltas:
        given[delta["index"]] = given.get(delta["index"], "") + delta.get("parameters", "")
    assert [orjson.loads(text) for text in given.values()] == [call[1] for call in said.calls]
    return said


def gemini(made: Any) -> Said:
    candidate, usage = made["candidates"][0], made["usageMetadata"]
    parts = candidate["content"]["parts"]
    calls = [p["functionCall"] for p in parts if "functionCall" in p]
    return Said(
        text="".join(p.get("text", "") for p in parts if not p.get("thought")),
        reasoning="".join(p["text"] for p in parts if p.get("thought")),
        calls=tuple((c["name"], c["args"]) for c in calls),
        finish=candidate["finishReason"],
        prompt=usage["promptTokenCount"],
        completion=usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0),
        cached=usage.get("cachedContentTokenCount", 0),
    )


def gemini_stream(events: Values) -> Said:
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    last = events[-1]
    candidate = {**last["candidates"][0], "content": {"parts": parts}}
    return gemini({**last, "candidates": [candidate]})


def ollama(made: Any) -> Said:
    message = made["message"]
    return Said(
        text=message["content"],
        reasoning=message.get("thinking", ""),
        calls=tuple(
            (c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or ()
        ),
        finish=made["done_reason"],
        prompt=made["prompt_eval_count"],
        completion=made["eval_count"],
    )


def ollama_stream(lines: Values) -> Said:
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    messages = [line["message"] for line in lines]
    whole = {
        "content": "".join(message["content"] for message in messages),
        "thinking": "".join(message.get("thinking", "") for message in messages),
        "tool_calls": [call for message in messages for call in message.get("tool_calls") or ()],
    }
    return ollama({**lines[-1], "message": whole})


def bedrock(made: Any) -> Said:
    blocks, usage = made["output"]["message"]["content"], made["usage"]
    thoughts = [b["reasoningContent"]["reasoningText"]["text"] for b in blocks if "reasoningContent" in b]
    return Said(
        text="".join(b.get("text", "") for b in blocks),
        reasoning="".join(thoughts),
        calls=tuple((b["toolUse"]["name"], b["toolUse"]["input"]) for b in blocks if "toolUse" in b),
        finish=made["stopReason"],
        prompt=usage["inputTokens"] + usage["cacheReadInputTokens"] + usage["cacheWriteInputTokens"],
        completion=usage["outputTokens"],
        cached=usage["cacheReadInputTokens"],
    )


def bedrock_stream(messages: Values) -> Said:
    assert all(headers[":message-type"] == "event" for headers, _ in messages)
    events = [(headers[":event-type"], payload) for headers, payload in messages]
    assert [kind for kind, _ in events if kind.startswith("m")] == ["messageStart", "messageStop", "metadata"]
    starts = {p["contentBlockIndex"]: p["start"]["toolUse"] for k, p in events if k == "contentBlockStart"}
    given = dict.fromkeys(starts, "")
    text = reasoning = ""
    for payload in (p for k, p in events if k == "contentBlockDelta"):
        delta = payload["delta"]
        text += delta.get("text", "")
        reasoning += delta.get("reasoningContent", {}).get("text", "")
        if "toolUse" in delta:
            given[payload["contentBlockIndex"]] += delta["toolUse"]["input"]
    uses = [{"toolUse": {**start, "input": orjson.loads(given[at])}} for at, start in starts.items()]
    thoughts = {"reasoningContent": {"reasoningText": {"text": reasoning}}}
    content = [{"text": text}, thoughts, *uses]
    ends = {name: value for _, payload in events[-2:] for name, value in payload.items()}
    return bedrock({**ends, "output": {"message": {"content": content}}})


def responses(made: Any) -> Said:
    items, usage = made["output"], made["usage"]
    contents = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = [item for item in items if item["type"] == "function_call"]
    thoughts = [part for item in items if item["type"] == "reasoning" for part in item["summary"]]
    return Said(
        text="".join(part["text"] for part in contents),
        reasoning="".join(part["text"] for part in thoughts),
        calls=tuple((call["name"], orjson.loads(call["arguments"])) for call in calls),
        finish=made["status"],
        prompt=usage["input_tokens"],
        completion=usage["output_tokens"],
        cached=usage["input_tokens_details"]["cached_tokens"],
    )


def responses_stream(events: Values) -> Said:
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    said = responses(events[-1]["response"])
    texts = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(texts) == said.text
    return said


def chat(made: Any) -> Said:
    message, usage = made["choices"][0]["message"], made["usage"]
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    return Said(
        text=message["content"] or "",
        reasoning=message.get("reasoning_content", ""),
        calls=tuple((each["name"], orjson.loads(each["arguments"])) for each in functions),
        finish=made["choices"][0]["finish_reason"],
        prompt=usage["prompt_tokens"],
        completion=usage["completion_tokens"],
        cached=usage["prompt_tokens_details"]["cached_tokens"],
    )


def azure_stream(events: Values) -> Said:
    assert events[0]["choices"] == []
    assert events[0]["prompt_filter_results"]
    return chat_stream(events)


def chat_stream(events: Values) -> Said:
    message = _joined(events, "content", "reasoning_content")
    reasons = [choice["finish_reason"] for event in events for choice in event["choices"]]
    finish = next(filter(None, reasons), None)
    return chat({**events[-1], "choices": [{"message": message, "finish_reason": finish}]})


def groq(made: Any) -> Said:
    message = made["choices"][0]["message"]
    reasoning = message.pop("reasoning", "")
    return chat(
        {**made, "choices": [{**made["choices"][0], "message": {"content": None, **message}}]}
    )._replace(reasoning=reasoning)


def groq_stream(events: Values) -> Said:
    assert events[0]["x_groq"]["id"] == events[-1]["x_groq"]["id"]
    assert events[-1]["x_groq"]["usage"] == events[-1]["usage"]
    message = _joined(events, "content", "reasoning")
    finish = events[-1]["choices"][0]["finish_reason"]
    return groq({**events[-1], "choices": [{"message": message, "finish_reason": finish}]})


def mistral(made: Any) -> Said:
    message = made["choices"][0]["message"]
    content = message["content"]
    blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    thoughts = [part["text"] for block in blocks for part in block.get("thinking", ())]
    text = "".join(block.get("text", "") for block in blocks)
    said = chat({**made, "choices": [{**made["choices"][0], "message": {**message, "content": text}}]})
    return said._replace(reasoning="".join(thoughts))


def mistral_stream(events: Values) -> Said:
    message: dict[str, Any] = {"content": [], "tool_calls": []}
    for event in events:
        (choice,) = event["choices"]
        content = choice["delta"]["content"] or []
        message["content"] += [{"type": "text", "text": content}] if isinstance(content, str) else content
        message["tool_calls"] += choice["delta"].get("tool_calls") or ()
    finish = events[-1]["choices"][0]["finish_reason"]
    return mistral({**events[-1], "choices": [{"message": message, "finish_reason": finish}]})


def _joined(events: Values, *names: str) -> dict[str, Any]:
    """The message that the deltas of a stream make."""
    message: dict[str, Any] = {**dict.fromkeys(names, ""), "tool_calls": []}
    for choice in (choice for event in events for choice in event["choices"]):
        for name in names:
            message[name] += choice["delta"].get(name) or ""
        for call in choice["delta"].get("tool_calls") or ():
            if "id" in call:
                message["tool_calls"].append(call)
            else:
                message["tool_calls"][-1]["function"]["arguments"] += call["function"]["arguments"]
    return message
