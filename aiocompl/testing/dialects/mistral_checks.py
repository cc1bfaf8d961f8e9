"""What Mistral refuses before it asks a model: whatever it does not know, and ids of calls that are not its own kind.

Source: https://docs.mistral.ai/api and the errors that its users report (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Problem, ProblemError
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.openai_checks import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FIELDS: Final = frozenset(
    [
        "model",
        "messages",
        "temperature",
        "top_p",
        "max_tokens",
        "min_tokens",
        "stream",
        "stop",
        "random_seed",
        "metadata",
        "response_format",
        "tools",
        "tool_choice",
        "presence_penalty",
        "frequency_penalty",
        "n",
        "prediction",
        "parallel_tool_calls",
        "prompt_mode",
        "reasoning_effort",
        "guardrails",
        "safe_prompt",
        "logprobs",
        "top_logprobs",
        "prompt_logprobs",
        "top_prompt_logprobs",
        "top_k",
        "repetition_penalty",
        "service_tier",
        "prompt_cache_key",
    ]
)
_MESSAGE_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
_CALL_ID: Final = re.compile(r"[a-zA-Z0-9]{9}")
_CHOICES: Final = ("auto", "none", "any", "required")
_MAX_TEMPERATURE: Final = 1.5


def check_mistral(raw: bytes) -> dict[str, Any]:
    """Parse the body of a chat request and hold it to the rules.

    Raises:
        ProblemError: Mistral would answer it with 400 or 422.
    """
    body = parts.parsed(raw, "The body is not valid JSON.")
    _need_known(body, _FIELDS, "")
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in _CHOICES:
        raise _invalid("tool_choice", "Input should be 'auto', 'none', 'any' or 'required'", "enum")
    if not parts.within(body.get("temperature"), 0, _MAX_TEMPERATURE):
        raise _invalid("temperature", "Input should be less than or equal to 1.5", "less_than_equal")
    # Unlike with OpenAI, the word "json" need not stand in the messages.
    check(orjson.dumps({**body, "response_format": None, "tool_choice": _openai_choice(choice)}))
    for at, message in enumerate(body["messages"]):
        _check_message(message, f"messages.{at}")
    _check_last(body["messages"])
    return body


def _openai_choice(choice: Any) -> Any:
    return "required" if choice == "any" else choice


def _invalid(where: str, message: str, code: str) -> ProblemError:
    return ProblemError(
        Problem(status=parts.UNPROCESSABLE, kind="invalid_request", message=message, param=where, code=code)
    )


def _need_known(names: Iterable[str], known: frozenset[str], where: str) -> None:
    for name in names:
        if name not in known:
            raise _invalid(f"{where}{name}", "Extra inputs are not permitted", "extra_forbidden")


def _check_message(message: Mapping[str, Any], where: str) -> None:
    role = message["role"]
    if role not in _MESSAGE_FIELDS:
        text = f"Input tag '{role}' found using 'role' does not match any of the expected tags"
        raise _invalid(where, text, "union_tag_invalid")
    _need_known(message, _MESSAGE_FIELDS[role], f"{where}.{role}.")
    calls: Sequence[Mapping[str, Any]] = message.get("tool_calls") or ()
    if role == "assistant" and not message.get("content") and not calls:
        raise parts.refused("Assistant message must have either content or tool_calls.")
    for name in (*(call.get("id") for call in calls), message.get("tool_call_id")):
        if name is not None and not _CALL_ID.fullmatch(name):
            raise parts.refused(f"Tool call id was {name} but must be a-z, A-Z, 0-9, with a length of 9.")


def _check_last(messages: Sequence[Mapping[str, Any]]) -> None:
    last = messages[-1]
    if last["role"] not in ("user", "tool") and not last.get("prefix"):
        role = last["role"]
        raise parts.refused(
            f"Expected last role User or Tool (or Assistant with prefix True) for serving but got {role}"
        )
