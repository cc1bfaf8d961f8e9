"""What a request asks for, in no provider's terms, and what may be wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

ProblemKind = Literal[
    "invalid_request",
    "authentication",
    "permission",
    "not_found",
    "method_not_allowed",
    "timeout",
    "conflict",
    "rate_limit",
    "quota",
    "context_length",
    "content_policy",
    "server_error",
    "overloaded",
]

KIND_OF_STATUS: Final[dict[int, ProblemKind]] = {
    401: "authentication",
    403: "permission",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""What a status means where nothing else is said; others are the caller's fault below 500 and ours from there."""


@attrs.frozen(kw_only=True)
class Problem:
    """An error as the simulator means it; a dialect words it."""

    status: int
    """The HTTP status."""

    kind: ProblemKind
    """What went wrong."""

    message: str | None = None
    """The text for people; None for the dialect's own."""

    param: str | None = None
    """The parameter at fault."""

    code: str | None = None
    """The provider's word for it; None for the one that goes with `kind`."""

    retry_after: float | None = None
    """Seconds to wait, for a dialect that says so in the body too."""


class ProblemError(Exception):
    """The dialect refuses the request; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message or problem.kind)
        self.problem = problem


@attrs.frozen(kw_only=True)
class Received:
    """A request as it came."""

    number: int
    """The first is 1."""

    method: str
    path: str
    """Without the query, and decoded."""

    query: str = ""
    """As it came, without the question mark."""

    headers: Mapping[str, str] = attrs.field(repr=False)
    """Names in lower case."""

    body: bytes = attrs.field(repr=False)
    origin: str = "http://simulated.invalid"
    """Scheme, host and port it was sent to."""

    now: float = 0.0
    """When it came, by `loop.time()`; for what takes longer than an answer."""


@attrs.frozen(kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    parameters: Mapping[str, Any]
    """The JSON Schema of its arguments."""


@attrs.frozen(kw_only=True)
class Asked:
    """A request to a model, as a script sees it."""

    number: int
    """The first request is 1."""

    model: str
    stream: bool
    text: str
    """The text of the last user message; empty where there is none."""

    prompt_tokens: int
    """An estimate."""

    body: Mapping[str, Any] = attrs.field(repr=False)
    """The whole request as its dialect has it."""

    headers: Mapping[str, str] = attrs.field(repr=False)
    """Names in lower case."""

    choices: int = 1
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()
    must_call: Tool | None = None
    """The tool that the request insists on."""

    inputs: tuple[str, ...] = ()
    """The texts of a request for embeddings, token numbers written out; empty for every other."""

    dimensions: int | None = None
    """How long their vectors shall be."""

    answer_headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Headers that the answer has in this dialect."""

    schema: Mapping[str, Any] | None = None
    """The JSON Schema that the answer must fit; an empty one where any JSON object will do, None for plain text."""
