from __future__ import annotations

from random import Random
from typing import Any

import pytest

from aiocompl import errors
from aiocompl.errors import AiocomplError, APITimeoutError
from aiocompl.policy.config import RetryCounts
from aiocompl.policy.retry import RetryPolicy
from aiocompl.policy.steps import (
    ELSEWHERE,
    FALL_BACK,
    RAISE,
    Situation,
    blames_deployment,
    is_silent,
    next_step,
)

BACKOFF = (0.0, 0.5)
"""The first one."""


def of(name: str, **fields: Any) -> AiocomplError:
    """An error of this class, as it comes."""
    error: AiocomplError = getattr(errors, name)("it broke")
    for field, value in fields.items():
        setattr(error, field, value)
    return error


def step_after(error: AiocomplError, *, policy: RetryPolicy | None = None, **situation: Any) -> Any:
    usual = {"attempt": 1, "elsewhere": False, "fallbacks": False, "now": 100.0, "deadline": 200.0}
    given = Situation(**{**usual, **situation})
    return next_step(error, given, policy or RetryPolicy(), Random(1))


NEVER = {
    "BadRequestError",
    "UnsupportedParamsError",
    "UnprocessableEntityError",
    "BudgetExceededError",
    "SupervisorClosedError",
    "MissingExtraError",
}
"""Wrong anywhere."""
OTHER_MODEL = {"ContextWindowExceededError", "ContentPolicyViolationError"}
OTHER_PLACE = {
    "APIResponseValidationError",
    "AuthenticationError",
    "CircuitOpenError",
    "EndpointDownError",
    "InboxFullError",
    "LocalModelError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResponseTooLargeError",
}
"""Right elsewhere, wrong here however long one waits."""
AGAIN = {
    "APIConnectionError",
    "ActorDiedError",
    "BadGatewayError",
    "ConflictError",
    "IncompleteStreamError",
    "InternalServerError",
    "RateLimitError",
    "ServiceUnavailableError",
}
"""Right here, too, before long."""

TABLE = [
    # nowhere else, elsewhere, fallbacks, both
    *((name, "raise", "raise", "raise", "raise") for name in NEVER),
    *((name, "raise", "raise", "fall_back", "fall_back") for name in OTHER_MODEL),
    *((name, "raise", "elsewhere", "fall_back", "elsewhere") for name in OTHER_PLACE),
    *((name, "again", "elsewhere", "again", "elsewhere") for name in AGAIN),
    ("APITimeoutError", "again", "elsewhere", "fall_back", "elsewhere"),
]


@pytest.mark.parametrize(("name", "alone", "elsewhere", "fallbacks", "both"), sorted(TABLE))
def test_where_a_call_goes(name: str, alone: str, elsewhere: str, fallbacks: str, both: str) -> None:
    error = of(name)
    steps = [
        step_after(error, elsewhere=has_elsewhere, fallbacks=has_fallbacks)
        for has_fallbacks in (False, True)
        for has_elsewhere in (False, True)
    ]
    assert [step.kind for step in steps] == [alone, elsewhere, fallbacks, both]
    for step in steps:
        low, high = BACKOFF if step.kind == "again" else (0.0, 0.0)
        assert low <= step.wait <= high


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        ({"attempt": 3}, RAISE),
        ({"attempt": 3, "elsewhere": True}, RAISE),
        ({"attempt": 3, "fallbacks": True}, FALL_BACK),
        ({"attempt": 3, "elsewhere": True, "fallbacks": True}, FALL_BACK),
        ({"attempt": 2, "elsewhere": True}, ELSEWHERE),
        ({"now": 200.0}, RAISE),
        ({"now": 200.0, "elsewhere": True, "fallbacks": True}, RAISE),
    ],
)
@pytest.mark.parametrize("name", ["InternalServerError", "RateLimitError"])
def test_no_attempts_or_no_time_are_left(name: str, situation: dict[str, Any], expected: object) -> None:
    assert step_after(of(name), **situation) == expected


