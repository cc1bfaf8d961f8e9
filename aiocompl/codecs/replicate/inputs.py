"""OpenAI's messages and parameters as the ``input`` of a Replicate model.

Each model has an input schema of its own; what most language models there have in common is ``prompt``,
``system_prompt`` and the usual parameters. A single user message is the prompt as it stands. A conversation is written
out as a transcript, which ends where the model goes on::

    User: Hello!

    Assistant: Hi.

    User: How are you?

    Assistant:

An assistant message at the end is a beginning that the model continues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.parts import SYSTEM_ROLES, Image, Text, parts_of
from aiocompl.codecs.tools import stop_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NATIVE: Final = frozenset(
    {
        "length_penalty",
        "max_length",
        "max_new_tokens",
        "min_new_tokens",
        "min_p",
        "min_tokens",
        "prompt_template",
        "repetition_penalty",
        "stop_sequences",
        "thinking_budget",
        "top_k",
    }
)
"""Inputs of language models that OpenAI has no parameter for; others can be given in ``extra_body={"input": ...}``."""

UNSUPPORTED: Final = frozenset(
    {
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "response_format",
        "safety_identifier",
        "service_tier",
        "store",
        "tool_choice",
        "tools",
        "top_logprobs",
        "user",
        "web_search_options",
    }
)
"""OpenAI's parameters that are no inputs of Replicate's language models."""

LABELS: Final[Mapping[str, str]] = {"user": "User:", "assistant": "Assistant:"}
"""How a turn of the transcript begins."""

_ELSEWHERE: Final = frozenset({"max_completion_tokens", "max_tokens", "stop", "stream_options"})


@attrs.frozen(kw_only=True)
class Names:
    """What inputs are called that not all models call the same."""

    max_tokens: str = "max_tokens"
    system: str = "system_prompt"
    images: str = "image"
    several: bool = False
    """Whether `images` takes a list."""


MODELS: Final = (
    ("openai/", Names(max_tokens="max_completion_tokens", images="image_input", several=True)),
    (
        "google/gemini-",
        Names(max_tokens="max_output_tokens", system="system_instruction", images="images", several=True),
    ),
    ("meta/llama-2-", Names(max_tokens="max_new_tokens")),
)
"""Models with other names, by how theirs begins."""

USUAL: Final = Names()


def names_of(model: str) -> Names:
    """What a model calls its inputs."""
    return next((names for start, names in MODELS if model.startswith(start)), USUAL)


def bound_of(params: Mapping[str, Any]) -> Any:
    """The most tokens that the answer may have, or None where the call does not say."""
    given = (params.get(name) for name in ("max_completion_tokens", "max_tokens"))
    return next((value for value in given if value is not None), None)


def input_of(model: str, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> dict[str, Any]:
    """The model's input.

    Raises:
        UnsupportedParamsError: A message or parameter has no place in it.
    """
    names = names_of(model)
    conversation = _Conversation(names)
    for index, message in enumerate(messages):
        conversation.add(index, message)
    made = conversation.input()
    made |= {name: value for name, value in params.items() if name not in _ELSEWHERE}
    if (bound := bound_of(params)) is not None:
        made.setdefault(names.max_tokens, bound)
    if stops := stop_of(params):
        made.setdefault("stop_sequences", _joined(stops))
    return made


class _Conversation:
    """Messages, one after the other."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._system: list[str] = []
        self._turns: list[tuple[str, str]] = []
        self._images: list[str] = []

    def add(self, index: int, message: Mapping[str, Any]) -> None:
        role = message["role"]
        if role in {"tool", "function"} or message.get("tool_calls") or message.get("function_call"):
            where = f"messages[{index}]"
            raise UnsupportedParamsError(f"{where}: Replicate's models know no tools", param=where)
        text = self._text(index, message)
        if role in SYSTEM_ROLES:
            self._system.append(text)
        else:
            self._turns.append((role, text))

    def input(self) -> dict[str, Any]:
        names, system = self._names, "\n\n".join(self._system)
        if not self._turns:
            return {"prompt": system}
        made: dict[str, Any] = {"prompt": self._prompt()}
        if system:
            made[names.system] = system
        if self._images:
            made[names.images] = self._images if names.several else self._images[0]
        return made

    def _prompt(self) -> str:
        turns = self._turns
        if len(turns) == 1 and turns[0][0] == "user":
            return turns[0][1]
        written = [f"{LABELS[role]} {text}".rstrip(" ") for role, text in turns]
        if turns[-1][0] != "assistant":
            written.append(LABELS["assistant"])
        return "\n\n".join(written)

    def _text(self, index: int, message: Mapping[str, Any]) -> str:
        """The text of a message; its images are put aside."""
        texts: list[str] = []
        for number, part in enumerate(parts_of(message.get("content"))):
            where = f"messages[{index}].content[{number}]"
            if isinstance(part, Text):
                texts.append(part.text)
            elif isinstance(part, Image) and message["role"] == "user":
                self._images.append(part.url or f"data:{part.media_type};base64,{part.data}")
            else:
                raise UnsupportedParamsError(
                    f"{where}: Replicate's language models take text, and images of the user's, only",
                    param=where,
                )
        if len(self._images) > 1 and not self._names.several:
            raise UnsupportedParamsError(
                f"messages[{index}]: this model is not known to take more than one image", param="messages"
            )
        return "".join(texts)


def _joined(stops: Sequence[str]) -> str:
    """Stop sequences as one text, with commas between."""
    if any("," in stop for stop in stops):
        raise UnsupportedParamsError(
            "Replicate separates stop sequences with commas: none may hold one", param="stop"
        )
    return ",".join(stops)
