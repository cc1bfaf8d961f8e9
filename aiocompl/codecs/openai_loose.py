"""What vendors of OpenAI's dialect are known to do differently in their answers, put right before the answer is read.

Everything here works on parsed JSON in place: afterwards it stands as OpenAI would have written it, and what has no
place there stays where it was. Whole answers and chunks go the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.openai_citations import annotate
from aiocompl.codecs.openai_messages import short_id
from aiocompl.codecs.think_tags import ThinkTags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.model import JSON

FINISH_REASONS: Final[Mapping[str, str]] = {
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "model_length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "time_limit": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "sensitive": "content_filter",
    "blacklist": "content_filter",
    "content_filtered": "content_filter",
}
"""Vendors' words and OpenAI's for them; words that stand in neither pass as they are."""

FAILURES: Final = frozenset({"error", "insufficient_system_resource", "network_error"})
"""Finish reasons of an answer that is none: the model, or what is before it, broke off."""

OPENAI_REASONS: Final = frozenset({None, "stop", "length", "tool_calls", "content_filter", "function_call"})

_NO_IDS: Final = frozenset({None, "", "null"})

_USAGE_DETAILS: Final = (
    ("prompt_cache_hit_tokens", "prompt_tokens_details", "cached_tokens"),  # DeepSeek
    ("num_cached_tokens", "prompt_tokens_details", "cached_tokens"),  # Mistral
    ("cached_tokens", "prompt_tokens_details", "cached_tokens"),  # Together, Moonshot
    ("cache_read_input_tokens", "prompt_tokens_details", "cached_tokens"),  # Databricks
    ("cache_creation_input_tokens", "prompt_tokens_details", "cache_write_tokens"),
    ("reasoning_tokens", "completion_tokens_details", "reasoning_tokens"),  # Perplexity
)
"""Counts that stand beside the totals, and where OpenAI has them; the vendor's own stay."""


class LooseReader:
    """Puts the answers of one vendor right; made once per codec."""

    def __init__(self, vendor: Vendor) -> None:
        self.think_tag = vendor.think_tag
        self.cites = vendor.cites
        self._reasoning = vendor.reasoning or "reasoning"

    def read(self, data: JSON) -> None:
        """Put a whole answer right; a failure in it comes to stand under ``error``, with no choices beside it."""
        fix_error(data)
        choices = data.get("choices") or ()
        if failure := data.get("error") or next(filter(None, map(choice_error, choices)), None):
            data["error"], data["choices"] = failure, []
            return
        fix_usage(data)
        for choice in choices:
            message = choice["message"]
            choice.pop("delta", None)  # Perplexity's, which says nothing
            self._read_message(message, calls := CallIndex(data.get("id") or "", choice.get("index") or 0))
            fix_reason(choice)
            fix_logprobs(choice, message.get("content"))
            if not choice.get("finish_reason"):  # xAI leaves it empty beside tool calls, Snowflake always
                choice["finish_reason"] = "tool_calls" if calls.count else None
        if self.cites:
            annotate(data)

    def _read_message(self, message: JSON, calls: CallIndex) -> None:
        self.fix_message(message, calls)
        content = message.get("content")
        if self.think_tag and isinstance(content, str):
            tags = ThinkTags(self.think_tag)
            (reasoning, text), (more, rest) = tags.feed(content), tags.end()
            message["content"] = text + rest
            add_reasoning(message, reasoning + more)
        if not message.get("content") and calls.count:
            message["content"] = None
        for call in message.get("tool_calls") or ():
            call.pop("index", None)

    def fix_message(self, message: JSON, calls: CallIndex) -> None:
        """Put a message or a delta right: reasoning, blocks, tool calls, empty objects."""
        name = self._reasoning
        if name in message:
            fix_reasoning(message, name)
        if isinstance(message.get("content"), list):
            take_blocks(message, message["content"])
        if message.get("reasoning_details") and not message.get("reasoning_content"):
            add_reasoning(message, details_text(message["reasoning_details"]))
        if tool_calls := message.get("tool_calls"):
            calls.settle(tool_calls)
        for key in _EMPTIES & message.keys():
            if is_empty(message[key]):
                del message[key]


