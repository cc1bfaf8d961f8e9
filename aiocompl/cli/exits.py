"""How a command ends: the exit status of each class of error, and the lines that say what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl import errors
from aiocompl.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells count."""

OUTPUT_CLOSED: Final = 141
"""128 + SIGPIPE, as shells count."""

MEANINGS: Final[Mapping[int, str]] = {
    0: "answered",
    1: "something else went wrong",
    2: "wrong use, or a request that the provider refuses",
    3: "no API key, or not accepted",
    4: "no such model or provider",
    5: "rate limit or quota reached",
    6: "timed out",
    7: "no connection, or broken off",
    8: "the provider failed",
    9: "the local model is not usable",
    INTERRUPTED: "interrupted (Ctrl-C)",
    OUTPUT_CLOSED: "the reader of the output has gone",
}
"""What each exit status says."""

_STATUSES: Final[Mapping[type[errors.AiocomplError], int]] = {
    errors.AiocomplError: 1,
    errors.MissingExtraError: 2,
    errors.BatchFileError: 2,
    errors.BatchOutputError: 1,
    errors.BadRequestError: 2,
    errors.UnprocessableEntityError: 2,
    errors.AuthenticationError: 3,
    errors.PermissionDeniedError: 3,
    errors.NotFoundError: 4,
    errors.RateLimitError: 5,
    errors.APITimeoutError: 6,
    errors.APIConnectionError: 7,
    errors.APIError: 8,
    errors.LocalModelError: 9,
}
"""A class stands for those below it that are not here themselves."""

_HINTS: Final[Mapping[type[errors.AiocomplError], str]] = {
    errors.UnsupportedParamsError: "leave that option out: this provider has no such setting",
    errors.ContextWindowExceededError: "shorten the prompt, or use a model with a longer context window",
    errors.AuthenticationError: "`aiocompl providers` shows the variable of each provider's key, and whether it is set",
    errors.PermissionDeniedError: "the key is good, but its account may not use this model: see the provider's console",
    errors.NotFoundError: "a model is named PROVIDER/MODEL; for a server of your own add --api-base URL",
    errors.RateLimitError: "try again later, or let it try more often with --retries N",
    errors.APITimeoutError: "give it more time with --timeout SECONDS",
    errors.APIConnectionError: "is the network up, and is the server running at that address?",
    errors.IncompleteStreamError: "the answer is not whole: ask again",
    errors.APIResponseValidationError: (
        "does that address speak OpenAI's API? A base URL mostly ends in /v1; --verbose shows which one was asked"
    ),
    errors.InternalServerError: "the trouble is at the provider: try again later, or try another model",
}


class CommandError(Exception):
    """The command cannot do what it was asked to.

    Attributes:
        message: What is wrong, in one line.
        hint: What to do about it, in one line, or None.
        status: The exit status.
    """

    def __init__(self, message: str, hint: str | None = None, *, status: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status


def exit_status(error: errors.AiocomplError) -> int:
    """The exit status that stands for an error; total over the tree. Of several causes: theirs, where they agree."""
    if isinstance(error, errors.ModelsFailedError):
        statuses = {exit_status(cause) for cause in _causes(error)}
        return statuses.pop() if len(statuses) == 1 else 1
    return next(_STATUSES[cls] for cls in type(error).__mro__ if cls in _STATUSES)


def hint_for(error: errors.AiocomplError) -> str | None:
    """What to do about an error at the command line, where its own message does not say."""
    if isinstance(error, errors.RateLimitError) and not error.retryable:
        return "asking again does not help: see plan and billing in the provider's console"
    return next((_HINTS[cls] for cls in type(error).__mro__ if cls in _HINTS), None)


def report(error: errors.AiocomplError | CommandError) -> int:
    """Say on standard error what went wrong and what to do, a line each, and return the exit status."""
    if isinstance(error, CommandError):
        text, hint, status = error.message, error.hint, error.status
    else:
        text, hint, status = str(error), hint_for(error), exit_status(error)
    if isinstance(error, errors.ModelsFailedError):
        say("error", error.message, style="bold red")
        for cause in _causes(error):
            say("cause", one_line(cause), style="red")
        return status
    say("error", text, style="bold red")
    if hint is not None:
        say("hint", hint, style="bold cyan")
    return status


def one_line(error: errors.AiocomplError) -> str:
    """What went wrong, and what to do about it, where several such lines stand below each other."""
    hint = hint_for(error)
    return str(error) if hint is None else f"{error} ({hint})"


def error_json(error: Exception | None) -> dict[str, str] | None:
    """An error as JSON values."""
    return None if error is None else {"type": type(error).__name__, "message": str(error)}


def _causes(error: errors.ModelsFailedError) -> list[errors.AiocomplError]:
    return [cause for cause in error.exceptions if isinstance(cause, errors.AiocomplError)]
