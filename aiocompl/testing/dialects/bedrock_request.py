"""What Bedrock's Converse refuses before it asks a model, and what a request that it takes asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked, Received, Tool
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.claude_rules import check_claude

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TOOL_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


def check(raw: bytes, model: str) -> dict[str, Any]:
    """Parse the body of a request to a model and hold it to the rules.

    Raises:
        ProblemError: Bedrock would answer it with 400.
    """
    body = parts.parsed(raw, "Could not parse the JSON body of the request.")
    conversation = "A conversation must start with a user message. Try again with a conversation that starts with a user message."
    messages = parts.need_list(body, "messages", conversation)
    if messages[0].get("role") != "user" and "anthropic." not in model:  # Claude takes it
        raise parts.refused(conversation)
    for at, message in enumerate(messages):
        _check_message(message, at)
        if at and message["role"] == messages[at - 1]["role"]:
            raise parts.refused(
                "A conversation must alternate between user and assistant roles. Make sure the conversation "
                "alternates between user and assistant roles and try again."
            )
    _check_results(messages)
    _check_numbers(body.get("inferenceConfig") or {})
    _check_tools(body, messages)
    more, config = body.get("additionalModelRequestFields") or {}, body.get("inferenceConfig") or {}
    sampling = {"temperature": config.get("temperature"), "top_p": config.get("topP"), "messages": messages}
    check_claude(model, {**sampling, **more})
    return body


def _check_message(message: Mapping[str, Any], at: int) -> None:
    if message.get("role") not in ("user", "assistant"):
        raise parts.refused(
            f"1 validation error detected: Value '{message.get('role')}' at 'messages.{at + 1}.member.role' failed "
            "to satisfy constraint: Member must satisfy enum value set: [user, assistant]"
        )
    content = message.get("content")
    if not isinstance(content, list) or not content:
        raise parts.refused(
            f"The content field in the Message object at messages.{at} is empty. "
            "Add a ContentBlock object to the content field and try again."
        )
    for place, block in enumerate(content):
        if "text" in block and not block["text"].strip():
            raise parts.refused(
                f"The text field in the ContentBlock object at messages.{at}.content.{place} is blank. "
                "Add text to the text field, and try again."
            )
        use = block.get("toolUse") or block.get("toolResult")
        if use is not None and not _TOOL_ID.fullmatch(use.get("toolUseId") or ""):
            raise parts.refused(
                f"1 validation error detected: Value '{use.get('toolUseId')}' at 'messages.{at + 1}.member.content."
                f"{place + 1}.member.toolUse.toolUseId' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]+"
            )


def _check_results(messages: Sequence[Mapping[str, Any]]) -> None:
    pending: list[str] = []
    for at, message in enumerate(messages):
        answered = [part["toolResult"]["toolUseId"] for part in message["content"] if "toolResult" in part]
        if missing := [each for each in pending if each not in answered]:
            raise parts.refused(
                f"Expected toolResult blocks at messages.{at}.content for the following Ids: {', '.join(missing)}"
            )
        if len(answered) > len(pending):
            raise parts.refused(
                f"The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks "
                "of previous turn."
            )
        pending = [part["toolUse"]["toolUseId"] for part in message["content"] if "toolUse" in part]


def _check_numbers(config: Mapping[str, Any]) -> None:
    for name, low, high in (("maxTokens", 1, float("inf")), ("temperature", 0, 1), ("topP", 0, 1)):
        if not parts.within(config.get(name), low, high):
            raise parts.refused(
                f"1 validation error detected: Value '{config[name]}' at 'inferenceConfig.{name}' failed to satisfy "
                f"constraint: Member must have value between {low} and {high}"
            )


def _check_tools(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> None:
    config = body.get("toolConfig")
    if config is None:
        blocks = [block for message in messages for block in message["content"]]
        if any("toolUse" in block or "toolResult" in block for block in blocks):
            raise parts.refused(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks."
            )
        return
    missing = "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1"
    for at, tool in enumerate(parts.need_list(config, "tools", missing)):
        if "toolSpec" in tool and not _TOOL_NAME.fullmatch(tool["toolSpec"].get("name") or ""):
            raise parts.refused(
                f"1 validation error detected: Value at 'toolConfig.tools.{at + 1}.member.toolSpec.name' failed to "
                "satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"
            )


def as_asked(received: Received, body: Mapping[str, Any], model: str, *, stream: bool) -> Asked:
    """Say what the checked body asks for."""
    config = body.get("inferenceConfig") or {}
    tool_config = body.get("toolConfig") or {}
    specs = [tool["toolSpec"] for tool in tool_config.get("tools") or () if "toolSpec" in tool]
    tools = tuple(Tool(name=spec["name"], parameters=spec["inputSchema"].get("json") or {}) for spec in specs)
    users = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return Asked(
        number=received.number,
        model=model,
        stream=stream,
        text=parts.texts(users[-1]) if users else "",
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        stop=tuple(config.get("stopSequences") or ()),
        max_tokens=config.get("maxTokens"),
        tools=tools,
        must_call=_must_call(tool_config.get("toolChoice") or {}, tools),
        schema=_schema((body.get("outputConfig") or {}).get("textFormat") or {}),
    )


def _must_call(choice: Mapping[str, Any], tools: Sequence[Tool]) -> Tool | None:
    if "any" in choice:
        return tools[0]
    return parts.named(tools, (choice.get("tool") or {}).get("name"))


def _schema(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if form.get("type") != "json_schema":
        return None
    schema: Mapping[str, Any] = orjson.loads(form["structure"]["jsonSchema"]["schema"])
    return schema