_EMPTIES: Final = frozenset({"audio", "function_call", "refusal"})
"""Fields that Snowflake writes, with nothing in them, into every answer."""


class CallIndex:
    """Numbers the tool calls of one choice in order of appearance, and gives an id to those that have none."""

    __slots__ = ("_at", "_ids", "_names", "count")

    def __init__(self, answer_id: str, choice: int) -> None:
        self.count = 0
        self._names = f"{answer_id}:{choice}"  # what made ids are made of
        self._ids: dict[str, int] = {}
        self._at: dict[int, int] = {}  # the vendor's index -> ours

    def settle(self, calls: list[JSON]) -> None:
        """Put the calls of a message, or the pieces of a delta, right."""
        for call in calls:
            function = call.get("function") or {}
            if isinstance(function.get("arguments"), (dict, list)):
                function["arguments"] = orjson.dumps(function["arguments"]).decode()
            given = call.get("id")
            call_id = None if given in _NO_IDS else given
            begins = bool(function.get("name")) or call.get("custom") is not None
            number = self._known(call.get("index"), call_id, begins=begins)
            if number is None:
                number = self._new(call, call_id)
            elif call_id is None and given is not None:
                del call["id"]  # an empty one in a later piece
            call["index"] = number

    def _known(self, index: int | None, call_id: str | None, *, begins: bool) -> int | None:
        """Our number of the call that a piece continues, or None where it begins one."""
        if call_id is not None and call_id in self._ids:
            return self._ids[call_id]
        if index is None:
            return None if begins or not self.count else self.count - 1
        if begins and call_id is not None and self._at.get(index) in self._ids.values():
            return None  # the same index under another id: some number every call 0
        return self._at.get(index)

    def _new(self, call: JSON, call_id: str | None) -> int:
        number = self.count
        self.count += 1
        if (index := call.get("index")) is not None:
            self._at[index] = number
        if call_id is None:
            call["id"] = f"call_{short_id(f'{self._names}:{number}')}"
        else:
            self._ids[call_id] = number
        return number


def fix_reason(choice: JSON) -> None:
    """Give the finish reason in OpenAI's word for it, and keep the vendor's own."""
    reason = choice.get("finish_reason")
    if reason is not None and reason in FINISH_REASONS:
        choice.setdefault("native_finish_reason", reason)
        choice["finish_reason"] = FINISH_REASONS[reason]


def fix_logprobs(choice: JSON, text: Any) -> None:
    """Read the log probabilities of the older completions API, as Together writes them, into OpenAI's shape.

    Lists of tokens and their values, which chunks may have as a bare value for their text.
    """
    given = choice.get("logprobs")
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        choice["logprobs"] = {"content": [{"token": text if isinstance(text, str) else "", "logprob": given}]}
    if not isinstance(given, dict) or "content" in given:
        return
    tokens, values = given.get("tokens"), given.get("token_logprobs")
    if not tokens or not values or not all(isinstance(value, (int, float)) for value in values):
        return  # a token of the prompt has none: then all stays as it is
    tops = given.get("top_logprobs") or [{}] * len(tokens)
    given["content"] = [
        {
            "token": token,
            "logprob": value,
            "top_logprobs": [{"token": name, "logprob": one} for name, one in (top or {}).items()],
        }
        for token, value, top in zip(tokens, values, tops, strict=True)
    ]
    for name in ("tokens", "token_logprobs", "top_logprobs"):
        given.pop(name, None)


def choice_error(choice: JSON) -> Any:
    """The error that a choice holds, or that its finish reason is."""
    error, reason = choice.get("error"), choice.get("finish_reason")
    if error:
        return error
    if reason in FAILURES:
        return {"message": f"the answer broke off with finish_reason {reason!r}", "type": "server_error"}
    return None


