from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from aiocompl import errors
from aiocompl.cli.exits import MEANINGS, CommandError, exit_status, hint_for, report
from aiocompl.cli.summary import seconds
from aiocompl.cli.terminal import plain

if TYPE_CHECKING:
    from aiocompl.errors import AiocomplError

TREE = sorted(
    {cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, errors.AiocomplError)},
    key=lambda cls: cls.__name__,
)


@pytest.mark.parametrize("cls", TREE)
def test_every_error_has_a_documented_status(cls: type[AiocomplError]) -> None:
    group = issubclass(cls, errors.ModelsFailedError)
    error = cls("what happened", [errors.RateLimitError("why")]) if group else cls("what happened")  # type: ignore[arg-type, call-arg]
    assert exit_status(error) in MEANINGS


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.SupervisorClosedError("x"), 1),
        (errors.ContentPolicyViolationError("x"), 2),
        (errors.MissingExtraError("x"), 2),
        (errors.PermissionDeniedError("x"), 3),
        (errors.NotFoundError("x"), 4),
        (errors.RateLimitError("x"), 5),
        (errors.APITimeoutError("x"), 6),
        (errors.IncompleteStreamError("x"), 7),
        (errors.ServiceUnavailableError("x"), 8),
        (errors.ResponseTooLargeError("x"), 8),
        (errors.LocalModelError("x"), 9),
    ],
)
def test_statuses(error: AiocomplError, status: int) -> None:
    assert exit_status(error) == status


def test_an_exhausted_quota_is_not_asked_again() -> None:
    error = errors.RateLimitError("no money")
    error.retryable = False
    assert "billing" in (hint_for(error) or "")
    assert "--retries" in (hint_for(errors.RateLimitError("too fast")) or "")


def test_an_error_is_a_line_whatever_the_provider_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.UnprocessableEntityError(
        "two\nlines \x1b[31mand [bold]markup[/bold]", provider="p", model="m"
    )
    assert report(error) == 2
    assert capsys.readouterr() == ("", "error: p/m: two lines [31mand [bold]markup[/bold]\n")


def test_a_long_line_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(CommandError("word " * 99 + "end", "do this", status=1)) == 1
    assert capsys.readouterr().err == "error: " + "word " * 99 + "end\nhint: do this\n"


@pytest.mark.parametrize(
    ("value", "text"), [(0.00004, "0.0 ms"), (0.0042, "4.2 ms"), (0.4123, "412 ms"), (1.736, "1.74 s")]
)
def test_durations(value: float, text: str) -> None:
    assert seconds(value) == text


def test_plain_keeps_what_is_text() -> None:
    assert plain("a\tb\nc\x00\x1b\x7f\x9b\rd ü🦆") == "a\tb\ncd ü🦆"
