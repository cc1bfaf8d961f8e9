"""The events of one stream, each a whole ``GenerateContentResponse``; a blocking answer is a stream of one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.gemini.candidate import Candidate
from aiocompl.codecs.gemini.errors import body_error
from aiocompl.codecs.gemini.usage import has_counts, usage_of
from aiocompl.codecs.instants import epoch_seconds
from aiocompl.errors import ContentPolicyViolationError, IncompleteStreamError
from aiocompl.types.chunk import ChatCompletionChunk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.gemini.errors import Origin
    from aiocompl.codecs.gemini.surfaces import Surface
    from aiocompl.wire.messages import Event

OK: Final = 200

_READ: Final = frozenset(
    {"candidates", "createTime", "modelVersion", "promptFeedback", "responseId", "usageMetadata"}
)


class GeminiStreamDecoder:
    """The events of one stream; see `StreamDecoder`.

    The dialect has no end marker: a stream is complete once each candidate that began has its finish reason. That,
    the usage, and what belongs to a message as a whole are said at the end, since later events may add to them.
    """

    __slots__ = (
        "_candidates",
        "_created",
        "_fields",
        "_id",
        "_model",
        "_origin",
        "_surface",
        "_usage",
        "finished",
    )

    def __init__(self, surface: Surface, origin: Origin) -> None:
        self._surface = surface
        self._origin = origin
        self._id: str | None = None
        self._model = origin.model
        self._created = 0
        self._candidates: dict[int, Candidate] = {}
        self._usage: dict[str, Any] | None = None
        self._fields: dict[str, Any] = {}
        self.finished = False

    @property
    def missing(self) -> str | None:
        """The field without which the answer is not whole, or None."""
        if not self._candidates:
            return "candidates"
        whole = all(candidate.finish_reason is not None for candidate in self._candidates.values())
        return None if whole else "finishReason"

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        if self.finished:
            return
        for _, data in events:
            try:
                self.take(orjson.loads(data), into)
            except MALFORMED as error:
                self._raise_malformed(error, data)

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if self.finished:
            return
        if (missing := self.missing) is not None:
            raise IncompleteStreamError(
                f"the stream ended without {missing}: what was received is no whole answer",
                provider=self._origin.provider,
                model=self._origin.model,
            )
        try:
            self.close(into)
        except MALFORMED as error:
            self._raise_malformed(error, b"")

    def take(self, body: dict[str, Any], into: list[ChatCompletionChunk]) -> None:
        """Take one parsed event.

        Raises:
            APIError: It is an error, or says that the prompt is blocked.
        """
        if body.get("error"):
            raise body_error(body, None, {}, self._origin)
        if self._id is None:
            self._begin(body)
        if (usage := body.get("usageMetadata")) is not None and has_counts(usage):
            self._usage = usage  # each event's counts include those of the events before
        if not body.keys() <= _READ:
            self._fields |= {key: value for key, value in body.items() if key not in _READ}
        candidates = body.get("candidates")
        if (feedback := body.get("promptFeedback")) is not None:
            self._take_feedback(feedback, body, blocked=not candidates)
        for data in candidates or ():
            index = data.get("index", 0)
            candidate = self._candidates.get(index)
            if candidate is None:
                candidate = self._candidates[index] = Candidate(index)
            choice = candidate.take(data, self._surface)
            if choice is not None:
                into.append(self._chunk([choice]))

    def close(self, into: list[ChatCompletionChunk]) -> None:
        """Say what can be said only at the end."""
        self.finished = True
        into += [self._chunk([candidate.finish()]) for _, candidate in sorted(self._candidates.items())]
        if self._usage is None and not self._fields:
            return
        last = self._chunk([])
        if self._usage is not None:
            last.usage = usage_of(self._usage)
            last.service_tier = self._usage.get("serviceTier")
        if self._fields:
            last["provider_specific_fields"] = self._fields
        into.append(last)

    def _begin(self, body: Mapping[str, Any]) -> None:
        """Take from the first event what all chunks share."""
        self._id = body.get("responseId") or ""
        self._model = body.get("modelVersion") or self._model
        self._created = epoch_seconds(body.get("createTime") or "") or 0

    def _chunk(self, choices: list[dict[str, Any]]) -> ChatCompletionChunk:
        return ChatCompletionChunk.take(
            {"id": self._id, "created": self._created, "model": self._model, "choices": choices}
        )

    def _take_feedback(self, feedback: dict[str, Any], body: object, *, blocked: bool) -> None:
        if blocked and (word := feedback.get("blockReason")) is not None:
            reason = self._surface.block_reason(word)
            told = feedback.get("blockReasonMessage")
            raise ContentPolicyViolationError(
                f"the prompt was blocked ({reason}){f': {told}' if told else ''}",
                provider=self._origin.provider,
                model=self._origin.model,
                code=reason,
                type="promptFeedback",
                body=body,
            )
        self._fields["promptFeedback"] = feedback

    def _raise_malformed(self, cause: Exception, data: bytes) -> NoReturn:
        origin = self._origin
        raise_malformed(cause, provider=origin.provider, model=origin.model, status=OK, body=data)