def fix_error(data: JSON) -> None:
    """Put an error that stands elsewhere under ``error``."""
    x_groq = data.get("x_groq")
    if isinstance(x_groq, dict) and x_groq.get("error"):
        data["error"] = x_groq["error"]
    base = data.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):  # MiniMax
        data["error"] = {"message": base.get("status_msg") or "", "code": base["status_code"]}


def fix_usage(data: JSON) -> None:
    """Put the usage of an answer or a chunk where OpenAI has it, and its counts to the totals that they belong to."""
    usage = data.get("usage")
    if not usage and isinstance(x_groq := data.get("x_groq"), dict):
        data["usage"] = usage = x_groq.pop("usage", None)
    if not usage:
        return
    if "prompt_token_details" in usage:  # Writer
        usage.setdefault("prompt_tokens_details", usage.pop("prompt_token_details"))
    for name, details, field in _USAGE_DETAILS:
        if usage.get(name) is not None:
            inner = usage[details] = usage.get(details) or {}
            if inner.get(field) is None:
                inner[field] = usage[name]
    _add_reasoning_tokens(usage)


def _add_reasoning_tokens(usage: JSON) -> None:
    """Count the reasoning among the completion's tokens, as OpenAI does and xAI does not: its total tells."""
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    if reasoning and usage.get("total_tokens") == prompt + completion + reasoning:
        usage["completion_tokens"] = completion + reasoning


def fix_reasoning(message: JSON, name: str) -> None:
    """Put reasoning text under ``reasoning_content``. What is no text, or another text, stays where it is."""
    text = message[name]
    if text is None:
        del message[name]
    elif isinstance(text, str) and message.get("reasoning_content") in {None, "", text}:
        message["reasoning_content"] = text
        del message[name]


def add_reasoning(message: JSON, text: str) -> None:
    """Add to a message's reasoning."""
    if text:
        message["reasoning_content"] = (message.get("reasoning_content") or "") + text


def take_blocks(message: JSON, blocks: list[Any]) -> None:
    """Take content in blocks apart: text, reasoning, citations. A list with a block of another kind stays as it is."""
    if not all(isinstance(block, dict) and block.get("type") in _BLOCKS for block in blocks):
        return
    message["content"] = ""
    for block in blocks:
        _BLOCKS[block["type"]](message, block)


def _take_text(message: JSON, block: JSON) -> None:
    message["content"] += block.get("text") or ""
    if citations := block.get("citations"):
        _kept(message).setdefault("citations", []).extend(citations)


def _take_thinking(message: JSON, block: JSON) -> None:
    """Mistral's; Anthropic's own form has plain text."""
    thinking = block.get("thinking") or ""
    text = thinking if isinstance(thinking, str) else "".join(piece.get("text") or "" for piece in thinking)
    add_reasoning(message, text)
    if signature := block.get("signature"):
        _keep_signed(message, text, signature)


def _take_reasoning(message: JSON, block: JSON) -> None:
    """Databricks'."""
    for piece in block.get("summary") or ():
        text = piece.get("text") or ""
        add_reasoning(message, text)
        if signature := piece.get("signature"):
            _keep_signed(message, text, signature)


def _take_reference(message: JSON, block: JSON) -> None:
    _kept(message).setdefault("citations", []).append(block)


_BLOCKS: Final = {
    "text": _take_text,
    "thinking": _take_thinking,
    "reasoning": _take_reasoning,
    "reference": _take_reference,
}


def _keep_signed(message: JSON, text: str, signature: str) -> None:
    block = {"type": "thinking", "thinking": text, "signature": signature}
    message.setdefault("thinking_blocks", []).append(block)


def _kept(message: JSON) -> JSON:
    kept: JSON = message.setdefault("provider_specific_fields", {})
    return kept


def details_text(details: list[JSON]) -> str:
    """The text in OpenRouter's `reasoning_details`; what is encrypted has none."""
    return "".join(detail.get("text") or detail.get("summary") or "" for detail in details)


def is_empty(value: Any) -> bool:
    """Whether a field is there for nothing: null, empty, or an object of such."""
    return not any(value.values()) if isinstance(value, dict) else not value
