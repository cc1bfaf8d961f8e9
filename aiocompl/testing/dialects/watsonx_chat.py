"""What watsonx.ai's chat refuses before it asks a model, and how it words OpenAI's envelope.

Source: https://cloud.ibm.com/apidocs/watsonx-ai, text chat (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.embeddings.common import need_known
from aiocompl.testing.dialects.openai_checks import check
from aiocompl.testing.dialects.openai_request import as_asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocompl.testing.asked import Asked, Received

PATH: Final = re.compile(r"(?:/v1)?/ml/v1/(?:deployments/([^/]+)/)?text/chat(_stream)?")
"""Also below ``/v1``, so that the simulator's `base_url` serves as any provider's. In groups: a deployment's id, where there is one, and whether the answer is streamed."""

_MODELS_OWN: Final = ("model_id", "project_id", "space_id")
_FIELDS: Final = (
    *("messages", "context", "tools", "tool_choice", "tool_choice_option", "response_format"),
    *("max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop", "seed", "logit_bias"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty", "length_penalty"),
    *("logprobs", "top_logprobs", "time_limit", "reasoning_effort", "include_reasoning"),
    *("guided_choice", "guided_regex", "guided_grammar", "guided_json", "chat_template_kwargs", "crypto"),
)
_CHOICES: Final = ("auto", "none", "required")
_DROPPED: Final = ("service_tier", "system_fingerprint", "obfuscation")
"""What OpenAI says beside an answer, and IBM does not."""


def need_version(received: Received) -> None:
    """Raise a ProblemError unless the URL says which version of the API is meant."""
    if not parts.query(received).get("version"):
        raise parts.refused("The required query parameter 'version' was not provided", param="version")


def need_owner(body: Mapping[str, Any]) -> None:
    """Raise a ProblemError unless the body says who is charged."""
    if not (body.get("project_id") or body.get("space_id")):
        raise invalid("either space_id or project_id has to be given")


def invalid(message: str) -> Exception:
    """An exception that refuses a body, to be raised."""
    return parts.refused(f"Json document validation error: {message}")


def read_chat(received: Received, deployment: str | None, *, stream: bool) -> Asked:
    """Understand a question to a model, or to a deployment, which needs no model's name and no project's.

    Raises:
        ProblemError: IBM would answer it with 400.
    """
    body = parts.parsed(received.body, "Failed to parse the request to the expected structure")
    need_version(received)
    known = _FIELDS if deployment else (*_MODELS_OWN, *_FIELDS)
    need_known(body, known, "Json document validation error: {} is not a known property")
    if not deployment:
        if not isinstance(body.get("model_id"), str):
            raise invalid("'model_id' is a required field")
        need_owner(body)
    model = deployment or body["model_id"]
    _check_tools(body)
    choice = body.get("tool_choice") or body.get("tool_choice_option")
    openai = {**body, "model": model, "stream": stream, "tool_choice": choice}
    check(orjson.dumps({**openai, "model": "any", "response_format": None}))  # no word "json" is needed
    return attrs.evolve(as_asked(received, openai), body=body)


def _check_tools(body: Mapping[str, Any]) -> None:
    option, choice = body.get("tool_choice_option"), body.get("tool_choice")
    if option is not None and option not in _CHOICES:
        raise invalid(f"'tool_choice_option' must be one of {', '.join(_CHOICES)}")
    if choice is not None and not isinstance(choice, dict):
        raise invalid("'tool_choice' is not of the type object")
    if choice is not None and option is not None:
        raise invalid("only one of 'tool_choice' and 'tool_choice_option' may be given")
    for tool in body.get("tools") or ():
        function = tool["function"]
        if "strict" in function or "strict" in tool:
            raise invalid("strict is not a known property")
        _check_schema(function.get("parameters") or {})


def _check_schema(schema: Any) -> None:
    """Hold a schema and those in it to the rule; the keys of ``properties`` are names of the caller's."""
    if not isinstance(schema, dict):
        return
    if "additionalProperties" in schema:
        raise invalid("additionalProperties is not a known property")
    for each in (*(schema.get("properties") or {}).values(), *(schema.get("anyOf") or ())):
        _check_schema(each)
    _check_schema(schema.get("items"))


def worded(value: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """OpenAI's envelope with what IBM says of the model, and without what only OpenAI says."""
    kept = {name: each for name, each in value.items() if name not in _DROPPED and each is not None}
    return {**kept, "model_id": asked.model, "created_at": "2026-01-01T00:00:00.001Z"}


def worded_events(events: Iterable[Event], asked: Asked) -> list[Event]:
    """OpenAI's chunks under IBM's numbers; nothing follows the last."""
    made = []
    for number, (frame, token) in enumerate(events, 1):
        if b"[DONE]" in frame[:16]:
            break
        chunk = worded(orjson.loads(frame.removeprefix(b"data: ")), asked)
        made.append(Event(framed(number, orjson.dumps(chunk)), token))
    return made


def framed(number: int, data: bytes, name: str = "message") -> bytes:
    """Any bytes as an event of a stream."""
    return f"id: {number}\nevent: {name}\ndata: ".encode() + data + b"\n\n"
