"""One endpoint's credential: fetched once for all who wait, kept while it is good, renewed before it ends.

Between `_AHEAD` of its end and the end itself callers go on with the credential there is, while a new one is fetched
behind them: they wait only where there is none. Nothing is fetched unless a call wants it.
"""

from __future__ import annotations

import asyncio
import copy
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from aiocompl import telemetry
from aiocompl.codecs.base import Signer
from aiocompl.errors import AiocomplError, APITimeoutError, AuthenticationError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import Operation, Rebind, Sign
    from aiocompl.types.endpoint import Credential, Endpoint

FETCH_TIMEOUT: Final = 60.0
"""Seconds that one fetch may take; a call's own deadline bounds its wait besides."""

PAUSE: Final = 10.0
"""Seconds between a renewal that failed and the next, as long as the old credential is good."""

_AHEAD: Final = 300.0
_SPARE: Final = 30.0  # the clocks differ, and the request is still to travel
_MAX_CODECS: Final = 1024


class CredentialSource(Protocol):
    """Fetches a credential. One fetch runs at a time."""

    async def fetch(self) -> Credential:
        """Fetch a new one.

        Cancelled: nothing of ours goes on, but for a function that blocks a thread; `aclose` waits for that.

        Raises:
            AiocomplError: There is none; the message says what to do.
        """
        ...

    async def aclose(self) -> None:
        """Leave nothing open and nothing running."""
        ...


_REFUSALS: Final[Mapping[str, tuple[type[AiocomplError], ...]]] = {
    "databricks": (AuthenticationError, PermissionDeniedError),  # whose 403 may mean a bad token
}
"""By the kind of the source, how a provider says that it does not take a token, where that is not by a 401 alone."""


@attrs.define(eq=False)
class _Held:
    """A credential, and the codecs that have been bound with it. Times are `loop.time()`."""

    endpoint: Endpoint
    renew_at: float
    expires_at: float
    codecs: dict[Rebind, Operation[Any, Any]] = attrs.field(factory=dict)

    def codec(self, rebind: Rebind) -> Operation[Any, Any]:
        codec = self.codecs.get(rebind)
        if codec is None:
            if len(self.codecs) >= _MAX_CODECS:
                self.codecs.clear()
            codec = self.codecs[rebind] = rebind(self.endpoint)
        return codec


@attrs.define(eq=False)
class Equipped:
    """What one attempt goes out with."""

    codec: Operation[Any, Any]
    """Has the credential."""
    sign: Sign | None
    held: _Held
    was_held: bool
    """The credential was there already, rather than fetched for this attempt."""


class CredentialKeeper:
    """Keeps the credential of one endpoint. Belongs to the loop that runs when it is made; whoever makes it closes it.

    Args:
        endpoint: Whose credential it is.
        source: Where it comes from; closed with the keeper.
    """

    def __init__(self, endpoint: Endpoint, source: CredentialSource) -> None:
        self._endpoint = endpoint
        self._source = source
        kind = endpoint.source.kind if endpoint.source is not None else ""
        self._refusals = _REFUSALS.get(kind, (AuthenticationError,))
        self._loop = asyncio.get_running_loop()
        self._held: _Held | None = None
        self._fetch: asyncio.Task[Credential] | None = None
        self._waiting: set[asyncio.Future[_Held]] = set()
        self._tasks: set[asyncio.Task[Credential]] = set()

    async def equip(self, rebind: Rebind) -> Equipped:
        """Give an attempt the codec that has the credential, fetched first where there is none.

        Cancelled: the others who wait go on waiting. Where nobody else does, the fetch is cancelled and awaited.

        Raises:
            AiocomplError: There is no credential. The next attempt asks again.
        """
        held, now = self._held, self._loop.time()
        if held is None or now >= held.expires_at:
            return _equipped(await self._wait(), rebind, was_held=False)
        if now >= held.renew_at and self._fetch is None:
            self._start()  # behind this attempt, which has a credential
        return _equipped(held, rebind, was_held=True)

    def refused(self, equipped: Equipped, error: AiocomplError) -> None:
        """Take note that the provider did not take the credential, if that is what the error says.

        It is dropped. If it had been kept from before, the attempt is worth another one, with a new credential; if it
        was new itself, it is no better than the next would be.
        """
        if not isinstance(error, self._refusals):
            return
        if self._held is equipped.held:
            self._held = None
        error.retryable = error.retryable or equipped.was_held

    async def aclose(self) -> None:
        """Cancel the fetch that runs, if one does, and close the source. Idempotent."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            await self._source.aclose()

    def _start(self) -> None:
        task = self._loop.create_task(self._run(), name=f"aiocompl credential {self._endpoint.base_url}")
        self._fetch = task
        self._tasks.add(task)
        task.add_done_callback(self._settle)

    async def _run(self) -> Credential:
        """One fetch; whatever goes wrong in it, it is one of our errors, and nobody else's exception."""
        provider = self._endpoint.provider
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                return await self._source.fetch()
        except AiocomplError as error:
            error.provider = error.provider or provider
            raise
        except TimeoutError as error:
            raise APITimeoutError(f"no credential within {FETCH_TIMEOUT:g} s", provider=provider) from error
        except Exception as error:
            raise AuthenticationError(
                f"fetching a credential failed: {type(error).__name__}", provider=provider
            ) from error

    async def _wait(self) -> _Held:
        if self._fetch is None:
            self._start()
        task = self._fetch
        turn: asyncio.Future[_Held] = self._loop.create_future()
        self._waiting.add(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            self._waiting.discard(turn)
            if not self._waiting and task is not None and self._fetch is task:
                self._fetch = None
                task.cancel()
                await asyncio.wait([task])
            raise

    def _settle(self, task: asyncio.Task[Credential]) -> None:
        """A fetch is over: keep what it gave, and tell those who wait."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if task is not self._fetch:
            return  # nobody waits for it any more
        self._fetch = None
        waiting, self._waiting = self._waiting, set()
        if task.cancelled() or error is not None:
            self._fail(error, waiting)
            return
        held = self._held = self._hold(task.result())
        for turn in waiting:
            if not turn.done():
                turn.set_result(held)

    def _hold(self, credential: Credential) -> _Held:
        now, lifetime = self._loop.time(), credential.lifetime
        if lifetime is None:
            lifetime = inf
        spare = min(_SPARE, lifetime / 10)
        return _Held(
            self._endpoint.with_credential(credential),
            now + max(lifetime - spare - min(_AHEAD, lifetime / 5), 0.0),
            now + lifetime - spare,
        )

    def _fail(self, error: BaseException | None, waiting: set[asyncio.Future[_Held]]) -> None:
        if not isinstance(error, AiocomplError):
            error = AuthenticationError(
                "fetching a credential was cancelled", provider=self._endpoint.provider
            )
        if self._held is not None:
            self._held.renew_at = self._loop.time() + PAUSE
        if not waiting:
            telemetry.warning(
                "credential.not_renewed",
                error=type(error).__name__,
                provider=self._endpoint.provider,
                endpoint=self._endpoint.base_url,
            )
        for turn in waiting:
            if not turn.done():
                told = copy.copy(error)  # each attempt notes its own model on it
                told.__cause__ = error.__cause__
                turn.set_exception(told)


def _equipped(held: _Held, rebind: Rebind, *, was_held: bool) -> Equipped:
    codec = held.codec(rebind)
    sign = codec.sign if isinstance(codec, Signer) and codec.signs else None
    return Equipped(codec, sign, held, was_held)
