"""Who keeps a credential: one fetch for all, renewed ahead of its end, never a failure; in virtual time."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from runtime_kit import outcome

from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import CUSTOM
from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    RateLimitError,
)
from aiocompl.runtime.credentials.keeper import FETCH_TIMEOUT, PAUSE, CredentialKeeper, Equipped
from aiocompl.testing import settle
from aiocompl.types.endpoint import Credential, Endpoint, TokenSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

ENDPOINT = Endpoint(provider="test", base_url="http://test.invalid", source=TokenSource(kind="callable"))


@attrs.define(eq=False)
class Source:
    """Gives ``token-1``, ``token-2`` and so on, each after a second; or fails, as `script` says for each fetch."""

    lifetime: float | None = 3600.0
    takes: float = 1.0
    script: Callable[[int], BaseException | None] = lambda _: None
    begun: int = 0
    running: int = 0
    cancelled: int = 0
    closed: bool = False

    async def fetch(self) -> Credential:
        self.begun += 1
        number = self.begun
        self.running += 1
        assert self.running == 1
        try:
            await asyncio.sleep(self.takes)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if (error := self.script(number)) is not None:
            raise error
        return Credential(secret=f"token-{number}", lifetime=self.lifetime)

    async def aclose(self) -> None:
        self.closed = True


def rebind(endpoint: Endpoint) -> Codec:
    return OpenAICodec(CUSTOM, endpoint)


def token(equipped: Equipped) -> str:
    return equipped.codec.headers["Authorization"].removeprefix("Bearer ")


async def fetched(keeper: CredentialKeeper) -> str:
    return token(await keeper.equip(rebind))


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_one_fetch_serves_all_who_wait() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    equipped = await asyncio.gather(*(keeper.equip(rebind) for _ in range(50)))
    assert {token(one) for one in equipped} == {"token-1"}
    assert len({id(one.codec) for one in equipped}) == 1
    assert [one.was_held for one in equipped] == [False] * 50
    assert (source.begun, now()) == (1, 1.0)
    again = await keeper.equip(rebind)
    assert (token(again), again.was_held, again.codec is equipped[0].codec) == ("token-1", True, True)
    assert again.sign is None
    await keeper.aclose()
    assert source.closed


async def test_it_is_renewed_behind_those_who_use_it() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    await fetched(keeper)
    await asyncio.sleep(3600 - 331)  # it has another 331 seconds
    assert (await fetched(keeper), source.begun) == ("token-1", 1)
    await asyncio.sleep(1)
    for _ in range(3):
        assert await fetched(keeper) == "token-1"  # at once, while the next is on its way
    await asyncio.sleep(2)
    assert (await fetched(keeper), source.begun) == ("token-2", 2)
    await keeper.aclose()


async def test_nobody_gets_what_is_about_to_end() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    await fetched(keeper)
    await asyncio.sleep(3600 - 30)
    began = now()
    assert await fetched(keeper) == "token-2"
    assert now() == began + 1
    await keeper.aclose()


@pytest.mark.parametrize(("lifetime", "fetches"), [(0.0, 4), (10.0, 1), (None, 1)])
async def test_how_long_it_is_kept(lifetime: float | None, fetches: int) -> None:
    source = Source(lifetime=lifetime)
    keeper = CredentialKeeper(ENDPOINT, source)
    for _ in range(4):
        await fetched(keeper)
    assert source.begun == fetches
    await asyncio.sleep(1e6 if lifetime is None else 9)
    await fetched(keeper)
    assert source.begun == fetches + (lifetime is not None)
    await keeper.aclose()


async def test_a_failed_renewal_is_no_failure_as_long_as_there_is_time() -> None:
    source = Source(script=lambda number: None if number in (1, 4) else APIConnectionError("no"))
    keeper = CredentialKeeper(ENDPOINT, source)
    await fetched(keeper)
    await asyncio.sleep(3600 - 330)
    for number in (2, 3):
        assert await fetched(keeper) == "token-1"
        await asyncio.sleep(2)
        assert (await fetched(keeper), source.begun) == ("token-1", number)  # none at once after a failure
        await asyncio.sleep(PAUSE)
    await fetched(keeper)
    await asyncio.sleep(2)
    assert await fetched(keeper) == "token-4"
    await keeper.aclose()


async def test_a_failure_is_not_kept() -> None:
    source = Source(script=lambda number: AuthenticationError("no key") if number == 1 else None)
    keeper = CredentialKeeper(ENDPOINT, source)
    results = await asyncio.gather(*(keeper.equip(rebind) for _ in range(3)), return_exceptions=True)
    errors = [error for error in results if isinstance(error, AuthenticationError)]
    assert len({id(error) for error in errors}) == 3  # each its own: an attempt notes its model on it
    assert {error.provider for error in errors} == {"test"}
    assert await fetched(keeper) == "token-2"
    await keeper.aclose()


@pytest.mark.parametrize(
    ("raised", "kind", "retryable"),
    [
        (ValueError("holds sk-secret"), AuthenticationError, False),
        (RateLimitError("slowly", retry_after=3), RateLimitError, True),
        (APIConnectionError("gone"), APIConnectionError, True),
        (asyncio.CancelledError(), AuthenticationError, False),
    ],
)
async def test_whatever_goes_wrong_is_one_of_our_errors(
    raised: BaseException, kind: type[Exception], retryable: bool
) -> None:
    keeper = CredentialKeeper(ENDPOINT, Source(script=lambda _: raised))
    with pytest.raises(kind) as caught:
        await keeper.equip(rebind)
    error: Any = caught.value
    assert error.retryable is retryable
    assert "sk-secret" not in str(error)
    assert b"sk-secret" not in pickle.dumps(error)
    await keeper.aclose()


async def test_a_fetch_does_not_take_for_ever() -> None:
    source = Source(takes=1e6)
    keeper = CredentialKeeper(ENDPOINT, source)
    with pytest.raises(APITimeoutError, match="no credential within 60 s"):
        await keeper.equip(rebind)
    assert (now(), source.cancelled) == (FETCH_TIMEOUT, 1)
    await keeper.aclose()


async def test_one_of_several_goes() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    tasks = [asyncio.create_task(keeper.equip(rebind)) for _ in range(3)]
    await asyncio.sleep(0.5)
    tasks[0].cancel()
    assert isinstance(await outcome(tasks[0]), asyncio.CancelledError)
    assert [token(await task) for task in tasks[1:]] == ["token-1"] * 2
    assert (source.begun, source.cancelled, now()) == (1, 0, 1.0)
    await keeper.aclose()


async def test_all_go() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    before = asyncio.all_tasks()
    tasks = [asyncio.create_task(keeper.equip(rebind)) for _ in range(2)]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    for task in tasks:
        assert isinstance(await outcome(task), asyncio.CancelledError)
    assert (source.begun, source.cancelled, source.running) == (1, 1, 0)
    assert asyncio.all_tasks() == before
    assert (await fetched(keeper), now()) == ("token-2", 1.5)
    await keeper.aclose()


async def test_closing_ends_a_fetch() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    task = asyncio.create_task(keeper.equip(rebind))
    await asyncio.sleep(0.5)
    await keeper.aclose()
    assert isinstance(await outcome(task), AuthenticationError)
    assert (source.cancelled, source.closed) == (1, True)
    await keeper.aclose()


async def test_what_is_refused_is_dropped_and_worth_another_attempt_once() -> None:
    source = Source()
    keeper = CredentialKeeper(ENDPOINT, source)
    await fetched(keeper)
    kept = await keeper.equip(rebind)
    other = await keeper.equip(rebind)
    stale = AuthenticationError("401")
    keeper.refused(kept, stale)
    assert stale.retryable
    fresh = await keeper.equip(rebind)
    assert token(fresh) == "token-2"
    late = AuthenticationError("401")
    keeper.refused(other, late)  # of the first credential, too
    assert late.retryable
    assert await fetched(keeper) == "token-2"
    final = AuthenticationError("401")
    keeper.refused(fresh, final)
    assert not final.retryable
    assert await fetched(keeper) == "token-3"
    await keeper.aclose()


async def test_other_errors_are_none_of_its_business() -> None:
    keeper = CredentialKeeper(ENDPOINT, Source())
    await fetched(keeper)
    kept = await keeper.equip(rebind)
    keeper.refused(kept, RateLimitError("429"))
    assert await fetched(keeper) == "token-1"
    await keeper.aclose()


async def test_codecs_are_not_heaped_up() -> None:
    keeper = CredentialKeeper(ENDPOINT, Source())
    equipped = await keeper.equip(rebind)
    for _ in range(1100):
        equipped = await keeper.equip(lambda endpoint: rebind(endpoint))  # noqa: PLW0108 - a new one each time
    assert len(equipped.held.codecs) < 100
    await settle()
    await keeper.aclose()
