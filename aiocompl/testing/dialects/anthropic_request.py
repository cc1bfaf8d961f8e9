"""What Anthropic refuses before it asks a model, and what a request that it takes asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.asked import Asked, Received, Tool
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.claude_rules import check_claude

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FIELDS: Final = (
    "model",
    "messages",
    "max_tokens",
    "system",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
    "container",
    "context_management",
    "mcp_servers",
    "cache_control",
    "anthropic_version",
    "anthropic_beta",
    "inference_geo",
    "speed",
)
_SAMPLING: Final = ("temperature", "top_p", "top_k")
_WITHOUT_SAMPLING: Final = "2026-10-21"
_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MIN_BUDGET: Final = 1024
_HOSTED: Final = re.compile(r".*/models/(.+):(rawPredict|streamRawPredict)")


def check(received: Received, *, hosted: bool) -> dict[str, Any]:
    """Parse the body of a request and hold it to the rules.

    Args:
        received: The request.
        hosted: Whether Vertex AI hosts it: the model is in the path then, and the version in the body.

    Raises:
        ProblemError: Anthropic would answer it with 400 or 404.
    """
    body = parts.parsed(received.body, "The request body is not valid JSON.")
    version = received.headers.get("anthropic-version", "")
    if hosted:
        version = body.get("anthropic_version") or ""
        if not version:
            raise parts.refused("anthropic_version: Field required")
        version = version.removeprefix("vertex-")
        if (match := _HOSTED.fullmatch(received.path)) is None:
            raise parts.refused(status=404, kind="not_found")
        body = {**body, "model": match[1], "stream": match[2] == "streamRawPredict" or body.get("stream")}
    for name in ("model", "max_tokens", "messages"):
        if body.get(name) is None:
            raise parts.refused(f"{name}: Field required")
    for name in body:
        if name not in _FIELDS or (version >= _WITHOUT_SAMPLING and name in _SAMPLING):
            raise parts.refused(f"{name}: Extra inputs are not permitted")
    _check_numbers(body)
    _check_messages(body["messages"])
    check_claude(body["model"], body)
    _check_tools(body)
    return body


def _check_numbers(body: Mapping[str, Any]) -> None:
    limit = body["max_tokens"]
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise parts.refused("max_tokens: Input should be a valid integer")
    if limit < 1:
        raise parts.refused("max_tokens: Input should be greater than or equal to 1")
    for name in ("temperature", "top_p"):
        if not parts.within(body.get(name), 0, 1):
            raise parts.refused(f"{name}: range: 0..1")
    for at, stop in enumerate(body.get("stop_sequences") or ()):
        if not stop.strip():
            raise parts.refused(f"stop_sequences.{at}: each stop sequence must contain non-whitespace")
    _check_thinking(body.get("thinking") or {}, limit)


def _check_thinking(thinking: Mapping[str, Any], limit: int) -> None:
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        if budget is None:
            raise parts.refused("thinking.enabled.budget_tokens: Field required")
        if budget < _MIN_BUDGET:
            raise parts.refused(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
            )
        if budget >= limit:
            raise parts.refused("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        raise parts.refused("messages: Input should be a valid list")
    if not messages:
        raise parts.refused("messages: at least one message is required")
    for at, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant", "system"):
            raise parts.refused(
                f'messages: Unexpected role "{message.get("role")}". Allowed roles are "user" or "assistant".'
            )
        content = message.get("content")
        if not isinstance(content, str | list):
            raise parts.refused(f"messages.{at}.content: Field required")
        for part in content if isinstance(content, list) else ():
            if part["type"] == "text" and not part["text"].strip():
                raise parts.refused("messages: text content blocks must be non-empty")
    _check_results(messages)


def _check_results(messages: Sequence[Mapping[str, Any]]) -> None:
    """Each tool use is answered in the next message, and nothing answers one that was not made."""
    pending: list[str] = []
    for at, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if missing := [each for each in pending if each not in answered]:
            raise _unanswered(at - 1, missing)
        if unasked := [each for each in answered if each not in pending]:
            raise parts.refused(
                f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(unasked)}. Each `tool_result` block must have a corresponding `tool_use` block "
                "in the previous message."
            )
        pending = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if pending:
        raise _unanswered(len(messages) - 1, pending)


def _unanswered(at: int, ids: Sequence[str]) -> Exception:
    return parts.refused(
        f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _check_tools(body: Mapping[str, Any]) -> None:
    tools = body.get("tools")
    if not tools:
        if body.get("tool_choice") is not None:
            raise parts.refused("tool_choice: `tool_choice` may only be specified while providing `tools`.")
        return
    for at, tool in enumerate(tools):
        if not _TOOL_NAME.fullmatch(tool.get("name") or ""):
            raise parts.refused(
                f"tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
        if tool.get("type", "custom") == "custom" and "input_schema" not in tool:
            raise parts.refused(f"tools.{at}.custom.input_schema: Field required")
        if tool.get("input_schema", {"type": "object"}).get("type") != "object":
            raise parts.refused(f"tools.{at}.custom.input_schema.type: Input should be 'object'")


def as_asked(received: Received, body: Mapping[str, Any]) -> Asked:
    """Say what the checked body asks for."""
    tools = tuple(
        Tool(name=tool["name"], parameters=tool.get("input_schema") or {}) for tool in body.get("tools") or ()
    )
    choice = body.get("tool_choice") or {}
    wanted = tools[0] if choice.get("type") == "any" else parts.named(tools, choice.get("name"))
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    users = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return Asked(
        number=received.number,
        model=body["model"],
        stream=bool(body.get("stream")),
        text=parts.texts(users[-1]) if users else "",
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        stop=tuple(body.get("stop_sequences") or ()),
        max_tokens=body["max_tokens"],
        tools=tools,
        must_call=wanted,
        schema=form.get("schema"),
    )
