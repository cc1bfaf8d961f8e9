"""A call's keywords, sorted: what is sent, and how the call is made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.legacy import OLD_NAMES, is_legacy, modern_request
from aiocompl.codecs.routing import Target
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.checks import check_messages, check_params, did_you_mean, seconds
from aiocompl.types.params import CALL_OPTIONS, CREDENTIAL_OPTIONS, NATIVE_PARAMS, OPENAI_PARAMS
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.codecs.routing import OperationRoute, Route
    from aiocompl.types.request import Request
    from aiocompl.types.structured import AnswerType

_TARGET_OPTIONS: Final = CREDENTIAL_OPTIONS | {
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "organization",
    "custom_llm_provider",
    "azure",
}
_CHECKED_PARAMS: Final = frozenset({"stop", "tools", "functions"})
_TEXTS: Final = frozenset({"api_base", "base_url", "api_version", "organization", "custom_llm_provider"})

TargetKey = str | tuple[str | tuple[str, Any], ...]
"""Where a call goes, as a key: calls with equal keys share a route. The bare model name where nothing else is said."""


@attrs.define
class Call:
    """One call: its parameters, and how it is made."""

    model: str
    messages: object
    stream: bool
    params: dict[str, Any]
    """OpenAI's parameters that were given."""
    options: dict[str, Any]
    """Call options that were given."""
    others: dict[str, Any]
    """Names that are neither; the dialect may know them."""
    key: TargetKey
    function: str = "acompletion"
    """What the caller called."""
    known: frozenset[str] = OPENAI_PARAMS
    """The parameters that the function has for all providers."""
    answer_type: AnswerType | None = None
    """How the answer is to be read, where a class was given as `response_format`; `params` has what asks for it."""

    def target(self) -> Target:
        """Where the call goes.

        Raises:
            BadRequestError: The base URL holds credentials, which would end up in logs and errors.
        """
        get = self.options.get
        base = get("api_base") or get("base_url")
        where = base or get("aws_bedrock_runtime_endpoint")
        if where is not None and "@" in where.partition("?")[0]:
            raise BadRequestError(
                "api_base must not hold a user or a password: pass api_key= or extra_headers=",
                param="api_base",
            )
        return Target(
            self.model,
            base,
            get("api_key"),
            get("api_version"),
            get("organization"),
            get("custom_llm_provider") or ("azure" if get("azure") else None),
            {name: self.options[name] for name in CREDENTIAL_OPTIONS.intersection(self.options)},
        )


def sort_keywords(
    model: str,
    messages: object,
    *,
    stream: bool = False,
    keywords: Mapping[str, Any],
    function: str = "acompletion",
    known: frozenset[str] = OPENAI_PARAMS,
) -> Call:
    """Sort a call's keywords into what is sent and how; None means "not given".

    Raises:
        BadRequestError: `model` is no name, or no JSON Schema can be made of the class given as `response_format`.
    """
    if not model or not isinstance(model, str):
        raise BadRequestError("model must be a name such as 'gpt-4o' or 'provider/model'", param="model")
    call = Call(model, messages, stream, {}, {}, {}, model, function, known)
    for name, value in keywords.items():
        if value is None:
            continue
        if name in known:
            call.params[name] = value
        elif name in CALL_OPTIONS:
            call.options[name] = value
            if name in _TARGET_OPTIONS:
                if type(value) is not str:
                    call.options[name] = _settled(name, value)
                key, said = call.key, (name, call.options[name])
                call.key = (model, said) if isinstance(key, str) else (*key, said)
        else:
            call.others[name] = value
    if "response_format" in call.params and not isinstance(call.params["response_format"], Mapping):
        _take_answer_type(call)
    return call


