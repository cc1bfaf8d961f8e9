"""A prediction as OpenAI's answer, whole and streamed.

A stream's events are ``output`` (text as it stands, no JSON), ``logs``, ``error`` and ``done``. The prediction itself
is none of them: whoever reads the stream puts it in as events named ``prediction``, the first with the prediction's id
and the last with how it ended and what it cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event, whole_number
from aiocompl.codecs.error_shapes import parse_body
from aiocompl.codecs.instants import epoch_seconds
from aiocompl.codecs.replicate.errors import check_status, failure
from aiocompl.codecs.replicate.inputs import bound_of
from aiocompl.codecs.replicate.job import TERMINAL
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, Usage
from aiocompl.types.pieces import Chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import Event

OK: Final = 200
SUCCEEDED: Final = "succeeded"

_PLACED: Final = frozenset({"id", "model", "created_at", "status", "output", "error"})
"""Fields of a prediction that OpenAI's shape has a place for."""

_FILES: Final = ("https://", "http://", "data:")


def completion_of(data: JSON, request: ChatRequest) -> ChatCompletion:
    """A prediction that succeeded.

    Raises:
        KeyError: It did not, or not yet.
    """
    if data["status"] != SUCCEEDED:
        raise KeyError(f"{SUCCEEDED} prediction")
    usage = _usage(data)
    choice = Choice(
        index=0,
        message=ChatCompletionMessage(content=_text(data.get("output")), model_extra=_kept(data)),
        finish_reason=_finish_reason(usage, request),
        model_extra={"native_finish_reason": SUCCEEDED},
    )
    return ChatCompletion(
        id=data["id"],
        created=epoch_seconds(data.get("created_at") or "") or 0,
        model=data.get("model") or request.model,
        choices=[choice],
        usage=usage,
    )


class PredictionStreamDecoder:
    """The events of one prediction's stream; see `StreamDecoder`.

    A stream is complete after ``done``. What the prediction says comes after it; where it is not to be had, the answer
    ends without usage.
    """

    __slots__ = ("_chunks", "_done", "_endpoint", "_headed", "_request", "_spoken", "finished")

    def __init__(self, endpoint: Endpoint, request: ChatRequest) -> None:
        self._endpoint = endpoint
        self._request = request
        self._chunks = Chunks(request.model)
        self._headed = False  # id and model are settled, since the prediction was seen or there are chunks
        self._spoken = False
        self._done: str | None = None  # the reason that came with it, mostly empty
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        for name, data in events:
            if self.finished:
                return
            try:
                if name == "output":  # nearly all of them
                    self._headed = self._spoken = True
                    into.append(self._chunks.piece(data.decode()))
                elif (take := _TAKERS.get(name)) is not None:
                    take(self, data, into)
                elif name != "logs":  # what the model prints while it runs is no part of its answer
                    into.append(
                        self._chunks.piece(extra=unknown_event({"event": name, "data": data.decode()}))
                    )
            except MALFORMED as error:
                raise_malformed(
                    error, provider=self._endpoint.provider, model=self._request.model, status=OK, body=data
                )

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if self.finished:
            return
        if self._done is None:
            raise IncompleteStreamError(
                "the stream ended before done: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._request.model,
            )
        status = "failed" if self._done == "error" else self._done
        check_status(status, {}, {}, self._endpoint, self._request)
        into.append(self._chunks.last("stop", None))
        self.finished = True

    def _take_error(self, data: bytes, _: list[ChatCompletionChunk]) -> None:
        body = parse_body(data)
        text = body.get("detail") if isinstance(body, dict) else body
        raise failure(text, body, {}, self._endpoint, self._request.model)

    def _take_done(self, data: bytes, _: list[ChatCompletionChunk]) -> None:
        self._done = str((orjson.loads(data) if data else {}).get("reason") or "")

    def _take_prediction(self, data: bytes, into: list[ChatCompletionChunk]) -> None:
        body: JSON = orjson.loads(data)
        chunks = self._chunks
        if not self._headed:
            self._headed = True
            chunks.id, chunks.created = body["id"], epoch_seconds(body.get("created_at") or "") or 0
            chunks.model = body.get("model") or chunks.model
        if body["status"] not in TERMINAL:
            return
        check_status(body["status"], body, {}, self._endpoint, self._request)
        whole = completion_of(body, self._request)
        choice = whole.choices[0]
        if not self._spoken:
            into.append(chunks.piece(choice.message.content))
        into.append(chunks.last(choice.finish_reason, SUCCEEDED, _kept(body)))
        if whole.usage is not None:
            into.append(chunks.usage(whole.usage))
        self.finished = True


_TAKERS: Final[Mapping[str, Callable[[PredictionStreamDecoder, bytes, list[ChatCompletionChunk]], None]]] = {
    "error": PredictionStreamDecoder._take_error,  # noqa: SLF001 - the table is the class's own
    "done": PredictionStreamDecoder._take_done,  # noqa: SLF001
    "prediction": PredictionStreamDecoder._take_prediction,  # noqa: SLF001
}
"""What is done with each event but ``output`` and ``logs``."""


def _text(output: Any) -> str | None:
    """The text: one string, or the pieces of it; None where the output is something else."""
    if isinstance(output, list):
        return "".join(output) if all(isinstance(piece, str) for piece in output) else None
    return "" if output is None else output if isinstance(output, str) else None


def _kept(data: Mapping[str, Any]) -> JSON | None:
    """What OpenAI's shape has no place for; an output that is no text, or files, is kept as it came."""
    kept = {key: value for key, value in data.items() if key not in _PLACED and value is not None}
    output = data.get("output")
    files = isinstance(output, list) and output and all(str(item).startswith(_FILES) for item in output)
    if files or _text(output) is None:
        kept["output"] = output
    return {"provider_specific_fields": kept} if kept else None


def _usage(data: Mapping[str, Any]) -> Usage | None:
    """The counts of tokens, which only language models have."""
    metrics = data.get("metrics") or {}
    prompt, completion = metrics.get("input_token_count"), metrics.get("output_token_count")
    if prompt is None and completion is None:
        return None
    prompt, completion = whole_number(prompt or 0), whole_number(completion or 0)
    return Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


def _finish_reason(usage: Usage | None, request: ChatRequest) -> str:
    """Replicate does not say that an answer was cut short; an answer as long as it may be was."""
    bound = bound_of(request.params)
    full = usage is not None and isinstance(bound, int) and 0 < bound <= usage.completion_tokens
    return "length" if full else "stop"
