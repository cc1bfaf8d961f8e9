"""OpenAI's chat completion object and what it is made of.

`take` of what stands in every answer sets the slots directly: an `__init__` with keywords costs three times as much.

Source: https://developers.openai.com/api/docs, the chat completion object (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import attrs

from aiocompl._compat import override
from aiocompl.types.model import JSON, Model, beside

if TYPE_CHECKING:
    from aiocompl.errors import ResponseFormatError
    from aiocompl.types.call import CallInfo

_new = object.__new__


@attrs.define(kw_only=True, repr=False)
class PromptTokensDetails(Model):
    """What the prompt's tokens were; each is part of `Usage.prompt_tokens`."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    text_tokens: int | None = None
    image_tokens: int | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        details = _new(cls)
        details.cached_tokens = pop("cached_tokens", None)
        details.cache_write_tokens = pop("cache_write_tokens", None)
        details.audio_tokens = pop("audio_tokens", None)
        details.text_tokens = pop("text_tokens", None)
        details.image_tokens = pop("image_tokens", None)
        details._extra = data or None
        return details


@attrs.define(kw_only=True, repr=False)
class CompletionTokensDetails(Model):
    """What the answer's tokens were; each is part of `Usage.completion_tokens`."""

    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    text_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        details = _new(cls)
        details.reasoning_tokens = pop("reasoning_tokens", None)
        details.audio_tokens = pop("audio_tokens", None)
        details.text_tokens = pop("text_tokens", None)
        details.accepted_prediction_tokens = pop("accepted_prediction_tokens", None)
        details.rejected_prediction_tokens = pop("rejected_prediction_tokens", None)
        details._extra = data or None
        return details


