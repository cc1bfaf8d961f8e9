"""What a call does after an attempt has failed: the same attempt again, another deployment, a fallback, or the error.

The rules, each stated once:

- What is wrong with the request itself (400, 413, 422, a parameter the dialect lacks) is raised: it would be wrong
  anywhere.
- A prompt that is too long for the model, or content that its provider refuses, is never sent to the same model again;
  it goes to a fallback, if there is one for that.
- What is wrong with a deployment (its key, its quota, its breaker, a name it does not know, an answer that makes no
  sense) has the call go elsewhere.
- What is retryable goes to another deployment of the group at once, if there is one that has not failed this call; else
  to the same after a backoff, as long as attempts, deadline and the endpoint's retry budget allow.
- An endpoint that stayed silent is not asked again when there is anywhere else to go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

from aiocompl.errors import (
    APIResponseValidationError,
    APITimeoutError,
    AuthenticationError,
    CircuitOpenError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    EndpointDownError,
    InboxFullError,
    LocalModelError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

if TYPE_CHECKING:
    from random import Random

    from aiocompl.errors import AiocomplError
    from aiocompl.policy.retry import RetryPolicy

_OTHER_MODELS: Final = (ContextWindowExceededError, ContentPolicyViolationError)
_OTHER_DEPLOYMENTS: Final = (
    APIResponseValidationError,
    AuthenticationError,
    CircuitOpenError,
    EndpointDownError,
    InboxFullError,
    LocalModelError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)


@attrs.frozen
class Step:
    """What comes next."""

    kind: Literal["again", "elsewhere", "fall_back", "raise"]
    wait: float = 0.0
    """Seconds before it."""


RAISE: Final = Step("raise")
FALL_BACK: Final = Step("fall_back")
ELSEWHERE: Final = Step("elsewhere")


@attrs.frozen(kw_only=True)
class Situation:
    """Where a call stands when an attempt has failed; instants are on the clock of `deadline`."""

    attempt: int
    """The attempt that failed, counted from 1 within its model group."""
    elsewhere: bool
    """Whether the group has another deployment that could be asked and has not failed this call."""
    fallbacks: bool
    """Whether there is a fallback for this error."""
    now: float
    deadline: float


def next_step(error: AiocomplError, situation: Situation, policy: RetryPolicy, rng: Random) -> Step:
    """Decide what a call does after an attempt has failed. What it says of waiting has yet to be paid by the budget.

    Args:
        error: Why it failed.
        situation: Where the call stands.
        policy: What is retried and when.
        rng: Where the jitter comes from.
    """
    away = FALL_BACK if situation.fallbacks else RAISE
    if isinstance(error, _OTHER_MODELS):
        return away
    if not error.retryable and not isinstance(error, _OTHER_DEPLOYMENTS):
        return RAISE
    in_time = situation.now < situation.deadline
    if situation.elsewhere and in_time and policy.allows(error, situation.attempt):
        return ELSEWHERE
    if not in_time:
        return RAISE
    if situation.fallbacks and is_silent(error):
        return FALL_BACK
    wait = policy.delay(
        error, attempt=situation.attempt, now=situation.now, deadline=situation.deadline, rng=rng
    )
    return away if wait is None else Step("again", wait)


def is_silent(error: AiocomplError) -> bool:
    """Whether nothing at all came from the endpoint in time."""
    return isinstance(error, APITimeoutError) and not error.headers


def blames_deployment(error: AiocomplError) -> bool:
    """Whether the same deployment need not be asked again within this call, however long one waits."""
    return is_silent(error) or (isinstance(error, _OTHER_DEPLOYMENTS) and not error.retryable)
