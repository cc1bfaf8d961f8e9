"""The tool whose arguments are the answer: how models without structured output are held to a JSON Schema.

The request offers the tool beside the caller's own, and demands a call where that can be demanded; what comes back as its
arguments is put where text would stand. Everything here is in OpenAI's words, for dialects that translate from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.reshaped import ReshapedStreamDecoder
from aiocompl.codecs.tools import tool_choice_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.codecs.tools import ToolChoice
    from aiocompl.types.chunk import ChatCompletionChunk, ChunkChoice, DeltaToolCall
    from aiocompl.types.completion import ChatCompletion, ToolCall
    from aiocompl.types.model import JSON

ANSWER_TOOL: Final = "json_tool_call"
"""The tool's name; LiteLLM's."""

THE_ANSWER: Final[Mapping[str, Any]] = {"type": "function", "function": {"name": ANSWER_TOOL}}
"""The `tool_choice` that demands it."""

DESCRIPTION: Final = "Give your final answer to the user by calling this tool."

_REPLACED: Final = frozenset({"response_format", "tools", "tool_choice"})


def with_answer_tool(
    params: Mapping[str, Any], wanted: Mapping[str, Any], *, can_be_forced: bool = True
) -> dict[str, Any]:
    """The parameters with the tool in the place of `response_format`.

    A call is demanded: of the tool that the caller named, of any of the caller's or the answer, or of the answer alone.

    Args:
        params: The call's parameters.
        wanted: The ``json_schema`` object of `response_format`.
        can_be_forced: Whether the model can be made to call a tool; if not, it is only offered.
    """
    choice = tool_choice_of(params)
    tools = _offered(params, choice)
    if choice is not None and choice.mode == "none" and not can_be_forced:
        tools = []
    made = {name: value for name, value in params.items() if name not in _REPLACED}
    made["tools"] = [*tools, _answer_tool(wanted)]
    if choice is not None and choice.mode == "named":
        made["tool_choice"] = params["tool_choice"]
    elif can_be_forced:
        any_will_do = bool(tools) and (choice is None or choice.mode != "none")
        made["tool_choice"] = "required" if any_will_do else THE_ANSWER
    return made


def _offered(params: Mapping[str, Any], choice: ToolChoice | None) -> Sequence[Mapping[str, Any]]:
    """The caller's tools, as far as the choice leaves them."""
    tools: Sequence[Mapping[str, Any]] = params.get("tools") or ()
    if choice is None or not choice.allowed:
        return tools
    return [tool for tool in tools if (tool.get("function") or {}).get("name") in choice.allowed]


def _answer_tool(wanted: Mapping[str, Any]) -> JSON:
    about = wanted.get("description")
    function = {
        "name": ANSWER_TOOL,
        "description": f"{DESCRIPTION}\n\n{about}" if about else DESCRIPTION,
        "parameters": {"type": "object", **wanted["schema"]},
    }
    return {"type": "function", "function": function}


def read_answer(completion: ChatCompletion) -> None:
    """Put the arguments of the tool's calls where text stands; other calls stay."""
    for choice in completion.choices:
        message = choice.message
        calls = message.tool_calls or []
        answers = [call for call in calls if _is_answer(call)]
        if not answers:
            continue
        text = "".join(call.function.arguments for call in answers if call.function is not None)
        message.content = _with_text(message.content, text)
        message.tool_calls = [call for call in calls if call not in answers] or None
        if choice.finish_reason == "tool_calls" and message.tool_calls is None:
            choice.finish_reason = "stop"
            choice.model_extra.setdefault("native_finish_reason", "tool_calls")


def _is_answer(call: ToolCall | DeltaToolCall) -> bool:
    return call.function is not None and call.function.name == ANSWER_TOOL


def _with_text(content: Any, text: str) -> Any:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": text}]
    return (content or "") + text


class AnswerStreamDecoder(ReshapedStreamDecoder):
    """A decoder whose chunks have the tool's arguments as text; see `StreamDecoder`."""

    def __init__(self, decoder: StreamDecoder) -> None:
        super().__init__(decoder)
        self._places: dict[int, dict[int, int | None]] = {}
        """By the choice's index and the call's: the call's new index, or None for the answer."""

    @override
    def _reshape(self, chunks: list[ChatCompletionChunk]) -> None:
        for chunk in chunks:
            for choice in chunk.choices:
                if choice.delta.tool_calls:
                    self._take_calls(choice, choice.delta.tool_calls)
                if choice.finish_reason == "tool_calls" and self._only_answers(choice.index):
                    choice.finish_reason = "stop"
                    choice.model_extra.setdefault("native_finish_reason", "tool_calls")

    def _take_calls(self, choice: ChunkChoice, calls: list[DeltaToolCall]) -> None:
        places = self._places.setdefault(choice.index, {})
        others: list[DeltaToolCall] = []
        for call in calls:
            if call.index not in places:
                known = sum(place is not None for place in places.values())
                places[call.index] = None if _is_answer(call) else known
            place = places[call.index]
            if place is not None:
                call.index = place
                others.append(call)
            elif call.function is not None and call.function.arguments:
                choice.delta.content = _with_text(choice.delta.content, call.function.arguments)
        choice.delta.tool_calls = others or None

    def _only_answers(self, choice: int) -> bool:
        places = self._places.get(choice, {})
        return bool(places) and all(place is None for place in places.values())
