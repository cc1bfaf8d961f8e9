"""`functions` and `function_call`, OpenAI's older form of tools, for all who only know the newer one.

Before encoding, the request is put into the newer form, messages included; after decoding, the answer into the older
one, if the request asked for it so. The dialects themselves never see the older form.

It has room for one call: that is the answer's first. Further ones, which a provider may give that cannot be told to make
one at a time, stay in `tool_calls`. It has no ids either: what a call has besides name and arguments is kept in the
message's ``provider_specific_fields["function_call"]``, and goes back from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from aiocompl._compat import override
from aiocompl.codecs.base import Signer
from aiocompl.codecs.reshaped import ReshapedStreamDecoder
from aiocompl.codecs.routing import Route
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.chunk import DeltaFunctionCall
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec, Rebind, StreamDecoder
    from aiocompl.errors import APIError
    from aiocompl.types.chunk import ChatCompletionChunk, ChunkChoice, DeltaToolCall
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON, Model
    from aiocompl.wire.messages import FrameDecoder, HTTPRequest, HTTPResponse

OLD_NAMES: Final[Mapping[str, str]] = {"tools": "functions", "tool_choice": "function_call"}
"""The parameters of the newer form, and what they were called in the older."""

_PARAMS: Final = frozenset(OLD_NAMES.values())
_FIELDS: Final = "provider_specific_fields"


def is_legacy(params: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything in a request is in the older form."""
    if params and not _PARAMS.isdisjoint(params):
        return True
    for message in messages:  # noqa: SIM110 - a generator costs more than most conversations
        if message["role"] == "function" or message.get("function_call"):
            return True
    return False


def modern_request(request: ChatRequest, codec: Codec) -> ChatRequest:
    """The request in the newer form; `legacy` if its answer is to come back in the older.

    Raises:
        BadRequestError: `function_call` is none of the forms that OpenAI has.
    """
    made = ChatRequest(
        request.model,
        _modern_messages(request.messages),
        _modern_params(request.params),
        request.stream,
        answer_type=request.answer_type,
        legacy=bool(request.params.get("functions")) and not request.params.get("tools"),
    )
    if made.legacy and not {"parallel_tool_calls"} & (codec.unsupported_params | made.params.keys()):
        one_at_a_time = ChatRequest(made.model, made.messages, {**made.params, "parallel_tool_calls": False})
        with suppress(UnsupportedParamsError):  # encoding is pure, so it can be tried
            codec.encode_request(one_at_a_time)
            made.params = one_at_a_time.params
    return made


def _modern_params(params: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in params.items() if name not in _PARAMS}
    functions = params.get("functions") or ()
    if functions:
        made["tools"] = [
            *(params.get("tools") or ()),
            *({"type": "function", "function": function} for function in functions),
        ]
    choice = params.get("function_call")
    if choice is not None and "tools" in made:
        made.setdefault("tool_choice", _modern_choice(choice))
    return made


def _modern_choice(choice: object) -> Any:
    if choice in ("auto", "none"):
        return choice
    if isinstance(choice, Mapping) and isinstance(choice.get("name"), str):
        return {"type": "function", "function": {"name": choice["name"]}}
    raise BadRequestError(
        "function_call must be 'auto', 'none' or {'name': ...}",
        param="function_call",
        type="invalid_request_error",
    )


