"""Older text-generation containers behind SageMaker: a prompt in, and text out that may repeat it.

Source: https://huggingface.github.io/text-generation-inference (``/generate``), and a recorded call (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Received

_REASONS: Final = {"length": "length", "stop": "eos_token"}


def read(received: Received, body: Mapping[str, Any]) -> Asked:
    """Understand a prompt; the body says the endpoint's name and whether the answer is streamed.

    Raises:
        ProblemError: The container would answer it with 422.
    """
    prompt, given = body["inputs"], body.get("parameters") or {}
    if not isinstance(prompt, str):
        raise _invalid("`inputs` must be a string")
    if not prompt:
        raise _invalid("`inputs` cannot be empty")
    temperature, top_p, limit = given.get("temperature"), given.get("top_p"), given.get("max_new_tokens")
    if temperature is not None and not temperature > 0:
        raise _invalid("`temperature` must be strictly positive")
    if top_p is not None and not 0 < top_p < 1:
        raise _invalid("`top_p` must be > 0.0 and < 1.0")
    if limit is not None and not limit > 0:
        raise _invalid("`max_new_tokens` must be strictly positive")
    return Asked(
        number=received.number,
        model=body["model"],
        stream=body["stream"],
        text=prompt,
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        stop=tuple(given.get("stop") or ()),
        max_tokens=limit,
    )


def _invalid(message: str) -> Exception:
    return parts.refused(f"Input validation error: {message}", status=parts.UNPROCESSABLE)


def body(asked: Asked, answers: Sequence[Answer]) -> bytes:
    """A blocking answer: the text, after the prompt where that is asked for, and how it came where that is."""
    given = asked.body.get("parameters") or {}
    text = parts.spoken(answers[0]) or ""
    made: dict[str, Any] = {"generated_text": asked.text + text if given.get("return_full_text") else text}
    if given.get("details"):
        made["details"] = {**_details(asked, answers), "prefill": [], "tokens": []}
    return orjson.dumps([made])


def events(asked: Asked, answers: Sequence[Answer]) -> Iterator[Event]:
    """A streamed answer: a token an event, and the whole text with the last, which is a special one."""
    text = parts.spoken(answers[0]) or ""
    tokens = answers[0].cut(text)
    for at, token in enumerate(tokens):
        said = {"id": len(token), "text": token, "logprob": parts.logprob(answers[0], at), "special": False}
        value = {"index": at + 1, "token": said, "generated_text": None, "details": None}
        yield Event(parts.sse(value), token=True)
    end = {"id": 2, "text": "</s>", "logprob": 0.0, "special": True}
    whole = {"generated_text": text, "details": _details(asked, answers)}
    yield Event(parts.sse({"index": len(tokens) + 1, "token": end, **whole}))


def _details(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    count = parts.counts(asked, answers)
    reason = _REASONS.get(answers[0].ending, "eos_token")
    length = {"generated_tokens": count.completion, "input_length": count.prompt}
    return {"finish_reason": reason, **length, "seed": None}
