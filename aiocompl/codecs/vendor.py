"""A vendor: one row of the catalogue of those who speak OpenAI's dialect, quirks included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec
    from aiocompl.types.endpoint import Endpoint

MaxTokens = Literal["max_tokens", "max_completion_tokens", "both"]
Prefill = Literal["as_given", "prefix", "partial", "continue"]
Parts = Literal["openai", "mistral"]
Reasoning = Literal["as_given", "object", "switch"]
History = Literal["as_given", "reasoning", "think_tags", "thinking_blocks", "reasoning_blocks"]


OPENAI_MESSAGE_FIELDS: Final = frozenset(
    {
        "annotations",
        "audio",
        "content",
        "function_call",
        "name",
        "refusal",
        "role",
        "tool_call_id",
        "tool_calls",
    }
)
"""All fields of messages that OpenAI takes; it refuses others."""

OLD_GPT: Final = r"^(?:ft:)?(?:gpt-3\.?5|gpt-4(?![^-]))|gpt-4o-2024-05-13"
"""OpenAI's models from before structured output; Azure writes 35 for 3.5."""


@attrs.frozen(kw_only=True)
class EmbeddingRules:
    """How a vendor's embeddings differ from OpenAI's."""

    native: frozenset[str] = frozenset()
    """Parameters beyond those of `aembedding` that the vendor takes."""

    unsupported: frozenset[str] = frozenset({"input_type", "truncate"})
    """Parameters of `aembedding` that the vendor refuses or has no place for."""

    renames: tuple[tuple[str, str], ...] = ()
    """Parameters of `aembedding` that go under another name, as (ours, the vendor's)."""

    input_types: tuple[tuple[str, str], ...] = ()
    """The vendor's words for an `input_type` of ``"query"`` and ``"document"``, where they are others."""

    formats: frozenset[str] = frozenset({"float", "base64"})
    """Values of `encoding_format` that are sent; to OpenAI's others vectors are converted here."""

    tokens: bool = True
    """Texts may be given as lists of token numbers."""

    wire: str = "f"
    """What numbers the vendor's base64 holds, as an `array` type code, where no parameter says otherwise."""