@attrs.define(kw_only=True, repr=False)
class Usage(Model):
    """Tokens as the provider counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        prompt = pop("prompt_tokens_details", None)
        completion = pop("completion_tokens_details", None)
        usage = _new(cls)
        usage.prompt_tokens = pop("prompt_tokens", 0)
        usage.completion_tokens = pop("completion_tokens", 0)
        usage.total_tokens = pop("total_tokens", 0)
        usage.prompt_tokens_details = None if prompt is None else PromptTokensDetails.take(prompt)
        usage.completion_tokens_details = (
            None if completion is None else CompletionTokensDetails.take(completion)
        )
        usage._extra = data or None
        return usage


@attrs.define(kw_only=True, repr=False)
class FunctionCall(Model):
    """A call of a function: its name, and its arguments as JSON text, as the model wrote it."""

    name: str
    arguments: str

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(name=pop("name"), arguments=pop("arguments", ""), model_extra=data)


@attrs.define(kw_only=True, repr=False)
class CustomCall(Model):
    """A call of a custom tool: its name, and its input as free text."""

    name: str
    input: str

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(name=pop("name"), input=pop("input", ""), model_extra=data)


@attrs.define(kw_only=True, repr=False)
class ToolCall(Model):
    """One tool call of an answer; `function` or `custom` is set, by `type`."""

    id: str
    type: str = "function"
    function: FunctionCall | None = None
    custom: CustomCall | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        function, custom = pop("function", None), pop("custom", None)
        return cls(
            id=pop("id", ""),
            type=pop("type", None) or "function",
            function=None if function is None else FunctionCall.take(function),
            custom=None if custom is None else CustomCall.take(custom),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class UrlCitation(Model):
    """A web page that a stretch of the answer (character positions) rests on."""

    url: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            url=pop("url"),
            title=pop("title", None),
            start_index=pop("start_index", None),
            end_index=pop("end_index", None),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class Annotation(Model):
    """A remark on a stretch of the answer; `url_citation` is set where `type` says so."""

    type: str
    url_citation: UrlCitation | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        citation = data.pop("url_citation", None)
        return cls(
            type=data.pop("type"),
            url_citation=None if citation is None else UrlCitation.take(citation),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class Audio(Model):
    """A spoken answer: base64 data in the format asked for, and its transcript."""

    id: str | None = None
    data: str | None = None
    expires_at: int | None = None
    transcript: str | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            id=pop("id", None),
            data=pop("data", None),
            expires_at=pop("expires_at", None),
            transcript=pop("transcript", None),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class TopLogprob(Model):
    """One of the likeliest tokens at a position; `bytes` are its UTF-8 bytes as integers."""

    token: str
    logprob: float
    bytes: list[int] | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(token=pop("token"), logprob=pop("logprob"), bytes=pop("bytes", None), model_extra=data)


@attrs.define(kw_only=True, repr=False)
class TokenLogprob(Model):
    """The token at a position with its natural log probability, and the likeliest ones beside it."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] = attrs.field(factory=list)

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            token=pop("token"),
            logprob=pop("logprob"),
            bytes=pop("bytes", None),
            top_logprobs=[TopLogprob.take(item) for item in pop("top_logprobs", None) or ()],
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class ChoiceLogprobs(Model):
    """Log probabilities of the tokens of the content and of the refusal."""

    WIRE_NULLS: ClassVar[frozenset[str]] = frozenset({"content", "refusal"})

    content: list[TokenLogprob] | None = None
    refusal: list[TokenLogprob] | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        content, refusal = data.pop("content", None), data.pop("refusal", None)
        return cls(
            content=None if content is None else [TokenLogprob.take(item) for item in content],
            refusal=None if refusal is None else [TokenLogprob.take(item) for item in refusal],
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class ChatCompletionMessage(Model):
    """The answer's message. It can be put back into `messages` as it is."""

    WIRE_NULLS: ClassVar[frozenset[str]] = frozenset({"content", "refusal"})

    role: str = "assistant"
    content: Any = None
    """The text, or None beside tool calls. (A few providers give a list of blocks.)"""
    refusal: str | None = None
    reasoning_content: str | None = None
    """The model's reasoning as text, where the provider shows it; no part of OpenAI's own schema."""
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    """The legacy form of a tool call, asked for by `functions`."""
    annotations: list[Annotation] | None = None
    audio: Audio | None = None
    parsed: Any = beside()  # noqa: RUF009 - an attrs field
    """The content as an instance of the class given as `response_format`. Beside OpenAI's shape: neither dumped nor
    compared."""
    parsing_error: ResponseFormatError | None = beside()  # noqa: RUF009 - an attrs field
    """Why there is no such instance, where the content does not fit; refusals and tool calls have neither."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        calls, call = pop("tool_calls", None), pop("function_call", None)
        annotations, audio = pop("annotations", None), pop("audio", None)
        message = _new(cls)
        message.role = pop("role", None) or "assistant"
        message.content = pop("content", None)
        message.refusal = pop("refusal", None)
        message.reasoning_content = pop("reasoning_content", None)
        message.tool_calls = [ToolCall.take(item) for item in calls] if calls else None
        message.function_call = FunctionCall.take(call) if call else None
        message.annotations = None if annotations is None else [Annotation.take(item) for item in annotations]
        message.audio = None if audio is None else Audio.take(audio)
        message.parsed = message.parsing_error = None
        message._extra = data or None
        return message


@attrs.define(kw_only=True, repr=False)
class Choice(Model):
    """One of the `n` answers."""

    WIRE_NULLS: ClassVar[frozenset[str]] = frozenset({"finish_reason", "logprobs"})

    index: int
    message: ChatCompletionMessage
    finish_reason: str | None
    """``stop``, ``length``, ``tool_calls``, ``content_filter``, ``function_call``, or the provider's own word."""
    logprobs: ChoiceLogprobs | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        logprobs = pop("logprobs", None)
        choice = _new(cls)
        choice.index = pop("index", None) or 0
        choice.message = ChatCompletionMessage.take(pop("message"))
        choice.finish_reason = pop("finish_reason", None)
        choice.logprobs = None if logprobs is None else ChoiceLogprobs.take(logprobs)
        choice._extra = data or None
        return choice


@attrs.define(kw_only=True, repr=False)
class ChatCompletion(Model):
    """A whole answer, in the shape of OpenAI's chat completion object.

    For example::

        {"id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": "gpt-4o",
         "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                      "message": {"role": "assistant", "content": "Hello!", "refusal": None}}],
         "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
    """

    id: str
    object: str = "chat.completion"
    created: int = 0
    """Seconds since 1970, by the provider's clock."""
    model: str = ""
    """The model that answered, by the provider's name."""
    choices: list[Choice]
    usage: Usage | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    call: CallInfo | None = beside()  # noqa: RUF009 - an attrs field
    """Timing and identity of the call: provider, endpoint, request id, attempts, seconds. Beside OpenAI's shape:
    neither dumped nor compared."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        usage = pop("usage", None)
        whole = _new(cls)
        whole.object = pop("object", None) or "chat.completion"
        whole.call = None
        whole.id = pop("id", None) or ""
        whole.created = pop("created", None) or 0
        whole.model = pop("model", None) or ""
        whole.choices = [Choice.take(item) for item in pop("choices")]
        whole.usage = None if usage is None else Usage.take(usage)
        whole.service_tier = pop("service_tier", None)
        whole.system_fingerprint = pop("system_fingerprint", None)
        whole._extra = data or None
        return whole


ModelResponse = ChatCompletion
"""LiteLLM's name for `ChatCompletion`."""
