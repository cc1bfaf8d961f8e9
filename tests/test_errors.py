"""The tree equals its drawing, its attributes are as promised, and every error survives pickling."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl import errors
from aiocompl.error_statuses import STATUS_ERRORS, error_class
from aiocompl.errors import (
    AiocomplError,
    AllModelsFailedError,
    APIError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    InternalServerError,
    MissingExtraError,
    ModelsFailedError,
    RateLimitError,
    Timeout,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRYABLE = {
    "APIConnectionError",
    "APITimeoutError",
    "ActorDiedError",
    "BadGatewayError",
    "ConflictError",
    "IncompleteStreamError",
    "InternalServerError",
    "RateLimitError",
    "ServiceUnavailableError",
    "WaitTooLongError",
}


def classes(root: type[AiocomplError] = AiocomplError) -> Iterator[type[AiocomplError]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


each_class = pytest.mark.parametrize("cls", list(classes()), ids=lambda cls: cls.__name__)


def drawn() -> dict[str, tuple[str, str | None]]:
    """The docstring's drawing: for each class the one above it, and the built-in error it also is."""
    tree: dict[str, tuple[str, str | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.fullmatch(r"    ([│ ├└─]*)(\w+Error)(?: \(also (\w+)\))?", line):
            depth = len(found[1]) // 4
            above = [*above[:depth], found[2]]
            tree[found[2]] = (above[-2] if depth else "Exception", found[3])
    return tree


def test_the_tree_equals_its_drawing() -> None:
    assert {
        cls.__name__: (
            cls.__bases__[0].__name__,
            cls.__bases__[1].__name__ if len(cls.__bases__) > 1 else None,
        )
        for cls in classes()
    } == drawn()


def test_every_class_of_the_module_is_in_the_tree() -> None:
    here = {
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
    }
    assert here == set(classes())


@each_class
def test_class_attributes_spare_isinstance_ladders(cls: type[AiocomplError]) -> None:
    assert cls.retryable is (cls.__name__ in RETRYABLE)
    assert 400 <= cls.http_status < 600
    assert cls.__doc__


def full(cls: type[AiocomplError]) -> AiocomplError:
    if issubclass(cls, ModelsFailedError):
        return cls("no luck", [RateLimitError("slow down", provider="openai")])
    if not issubclass(cls, APIError):
        return cls("no luck", provider="openai", model="gpt-4o")
    return cls(
        "no luck",
        provider="openai",
        model="gpt-4o",
        status_code=418,
        code="teapot",
        type="short_and_stout",
        param="messages[0]",
        request_id="req_1",
        retry_after=1.5,
        body={"error": {"message": "no luck"}},
        headers={"Retry-After": "1.5"},
    )


@each_class
def test_every_error_pickles_with_all_it_knows(cls: type[AiocomplError]) -> None:
    error = full(cls)
    error.retryable = not cls.retryable
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is cls
    assert vars(again) == vars(error)
    assert (str(again), repr(again), repr(again.args)) == (str(error), repr(error), repr(error.args))
    assert again.retryable is not cls.retryable
    assert again.__notes__ == ["a note"]


def test_a_group_of_failures() -> None:
    causes = [RateLimitError("slow down", provider="openai"), BadRequestError("no", model="m")]
    error = AllModelsFailedError("no luck", causes)
    assert str(error) == "no luck (openai: slow down; m: no)"
    assert error.retryable
    assert not AllModelsFailedError("no luck", causes[1:]).retryable
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert [str(cause) for cause in again.exceptions] == ["openai: slow down", "m: no"]
    slow, others = error.split(RateLimitError)
    assert isinstance(slow, AllModelsFailedError)
    assert slow.exceptions == (causes[0],)
    assert isinstance(others, AllModelsFailedError)
    assert not others.retryable


@each_class
def test_an_error_of_a_message_alone(cls: type[AiocomplError]) -> None:
    if issubclass(cls, ModelsFailedError):
        return  # a group is never empty
    error = cls("no luck")
    assert str(error) == error.message == "no luck"
    assert error.args == ("no luck",)
    assert error.provider is error.llm_provider is error.model is None
    if isinstance(error, APIError):
        assert error.status_code == cls.http_status
        assert error.headers == {}
        assert (error.body, error.code, error.retry_after) == (None, None, None)


def test_the_message_names_provider_and_model() -> None:
    assert str(RateLimitError("slow down", provider="openai", model="gpt-4o")) == "openai/gpt-4o: slow down"
    assert str(RateLimitError("slow down", provider="openai")) == "openai: slow down"
    assert RateLimitError("slow down", provider="openai").llm_provider == "openai"


def test_headers_are_looked_up_in_lower_case() -> None:
    assert APIError("no", headers={"Retry-After": "3"}).headers == {"retry-after": "3"}


def test_a_timeout_is_pythons_too() -> None:
    assert Timeout is APITimeoutError
    with pytest.raises(TimeoutError, match="too late"):
        raise APITimeoutError("too late")


def test_a_missing_extra_is_pythons_import_error_too() -> None:
    error = pickle.loads(pickle.dumps(MissingExtraError("pip install x")))  # noqa: S301 - our own
    assert isinstance(error, ImportError)
    assert error.msg == "pip install x"


@pytest.mark.parametrize(("status", "cls"), STATUS_ERRORS.items())
def test_a_status_with_a_class_of_its_own(status: int, cls: type[APIStatusError]) -> None:
    assert error_class(status) is cls


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (408, APITimeoutError),
        (504, APITimeoutError),
        (501, InternalServerError),
        (599, InternalServerError),
        (418, APIStatusError),
        (424, APIStatusError),
        (302, APIStatusError),
    ],
)
def test_the_other_statuses(status: int, cls: type[APIError]) -> None:
    assert error_class(status) is cls


@given(st.integers())
def test_any_status_has_a_class(status: int) -> None:
    cls = error_class(status)
    assert cls("no", status_code=status).status_code == status
