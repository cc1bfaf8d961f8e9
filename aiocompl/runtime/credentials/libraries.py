"""What the clouds' own libraries have in common here: they block, they are extras, and they fail in words of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from aiocompl.errors import APIConnectionError, AuthenticationError, MissingExtraError
from aiocompl.runtime.credentials.threads import OneThread

if TYPE_CHECKING:
    from aiocompl.errors import AiocomplError
    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.types.endpoint import Credential, TokenSource

_MESSAGE = 500


class LibrarySource(ABC):
    """A credential out of a cloud's library, which is imported and called in a thread. See `CredentialSource`.

    Args:
        source: What the library must know; `asked` among its settings is what the caller has set to have it used.
        provider: Named in errors.
        settings: Not looked at: the libraries make their own connections.
    """

    extra: ClassVar[str]
    library: ClassVar[str]

    def __init__(self, source: TokenSource, provider: str, settings: TransportSettings) -> None:
        self._known = dict(source.settings)
        self._otherwise = source.otherwise
        self._provider = provider
        self._thread = OneThread(self._blocking)

    async def fetch(self) -> Credential:
        """Ask the library; see `CredentialSource`."""
        return await self._thread.call()

    async def aclose(self) -> None:
        """Wait for the thread, if it runs."""
        await self._thread.aclose()

    def _blocking(self) -> Credential:
        try:
            return self._found()
        except ImportError as error:
            raise self._absent() from error

    @abstractmethod
    def _found(self) -> Credential:
        """Import the library and ask it."""
        ...

    def _absent(self) -> AiocomplError:
        install = f"pip install 'aiocompl[{self.extra}]'"
        if asked := self._known.get("asked"):
            return MissingExtraError(f"{asked} needs {self.library}: {install}", provider=self._provider)
        return AuthenticationError(
            f"no API key: {self._otherwise}; or have {self.library} find credentials: {install}",
            provider=self._provider,
        )

    def _failed(self, error: Exception | str, *, connection: bool = False) -> AiocomplError:
        """What to say where the library is there and finds nothing, or cannot reach who gives tokens."""
        text = " ".join(str(error).split())[:_MESSAGE]
        if connection:
            return APIConnectionError(f"{self.library} got no credential: {text}", provider=self._provider)
        hint = f"; else {self._otherwise}" if self._otherwise else ""
        return AuthenticationError(
            f"{self.library} found no credential: {text}{hint}", provider=self._provider
        )
