"""Requests as the codecs see them: frozen, checked, and the same however often they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from aiocompl.types.completion import ChatCompletionMessage
    from aiocompl.types.structured import AnswerType

    Messages: TypeAlias = Sequence[Mapping[str, Any] | ChatCompletionMessage]
    """What a caller gives as `messages`: mappings in OpenAI's shape, or messages out of answers."""


class Request(Protocol):
    """What the requests of all operations have: to whom, and what goes along past the codec's own checks."""

    model: str
    params: Mapping[str, Any]
    stream: bool
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None

    def asked(self) -> dict[str, Any]:
        """What was asked, under OpenAI's name for it; for the caller's own `logger_fn`."""
        ...


@attrs.define(eq=False)
class ChatRequest:
    """One call as the codecs see it. Nobody changes it, or anything it holds, once it is made.

    Attributes that concern how the call is made (deadline, retries, credentials) are not here: a codec has no use for
    them.
    """

    model: str
    """The model name as the provider knows it."""

    messages: Sequence[Mapping[str, Any]] = attrs.field(repr=False)
    """Checked by `check_messages`; plain mappings."""

    params: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """OpenAI's parameters and the dialect's own; only those that were given."""

    stream: bool = False

    extra_headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    extra_query: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    extra_body: Mapping[str, Any] | None = attrs.field(default=None, repr=False)

    answer_type: AnswerType | None = attrs.field(default=None, repr=False)
    """How the answer's content is to be read, where a class was given as `response_format`. No codec's business: what
    codecs see in `params` is the mapping that asks for it."""

    legacy: bool = False
    """The call came with `functions`, which `params` has as `tools`: so its answer has to have a `function_call`."""

    @property
    def shows_usage(self) -> bool:
        """Whether whoever reads the stream is to see a chunk that holds the usage and no choices."""
        asked = self.extra_body if "stream_options" in (self.extra_body or ()) else self.params
        options = (asked or {}).get("stream_options")
        return isinstance(options, Mapping) and bool(options.get("include_usage"))

    def asked(self) -> dict[str, Any]:
        """The messages; see `Request`."""
        return {"messages": self.messages}


@attrs.define(eq=False, kw_only=True)
class _OtherRequest:
    """The part of a request that its operation does not decide. See `ChatRequest`."""

    model: str
    params: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    stream: bool = attrs.field(default=False, init=False, repr=False)
    extra_headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    extra_query: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    extra_body: Mapping[str, Any] | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False, kw_only=True)
class EmbeddingRequest(_OtherRequest):
    """Texts to be embedded, no more than the provider takes at once."""

    input: Sequence[str | Sequence[int]] = attrs.field(repr=False)
    """Texts, or texts as lists of token numbers."""

    def asked(self) -> dict[str, Any]:
        """The texts; see `Request`."""
        return {"input": self.input}


@attrs.define(eq=False, kw_only=True)
class RerankRequest(_OtherRequest):
    """Documents to be ordered by what they have to do with a query."""

    query: str = attrs.field(repr=False)
    documents: Sequence[str | Mapping[str, Any]] = attrs.field(repr=False)

    def asked(self) -> dict[str, Any]:
        """Query and documents; see `Request`."""
        return {"query": self.query, "documents": self.documents}


@attrs.define(eq=False, kw_only=True)
class ModerationRequest(_OtherRequest):
    """Texts, or OpenAI's content parts, to be judged."""

    input: Sequence[str | Mapping[str, Any]] = attrs.field(repr=False)

    def asked(self) -> dict[str, Any]:
        """The texts; see `Request`."""
        return {"input": self.input}


@attrs.define(eq=False, kw_only=True)
class ModelsRequest(_OtherRequest):
    """A page of the list of models."""

    model: str = ""
    page: str | None = None
    """Where the page begins, in the provider's own words; None for the first."""

    def asked(self) -> dict[str, Any]:
        """Nothing; see `Request`."""
        return {}


@attrs.define(eq=False, kw_only=True)
class BatchUpload(_OtherRequest):
    """The requests of a batch as a file, for providers that take batches so."""

    lines: Sequence[bytes] = attrs.field(repr=False)
    """Each a request as the operation's `encode_line` makes it."""
    name: str
    """What the file is called at the provider."""

    def asked(self) -> dict[str, Any]:
        """How much; see `Request`."""
        return {"requests": len(self.lines)}


@attrs.define(eq=False, kw_only=True)
class BatchCreate(_OtherRequest):
    """A batch to be begun."""

    mark: str
    """Tells it from all others; goes along where the provider keeps such things."""
    file: str = ""
    """The file with its requests, where they were uploaded."""
    lines: Sequence[bytes] = attrs.field(default=(), repr=False)
    """Its requests, where they go along."""

    def asked(self) -> dict[str, Any]:
        """Which and how much; see `Request`."""
        return {"mark": self.mark, "requests": len(self.lines)}


@attrs.define(eq=False, kw_only=True)
class BatchLookup(_OtherRequest):
    """How a batch stands, or that it is to be cancelled."""

    id: str
    cancel: bool = False

    def asked(self) -> dict[str, Any]:
        """Which; see `Request`."""
        return {"batch": self.id}


@attrs.define(eq=False, kw_only=True)
class BatchList(_OtherRequest):
    """A page of the list of batches, the newest first."""

    page: str | None = None
    """Where the page begins, in the provider's own words; None for the first."""

    def asked(self) -> dict[str, Any]:
        """Nothing; see `Request`."""
        return {}


@attrs.define(eq=False, kw_only=True)
class BatchDownload(_OtherRequest):
    """The results of a batch, read as a stream of lines."""

    id: str
    """What `BatchJob.results` holds."""

    shows_usage: bool = attrs.field(default=True, init=False, repr=False)
    """All lines are to be read; see `ChatRequest.shows_usage`."""

    messages: ClassVar[tuple[()]] = ()
    """It has no prompt."""

    answer_type: ClassVar[None] = None

    def __attrs_post_init__(self) -> None:
        self.stream = True

    def asked(self) -> dict[str, Any]:
        """Which; see `Request`."""
        return {"results": self.id}
