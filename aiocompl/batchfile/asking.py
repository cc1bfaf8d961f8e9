"""How one request of a batch is asked: with the options of all, and so that no line can stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl import telemetry
from aiocompl.codecs.routing import provider_named_by
from aiocompl.errors import AiocomplError, BadRequestError
from aiocompl.runtime.combined import combined
from aiocompl.types.params import CALL_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.runtime.supervisor import Supervisor
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages

_OF_THE_BODY: Final = frozenset({"extra_body"})
"""Options that change what is asked, and so count for its hash."""


def split_params(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What goes for all lines: parameters, which are part of each body, and options of the calls.

    Raises:
        BadRequestError: A parameter cannot be written as JSON.
    """
    body: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for name, value in params.items():
        if value is not None:
            (options if name in CALL_OPTIONS and name not in _OF_THE_BODY else body)[name] = value
    for name, value in body.items():
        try:
            orjson.dumps(value)
        except TypeError as error:
            raise BadRequestError(f"{name} must be JSON: {error}", param=name) from error
    return body, options


class Asker:
    """Asks one request of a batch; what goes wrong with it is an error of the library's, whatever it is.

    Args:
        supervisor: What asks.
        model: The model of the lines that name none.
        options: The call options of all lines.

    Raises:
        BadRequestError: A key is given, and it is not said whose.
    """

    def __init__(self, supervisor: Supervisor, model: str | None, options: Mapping[str, Any]) -> None:
        self._supervisor = supervisor
        self._model = model
        self._options = options
        self._anywhere = "api_key" not in options or bool({"api_base", "base_url"} & options.keys())
        if not self._anywhere and model is None:
            raise BadRequestError("api_key needs a model or an api_base: whose key is it?", param="api_key")

    async def __call__(
        self, model: str, messages: Messages, *, stream: bool, **params: Any
    ) -> ChatCompletion | CompletionStream:
        """Ask. Cancelled: nothing is left behind.

        Raises:
            AiocomplError: It cannot be asked, or has no answer.
        """
        asked = combined(self._options, params, elsewhere=not self._is_theirs(model))
        try:
            return await self._supervisor.acompletion(model, messages, stream=stream, **asked)
        except AiocomplError:
            raise
        except TypeError as error:  # a misspelt parameter, or one of a type that nobody expects
            raise BadRequestError(str(error), model=model) from error
        except Exception as error:
            telemetry.warning("batch.unexpected", error=repr(error))
            raise AiocomplError(f"unexpected {type(error).__name__}", model=model) from error

    def _is_theirs(self, model: str) -> bool:
        """Whether the options' key, if there is one, belongs where this model is."""
        return (
            self._anywhere
            or model == self._model
            or "custom_llm_provider" in self._options
            or provider_named_by(model) == provider_named_by(self._model or "")
        )