@attrs.frozen(kw_only=True)
class Vendor:
    """What must be known to talk to a vendor that speaks OpenAI's dialect."""

    name: str
    """The prefix in ``"name/model"``."""

    title: str
    """The vendor's own name, for people."""

    base_url: str
    """Ends before ``/chat/completions``. May hold ``{PLACEHOLDERS}`` that the environment fills (see `url_env`)."""

    url_env: tuple[tuple[str, str], ...] = ()
    """For each placeholder of `base_url` the environment variable that fills it."""

    api_key_env: tuple[str, ...] = ()
    """Environment variables that hold the key; the first one set wins."""

    key_optional: bool = False
    """The vendor answers without a key (servers on one's own machine, mostly)."""

    base_env: tuple[str, ...] = ()
    """Environment variables that override `base_url`; the first one set wins."""

    key_headers: tuple[tuple[str, str, str], ...] = ()
    """Headers that go with the key of one variable, as (variable, header, value)."""

    auth: str = "bearer"
    """``"bearer"``, or ``"header:Name"`` for a key that goes bare into that header."""

    max_tokens: MaxTokens = "both"
    """The field that bounds the answer; the other one is renamed to it."""

    unsupported: frozenset[str] = frozenset()
    """OpenAI's parameters that the vendor refuses or has no place for; what holds for some models or values only is not here.

    `functions` is among them where `tools` is, and `function_call` where `tool_choice` is: they are the same, see `functions`.
    """

    functions: bool = False
    """The vendor takes the legacy `functions` and `function_call` as they are; others get them as tools."""

    native: frozenset[str] = frozenset()
    """Parameters beyond OpenAI's that the vendor takes."""

    defaults: tuple[tuple[str, object], ...] = ()
    """Parameters that are sent where the caller gave none, under the vendor's own names."""

    path: str = "/chat/completions"
    """What `base_url` is followed by for chat; empty where the vendor is known to have none."""

    renames: tuple[tuple[str, str], ...] = ()
    """OpenAI's parameters that go under another name, as (OpenAI's, the vendor's)."""

    implied: frozenset[str] = frozenset()
    """OpenAI's parameters that are taken but not sent: the vendor refuses the name and does in any case what it asks."""

    required: str = "required"
    """The word with which `tool_choice` says that a tool must be called."""

    usage_asked: bool = False
    """A stream counts the tokens only where `stream_options` asks for it, and the vendor takes that."""

    usage_since: str = ""
    """The first dated API version that takes it, where a URL with another one does not."""

    one_answer: bool = False
    """There is one answer a call: `n` must be 1."""

    model_refuses: tuple[tuple[str, frozenset[str]], ...] = ()
    """Parameters that some models refuse, by a pattern found in the model's name; the first that fits counts."""

    formats: frozenset[str] | None = None
    """The types of `response_format` that there are; None for all of OpenAI's.

    Without ``json_schema``, or with `response_format` among the `unsupported`, a JSON Schema goes as a tool that must be
    called, if there are tools; see `openai_answer`.
    """

    schemaless: str = ""
    """The models for which it goes so although others take ``json_schema``, by a pattern found in the model's name."""

    schema_alone: bool = False
    """``json_schema`` is taken neither in streams nor beside tools; it goes as a tool there."""

    unforced: str = ""
    """The models that think unless told otherwise, by a pattern found in the name, where who thinks cannot be made to
    call a tool."""

    choices: frozenset[str] | None = None
    """The values of `tool_choice` that there are; None for all of OpenAI's."""

    allowed_tools: bool = True
    """`tool_choice` may be ``allowed_tools``; elsewhere only those tools are sent, and its mode is the choice."""

    part_types: frozenset[str] | None = None
    """OpenAI's types of content parts that messages may hold, of those that are no text; None for all.

    Types that are not OpenAI's are sent as they are.
    """

    tool_omits: frozenset[str] = frozenset()
    """Fields of a tool's function that the vendor refuses; they are left out."""

    parameters_required: bool = False
    """A tool's function must have parameters, if only empty ones."""

    service_tiers: tuple[tuple[str, str], ...] = ()
    """The values of `service_tier` that there are, as (OpenAI's, the vendor's); empty for all of OpenAI's."""

    reasoning_as: Reasoning = "as_given"
    """How `thinking` and `reasoning_effort` are sent: in one object, `reasoning`, or only whether, in that."""

    logprobs_count: bool = False
    """`logprobs` is the number of alternatives, and there is no `top_logprobs`."""

    model_prefix: str = ""
    """What stands before a model's name that has no slash."""

    prefill: Prefill = "as_given"
    """How the vendor is told to go on with a last assistant message.

    By itself, by a mark on the message (``prefix`` or ``partial``), or by vLLM's parameters.
    """

    prefill_base: str = ""
    """The base URL that does so, where `base_url` does not; a base URL of the caller's own is kept."""

    openai_models: bool = False
    """The models are OpenAI's own, with the rules of `openai_models`."""

    roles: tuple[tuple[str, str], ...] = ()
    """Roles that go under another name, as (OpenAI's, the vendor's)."""

    message_fields: frozenset[str] | None = None
    """All fields that messages may have, where others are refused; None where they are ignored.

    Where others are refused, so is ``cache_control`` in content parts and tools unless it is among them: it is a hint, and
    left out.
    """

    named_roles: frozenset[str] | None = None
    """Roles whose messages may have a name, where those of others are refused."""

    alternating: bool = False
    """Messages of one role in a row are made one."""

    text_roles: frozenset[str] = frozenset()
    """Roles whose content must be text: parts are joined."""

    nulls: bool = True
    """A message's content may be null; other nulls are sent to nobody who is read `loosely`."""

    refused_parts: frozenset[str] = frozenset()
    """Types of content parts that the vendor refuses."""

    call_ids: str | None = None
    """The pattern that tool-call ids must match as a whole; others go as nine letters and digits made of them."""

    parts: Parts = "openai"
    """How sound and files stand in a message's content."""

    history: History = "as_given"
    """How the reasoning of earlier answers goes back: in which field, or in the content, in tags or as blocks."""

    history_required: bool = False
    """While a model thinks with tools, every earlier assistant message must hold reasoning, if only a space."""

    loosely: bool = False
    """Answers are read with all that vendors are known to do differently in mind, at some cost per chunk.

    Reasoning under other names or in blocks, usage in other places, tool calls without index or id, finish reasons of
    their own, errors inside chunks. See `openai_loose`.
    """

    cites: bool = False
    """Sources stand beside the answer, and become annotations besides; read `loosely` only."""

    reasoning: str = ""
    """The response's field with the reasoning text, where it is not ``reasoning_content``."""

    think_tag: str = ""
    """The tag in which models think at the start of their content, ``"think"`` mostly; read `loosely` only."""

    embeddings: str = "/embeddings"
    """What `base_url` is followed by for embeddings; empty where the vendor is known to have none."""

    max_inputs: int = 2048
    """The most texts that one request for embeddings may hold."""

    embedding_rules: EmbeddingRules = EmbeddingRules()
    """How its embeddings differ from OpenAI's."""

    rerank: str = ""
    """What `base_url` is followed by for reranking; empty where there is none."""

    moderations: str = ""
    """What `base_url` is followed by for moderation; empty where there is none."""

    batches: str = ""
    """What `base_url` is followed by for batches; empty where there are none, or none as OpenAI has them."""

    models: str = "/models"
    """What `base_url` is followed by for the list of models; empty where there is none."""

    dialect: str = ""
    """The dialect it speaks, by its name in `dialects`; where none is named, the one of the vendor's own name, or OpenAI's."""

    codec: Callable[[Vendor, Endpoint], Codec] | None = None
    """Makes its codec, for a vendor that was registered with one of its own."""

    docs: str = ""
    """Where the vendor documents it."""