def test_a_prompt_that_is_too_long_falls_back_late_too() -> None:
    """It is the next attempt that finds out about the time."""
    assert step_after(of("ContextWindowExceededError"), fallbacks=True, now=200.0) == FALL_BACK


@pytest.mark.parametrize(("retry_after", "kind"), [(30.0, "again"), (99.0, "again"), (100.0, None)])
@pytest.mark.parametrize("fallbacks", [False, True])
def test_what_the_provider_says_of_waiting(retry_after: float, kind: str | None, fallbacks: bool) -> None:
    step = step_after(of("RateLimitError", retry_after=retry_after), fallbacks=fallbacks)
    if kind is None:  # it would be over too late
        assert step == (FALL_BACK if fallbacks else RAISE)
    else:
        assert (step.kind, step.wait) == ("again", retry_after)


def test_nobody_waits_where_there_is_elsewhere() -> None:
    assert step_after(of("RateLimitError", retry_after=30.0), elsewhere=True) == ELSEWHERE


@pytest.mark.parametrize(
    ("elsewhere", "fallbacks", "expected"),
    [(True, True, ELSEWHERE), (False, True, FALL_BACK), (False, False, RAISE)],
)
def test_a_quota_that_is_used_up(elsewhere: bool, fallbacks: bool, expected: object) -> None:
    quota = of("RateLimitError", retryable=False)
    assert step_after(quota, elsewhere=elsewhere, fallbacks=fallbacks) == expected


@pytest.mark.parametrize(
    ("error", "silent"),
    [
        (of("APITimeoutError"), True),
        (of("APITimeoutError", headers={"date": "today"}), False),
        (of("APIConnectionError"), False),
    ],
)
def test_a_silent_endpoint_is_not_asked_again_where_there_is_a_fallback(
    error: AiocomplError, silent: bool
) -> None:
    """A timeout that the provider reports (408, 504) is no silence."""
    assert is_silent(error) is silent
    assert step_after(error, fallbacks=True).kind == ("fall_back" if silent else "again")
    assert step_after(error).kind == "again"


@pytest.mark.parametrize(
    ("counts", "name", "kind"),
    [
        ({"rate_limit": 0}, "RateLimitError", "raise"),
        ({"rate_limit": 0}, "InternalServerError", "again"),
        ({"authentication": 3}, "AuthenticationError", "raise"),
    ],
)
def test_retries_of_single_kinds(counts: dict[str, int], name: str, kind: str) -> None:
    policy = RetryPolicy(counts=RetryCounts(**counts))
    assert step_after(of(name), policy=policy).kind == kind


def test_an_actor_that_died_of_this_very_call_is_not_killed_again() -> None:
    assert step_after(of("ActorDiedError", retryable=False), elsewhere=True, fallbacks=True) == RAISE


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (of("APITimeoutError"), True),
        (of("AuthenticationError"), True),
        (of("APIResponseValidationError"), True),
        (of("RateLimitError", retryable=False), True),
        (of("RateLimitError"), False),
        (APITimeoutError("504", headers={"date": "today"}), False),
        (of("InternalServerError"), False),
        (of("BadRequestError"), False),
    ],
)
def test_who_need_not_be_asked_again_however_long_one_waits(error: AiocomplError, blamed: bool) -> None:
    assert blames_deployment(error) is blamed


def test_the_table_has_every_error_that_an_attempt_may_end_in() -> None:
    not_of_an_attempt = {
        *("AiocomplError", "APIError", "APIStatusError", "ResponseFormatError", "AnswerNotAcceptedError"),
        *("BatchFileError", "BatchOutputError", "ConfigError", "NotNeededError"),
        *("ModelsFailedError", "AllModelsFailedError", "WaitTooLongError"),
    }
    classes = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, AiocomplError) and name == each.__name__
    }
    assert classes - not_of_an_attempt == {row[0] for row in TABLE}
