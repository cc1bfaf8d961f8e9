"""Entra tokens by azure-identity's `DefaultAzureCredential`: service principals, federated and managed identities, `az login`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from aiocompl._compat import override
from aiocompl.runtime.credentials.libraries import LibrarySource
from aiocompl.types.endpoint import Credential

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential


class AzureSource(LibrarySource):
    """Asks azure-identity. See `LibrarySource`."""

    extra: ClassVar[str] = "azure"
    library: ClassVar[str] = "azure-identity"
    _credential: DefaultAzureCredential | None = None

    @override
    async def aclose(self) -> None:
        await super().aclose()
        credential, self._credential = self._credential, None
        if credential is not None:
            await asyncio.to_thread(credential.close)

    @override
    def _found(self) -> Credential:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - an extra
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - an extra

        try:
            if self._credential is None:
                self._credential = DefaultAzureCredential()
            token = self._credential.get_token(self._known["scope"])
        except (AzureError, ValueError) as error:
            raise self._failed(error) from error
        now = time.time()  # noqa: TID251 - it says when the token ends, on the wall clock
        return Credential(secret=token.token, lifetime=max(token.expires_on - now, 0.0))
