"""What hooks are told of a call that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aiocompl.telemetry.events import Operation, Outcome
    from aiocompl.types.call import CallInfo
    from aiocompl.types.completion import Usage


@attrs.frozen(kw_only=True)
class CallReport:
    """A call that is over, as `on_success` and `on_failure` get it. Durations are in seconds, the cost in US dollars."""

    call: int
    """The same as in the call's events."""

    operation: Operation
    """What was asked for: ``"chat"``, ``"embeddings"``, ..."""

    outcome: Outcome

    provider: str = ""
    """Who answered; where nobody did, who was asked last."""

    endpoint: str = ""
    """Its base URL, without credentials."""

    model: str
    """The model name as the provider knows it."""

    group: str | None = None
    """The model group that the call asked for, where it is one."""

    stream: bool = False

    attempts: int = 0

    start: datetime
    end: datetime
    elapsed: float

    first_token: float | None = None
    """Of a stream: seconds from the start to the first token."""

    usage: Usage | None = None
    estimated: bool = False
    """`usage` is our estimate: the stream ended before the provider said."""

    cost: float | None = None
    """None where nobody knows."""

    request_id: str | None = None
    """The provider's identifier of the request."""

    response: Any = attrs.field(default=None, repr=False)
    """The answer; of a stream, put together, and only for hooks that want the content."""

    error: BaseException | None = None

    asked: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    """What was asked, under OpenAI's names (``messages``, or ``input``, and ``params``); only for hooks that want it."""

    @property
    def messages(self) -> Any:
        """The messages of a chat, for hooks that want the content; else None."""
        return (self.asked or {}).get("messages")


@attrs.define(eq=False, kw_only=True)
class Ending:
    """How a call came out. Nobody changes it; to be frozen would cost a microsecond."""

    outcome: Outcome
    elapsed: float
    call: CallInfo | None = None
    """Of the answer, where there is one."""
    answer: Any = None
    whole: Callable[[], Any] | None = None
    """Puts together the answer of a stream."""
    error: BaseException | None = None
    usage: Usage | None = None
    estimated: bool = False
    cost: float | None = None

    def spent(self) -> dict[str, Any]:
        """Time, tokens and money, as events have them."""
        usage = self.usage
        return {
            "elapsed": self.elapsed,
            "input_tokens": None if usage is None else usage.prompt_tokens,
            "output_tokens": None if usage is None else usage.completion_tokens,
            "estimated": self.estimated,
            "cost": self.cost,
        }