def _settled(name: str, value: Any) -> Any:
    """An option that says where a call goes and is no plain text, as what a key can hold: a mapping as JSON.

    Raises:
        BadRequestError: It cannot be the value of such an option.
    """
    if name in _TEXTS and not isinstance(value, str):
        raise BadRequestError(f"{name} must be text, not {type(value).__name__}", param=name)
    if not isinstance(value, Mapping):
        if not isinstance(value, Hashable):
            raise BadRequestError(f"{name} must not be a {type(value).__name__}", param=name)
        return value
    try:
        return orjson.dumps(dict(value), option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise BadRequestError(f"{name} cannot be written as JSON", param=name) from error


def _take_answer_type(call: Call) -> None:
    from aiocompl.types.structured import answer_type_of  # noqa: PLC0415 - loads with the first class

    call.answer_type = answer_type_of(call.params["response_format"])
    call.params["response_format"] = call.answer_type.response_format


def build_request(call: Call, route: Route) -> tuple[ChatRequest, tuple[str, ...]]:
    """Check a call against its route and make the request.

    Returns:
        The request, and the names of the parameters that `drop_params` left out.

    Raises:
        BadRequestError: Something in it is not as the API takes it; `param` says what.
        UnsupportedParamsError: The provider does not support a parameter.
        TypeError: A keyword is misspelt.
    """
    params, options = call.params, call.options
    dropped, forced = sift(call, route) if params or call.others else ((), {})
    request = ChatRequest(route.model, check_messages(call.messages), params, call.stream)
    request.answer_type = call.answer_type
    if not route.codec.takes_functions and is_legacy(params, request.messages):
        request = modern_request(request, route.codec)
    if options:
        add_extras(request, options)
        if options.get("drop_params") or options.get("allowed_openai_params"):
            dropped += settle_refused(request, forced, route, options)
    if forced:
        request.extra_body = {**forced, **(request.extra_body or {})}
    return request, dropped


def settle_refused(
    request: Request, forced: dict[str, Any], route: OperationRoute[Any], options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Drop, or send all the same, what the codec refuses for its value or for the model.

    Encoding is pure, so it can be tried.
    """
    dropped: list[str] = []
    legacy = isinstance(request, ChatRequest) and request.legacy
    while True:
        try:
            route.codec.encode_request(request)
        except UnsupportedParamsError as error:
            name, params = error.param, request.params
            if name is None or name not in params:
                raise  # a part of the messages, say: dropping it would change the question
            given = OLD_NAMES.get(name, name) if legacy else name
            allowed = given in (options.get("allowed_openai_params") or ())
            if not allowed and not options.get("drop_params"):
                raise
            request.params = {key: value for key, value in params.items() if key != name}
            if allowed:
                forced[name] = params[name]
            else:
                dropped.append(given)
        else:
            return tuple(dropped)


def add_extras(request: Request, options: Mapping[str, Any]) -> None:
    """Check and set what goes along past the codec's own checks: what cannot be sent is the caller's error, no bug."""
    for name in ("extra_headers", "extra_query", "extra_body"):
        extra = options.get(name)
        if extra is None:
            continue
        if not isinstance(extra, Mapping) or not all(isinstance(key, str) for key in extra):
            raise BadRequestError(f"{name} must be a mapping with text for keys", param=name)
        if name == "extra_headers" and not all(isinstance(value, str) for value in extra.values()):
            raise BadRequestError("extra_headers must be a mapping of text to text", param=name)
        setattr(request, name, extra)


def sift(call: Call, route: OperationRoute[Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Check the parameters, and take out what is not to be sent as one.

    Returns:
        What `drop_params` took out, and what `allowed_openai_params` sends past the codec, under its own name.
    """
    params, options = call.params, call.options
    if not _CHECKED_PARAMS.isdisjoint(params):
        check_params(params)
    unsupported = route.codec.unsupported_params.intersection(params)
    if call.others:
        unsupported |= _take_native(call, route)
    if names := options.get("additional_drop_params"):
        for name in names:
            params.pop(name, None)
        unsupported -= set(names)
    if not unsupported:
        return (), {}
    allowed = unsupported.intersection(options.get("allowed_openai_params") or ())
    forced = {name: params.pop(name) for name in sorted(allowed)}
    return _drop_unsupported(call, route, unsupported - allowed), forced


def call_timeout(options: Mapping[str, Any], default: float) -> float:
    """Seconds that the call may take: the first of `timeout` and `request_timeout`, `force_timeout` at most.

    Raises:
        BadRequestError: One of them is no positive number.
    """
    timeout = default
    for name in ("request_timeout", "timeout"):
        if name in options:
            timeout = seconds(name, options[name])
    if "force_timeout" in options:
        timeout = min(timeout, seconds("force_timeout", options["force_timeout"]))
    return timeout


def call_retries(options: Mapping[str, Any]) -> int:
    """Attempts after the first: `num_retries`, or `max_retries`.

    Raises:
        BadRequestError: It is no whole number from 0 up.
    """
    name = "num_retries" if "num_retries" in options else "max_retries"
    value = options[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequestError(f"{name} must be a whole number from 0 up, not {value!r}", param=name)
    return value


def _take_native(call: Call, route: OperationRoute[Any]) -> frozenset[str]:
    """Take what the dialect declares as its own; return what only other dialects have."""
    unsupported = set[str]()
    native = route.codec.native_params
    allowed = call.options.get("allowed_openai_params") or ()
    for name, value in call.others.items():
        if name in NATIVE_PARAMS or name in native or name in allowed:
            call.params[name] = value
            if name not in native:
                unsupported.add(name)
        else:
            known = call.known | CALL_OPTIONS | native | {"model", "messages", "stream"}
            raise TypeError(
                f"{call.function}() got an unexpected keyword argument {name!r}{did_you_mean(name, known)} "
                "(extra_body={...} sends what no parameter is for)"
            )
    return frozenset(unsupported)


def _drop_unsupported(call: Call, route: OperationRoute[Any], unsupported: frozenset[str]) -> tuple[str, ...]:
    names = sorted(unsupported)
    if names and not call.options.get("drop_params"):
        raise UnsupportedParamsError(
            f"{', '.join(names)} not supported by this provider; leave it out, pass drop_params=True to have it "
            f"left out, or allowed_openai_params={names} to send it all the same",
            provider=route.endpoint.provider,
            model=route.model,
            param=names[0],
        )
    for name in names:
        del call.params[name]
    return tuple(names)
