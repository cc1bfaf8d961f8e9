"""The ways to fetch a credential, by the kind that an endpoint's `TokenSource` names."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from aiocompl.errors import AuthenticationError
from aiocompl.runtime.credentials.threads import OneThread
from aiocompl.types.endpoint import Credential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.runtime.credentials.keeper import CredentialSource
    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.types.endpoint import KeyProvider, TokenSource

_MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "callable": ("sources", "CallableSource"),
    "watsonx": ("exchange", "WatsonxSource"),
    "databricks": ("exchange", "DatabricksSource"),
    "azure": ("azure", "AzureSource"),
    "google": ("google", "GoogleSource"),
    "aws": ("aws", "AWSSource"),
}


def source_of(source: TokenSource, provider: str, settings: TransportSettings) -> CredentialSource:
    """What fetches the credential that a source names.

    Args:
        source: Which way, and what it must know.
        provider: Named in errors.
        settings: How connections are made, where it takes one of ours.
    """
    module, name = _MODULES[source.kind]
    make = cast(
        "Callable[[TokenSource, str, TransportSettings], CredentialSource]",
        getattr(import_module(f"aiocompl.runtime.credentials.{module}"), name),
    )
    return make(source, provider, settings)


class CallableSource:
    """A caller's function: an async one is awaited, a plain one called in a thread, for it may block.

    It is asked for each attempt and knows itself how long what it gives is good.

    Args:
        source: Has the function.
        provider: Named in errors.
        settings: Not needed.
    """

    def __init__(self, source: TokenSource, provider: str, settings: TransportSettings) -> None:
        assert source.provider is not None  # noqa: S101 - so is this kind
        self._function: KeyProvider = source.provider
        self._name = dict(source.settings).get("name", "api_key")
        self._provider = provider
        self._thread = OneThread(self._function)

    async def fetch(self) -> Credential:
        """Ask the function; see `CredentialSource`."""
        try:
            found: Any = self._function() if _is_async(self._function) else await self._thread.call()
            if inspect.isawaitable(found):
                found = await found
        except Exception as error:
            raise AuthenticationError(
                f"the function given as {self._name} failed: {type(error).__name__}", provider=self._provider
            ) from error
        if not isinstance(found, str) or not found:
            what = "nothing" if found == "" else type(found).__name__
            raise AuthenticationError(
                f"the function given as {self._name} must return text, not {what}", provider=self._provider
            )
        return Credential(secret=found, lifetime=0)

    async def aclose(self) -> None:
        """Wait for the function, if it runs in a thread."""
        await self._thread.aclose()


def _is_async(function: KeyProvider) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - asked for what it is, not whether it is there
    )
