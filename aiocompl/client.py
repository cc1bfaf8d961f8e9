"""The module-level face of the supervisor: one default supervisor for each running loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, overload

from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from typing import Unpack

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages

_defaults: dict[asyncio.AbstractEventLoop, Supervisor] = {}


def default_supervisor() -> Supervisor:
    """The running loop's default supervisor, made at first use with default settings.

    It is closed with the loop: `asyncio.run` cancels its actors, and they close their connections.

    Raises:
        RuntimeError: No loop is running.
    """
    loop = asyncio.get_running_loop()
    supervisor = _defaults.get(loop)
    if supervisor is None:
        for other in list(_defaults):  # other threads have loops of their own, and may be here too
            if other.is_closed():
                _defaults.pop(other, None)
        supervisor = _defaults[loop] = Supervisor()
    return supervisor


@overload
async def acompletion(
    model: str,
    messages: Messages,
    *,
    stream: Literal[False] | None = ...,
    **params: Unpack[CompletionParams],
) -> ChatCompletion: ...
@overload
async def acompletion(
    model: str, messages: Messages, *, stream: Literal[True], **params: Unpack[CompletionParams]
) -> CompletionStream: ...
@overload
async def acompletion(
    model: str, messages: Messages, *, stream: bool | None, **params: Unpack[CompletionParams]
) -> ChatCompletion | CompletionStream: ...


async def acompletion(
    model: str,
    messages: Messages,
    *,
    stream: bool | None = False,
    **params: Unpack[CompletionParams],
) -> ChatCompletion | CompletionStream:
    """Ask a model through the running loop's default supervisor.

    Args:
        model: A name that says its provider (``"groq/llama-3.3-70b-versatile"``, ``"local/smollm2-135m-instruct"``),
            or whose family does (``"gpt-4o"``, ``"claude-..."``). With `api_base=` any name.
        messages: The conversation, in OpenAI's shape: ``[{"role": "user", "content": "Hello"}]``. Messages out of
            earlier answers are taken as they are.
        stream: Return a `CompletionStream` of chunks instead of the whole answer.
        **params: OpenAI's parameters, the provider's own, and call options; see `CompletionParams`.

    Returns:
        The answer, or the stream, in OpenAI's shape.

    Raises:
        BadRequestError: The call is wrong; found before any I/O where it can be.
        AuthenticationError: There is no API key (the message names the variable to set), or it is not accepted.
        NotFoundError: No provider is known for the model name.
        APITimeoutError: `timeout` seconds (600 by default) have passed.
        APIError: Whatever else can go wrong with a provider; see `aiocompl.errors`.
        TypeError: A keyword is misspelt; the message names the nearest one.

    Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
    """
    return await default_supervisor().acompletion(model, messages, stream=stream, **params)