def _modern_messages(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages with each `function_call` as the first of the tool calls, and each result as a tool's.

    Raises:
        BadRequestError: A `function_call` has no name.
    """
    answered = {message.get("tool_call_id") for message in messages}
    made: list[Mapping[str, Any]] = []
    last: dict[str, str] = {}  # the id of the last call of each function
    for index, message in enumerate(messages):
        if function := message.get("function_call"):
            name = _name_of(function, f"messages[{index}].function_call")
            call_id = f"call_{name}" if name not in last else f"call_{name}_{len(made)}"
            made.append(_modern_call(message, function, call_id, answered))
            last[name] = made[-1]["tool_calls"][0]["id"]
        elif message["role"] == "function":
            made.append(_modern_result(message, last))
        else:
            made.append(message)
    return made


def _name_of(function: object, where: str) -> str:
    name = function.get("name") if isinstance(function, Mapping) else None
    if isinstance(name, str):
        return name
    raise BadRequestError(
        f"{where} must be a mapping with a 'name'", param=where, type="invalid_request_error"
    )


def _modern_call(
    message: Mapping[str, Any], function: Mapping[str, Any], call_id: str, answered: set[str | None]
) -> JSON:
    made: JSON = {name: value for name, value in message.items() if name != "function_call"}
    fields = message.get(_FIELDS)
    kept: Any = None
    if isinstance(fields, Mapping) and "function_call" in fields:
        made[_FIELDS] = {name: value for name, value in fields.items() if name != "function_call"}
        kept = fields["function_call"]
    # Nobody who speaks the older form answers the calls beside it, and a call must not stay unanswered.
    others = [call for call in message.get("tool_calls") or () if call.get("id") in answered]
    call: JSON = {"id": call_id, **(kept if isinstance(kept, Mapping) else {})}
    call |= {"type": "function", "function": function}
    return made | {"content": message.get("content"), "tool_calls": [call, *others]}


def _modern_result(message: Mapping[str, Any], last: Mapping[str, str]) -> JSON:
    name = message["name"]
    made: JSON = {
        "tool_call_id": last.get(name) or f"call_{name}"
    }  # a result without a call: its name must do
    made |= {key: value for key, value in message.items() if key != "name" or name not in last}
    return made | {"role": "tool", "content": message.get("content") or ""}


def legacy_route(route: Route) -> Route:
    """The same route, with answers in the older form."""
    rebind = None if route.rebind is None else _LegacyRebind(route.rebind)
    return Route(endpoint=route.endpoint, model=route.model, codec=LegacyCodec(route.codec), rebind=rebind)


@attrs.frozen
class _LegacyRebind:
    """See `Rebind`. Equal to others for the same codec, as codecs that have been bound are kept by what bound them."""

    _rebind: Rebind

    def __call__(self, endpoint: Endpoint) -> LegacyCodec:
        return LegacyCodec(cast("Codec", self._rebind(endpoint)))


class LegacyCodec:
    """A codec whose answers come in the older form; see `Codec`. Its requests are in the newer one already."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        signer: object = codec
        self._signer = signer if isinstance(signer, Signer) else None
        self.headers = codec.headers
        self.native_params = codec.native_params
        self.unsupported_params = codec.unsupported_params
        self.takes_functions = codec.takes_functions

    @property
    def signs(self) -> bool:
        """Whether requests are signed; see `Signer`."""
        return self._signer is not None and self._signer.signs

    def sign(self, request: HTTPRequest, now: float) -> HTTPRequest:
        """Sign a request; see `Signer`."""
        return request if self._signer is None else self._signer.sign(request, now)

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        return self._codec.encode_request(request)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        completion = self._codec.decode_response(request, response)
        for choice in completion.choices:
            message = choice.message
            calls = message.tool_calls or []
            first = next((call for call in calls if call.function is not None), None)
            if first is None:
                continue
            message.function_call = first.function
            message.tool_calls = [call for call in calls if call is not first] or None
            _keep(message, {"id": first.id, **first.model_extra})
            choice.finish_reason = _old_reason(choice.finish_reason)
        return completion

    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        return self._codec.decode_error(request, response)

    def frame_decoder(self) -> FrameDecoder:
        """A new decoder for the framing; see `Codec`."""
        return self._codec.frame_decoder()

    def stream_decoder(self, request: ChatRequest) -> LegacyStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return LegacyStreamDecoder(self._codec.stream_decoder(request))


class LegacyStreamDecoder(ReshapedStreamDecoder):
    """A decoder whose chunks come in the older form; see `StreamDecoder`."""

    def __init__(self, decoder: StreamDecoder) -> None:
        super().__init__(decoder)
        self._first: dict[int, int] = {}  # by the choice's index, that of the call that is its function call
        self._kept: dict[int, JSON] = {}  # by the choice's index, what that call has besides

    @override
    def _reshape(self, chunks: list[ChatCompletionChunk]) -> None:
        for chunk in chunks:
            for choice in chunk.choices:
                if choice.delta.tool_calls:
                    self._take_calls(choice, choice.delta.tool_calls)
                if choice.finish_reason is not None and choice.index in self._first:
                    choice.finish_reason = _old_reason(choice.finish_reason)

    def _take_calls(self, choice: ChunkChoice, calls: list[DeltaToolCall]) -> None:
        others: list[DeltaToolCall] = []
        for call in calls:
            if call.function is not None:
                self._first.setdefault(choice.index, call.index)
            first = self._first.get(choice.index)
            if call.index == first:
                self._take_first(choice, call)
                continue
            if first is not None and call.index > first:
                call.index -= 1
            others.append(call)
        choice.delta.tool_calls = others or None

    def _take_first(self, choice: ChunkChoice, call: DeltaToolCall) -> None:
        delta = choice.delta
        delta.function_call = _joined(delta.function_call, call.function)
        if call.id or call.model_extra:
            kept = self._kept.get(choice.index, {}) | ({"id": call.id} if call.id else {}) | call.model_extra
            self._kept[choice.index] = kept
            _keep(delta, kept)


def _joined(old: DeltaFunctionCall | None, more: DeltaFunctionCall | None) -> DeltaFunctionCall | None:
    if old is None or more is None:
        return old or more
    return DeltaFunctionCall(
        name=more.name or old.name,
        arguments=(old.arguments or "") + (more.arguments or ""),
        model_extra=old.model_extra | more.model_extra,
    )


def _keep(holder: Model, kept: JSON) -> None:
    """Keep what a call has besides its function, beside what the provider has put there."""
    extra = holder.model_extra
    fields = extra.get(_FIELDS)
    extra[_FIELDS] = (fields if isinstance(fields, dict) else {}) | {"function_call": kept}


def _old_reason(reason: str | None) -> str | None:
    return "function_call" if reason == "tool_calls" else reason
