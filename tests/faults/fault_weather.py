"""What goes wrong in the fault suite, by the name that it has in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from aiocompl.testing import Answer, Delivery, Reply, faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.testing.asked import Asked
    from aiocompl.testing.script import Behaviour, Script

Place = Literal["http", "refused", "unknown", "plain", "untrusted", "expired"]
"""What is found at the primary's address:

- http: the simulator.
- refused: nothing listens there.
- unknown: its host name means nothing.
- plain: the simulator, where TLS was expected.
- untrusted: the simulator, with a certificate of an authority that nobody knows.
- expired: the simulator, with a certificate that has expired.
"""

WORDS: Final = ("You", " said:", " good", " or", " bad", " weather?")
TEXT: Final = "".join(WORDS)
TOKENS: Final = 2
"""Tokens that come before a stream breaks; an event without a token comes before them."""


@attrs.frozen(kw_only=True)
class Weather:
    """Something that goes wrong."""

    primary: Script = None
    """What the primary does."""
    backup: Script = None
    place: Place = "http"
    says: str = ""
    """What the primary's error says of it, among other things."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """The call's own options."""
    streamed: Mapping[str, Any] = attrs.field(factory=dict)
    """Those that it has besides where it streams."""
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    """The supervisor's."""
    params: Mapping[str, Any] = attrs.field(factory=dict)
    """The `litellm_params` of the deployments."""
    backup_model: str = "openai/second-model"
    calls: int = 1
    """How many are made, one after another."""
    opens: bool = False
    """Whether a stream has been opened when it goes wrong."""
    only_streams: bool = False
    """Whether it is nothing to a blocking call."""


def _recovered(mode: str, **backup: Any) -> Weather:
    """An answer that is cut, and the backup that goes on with it."""
    return Weather(primary=_CUT, streamed={"stream_recovery": mode}, opens=True, only_streams=True, **backup)


def _goes_on(asked: Asked) -> Behaviour:
    """Say what follows the beginning that was given; it is refused where nobody has told the model's version."""
    last = asked.body["messages"][-1]
    if last["role"] == "user":
        return TEXT
    if asked.model == _UNKNOWN:
        return faults.Status(status=400, message="This model does not support assistant message prefill.")
    return TEXT.removeprefix(last["content"][0]["text"])


_UNKNOWN: Final = "claude-of-tomorrow"
_WAIT: Final = faults.rate_limited(retry_after=2)
_LONG_WAIT: Final = faults.rate_limited(retry_after=60)
_SILENT: Final[Mapping[str, Any]] = {
    "streamed": {"first_token_timeout": 3},
    "params": {"timeout": 3, "stream_timeout": 60},
}
_EMPTY: Final = faults.Cut(after_events=1)
_CUT: Final = faults.Cut(after_events=1 + TOKENS)
_HTML: Final = faults.html_page()
_PORTAL: Final = Delivery.whole(b"<html>Please log in</html>", headers={"content-type": "text/html"})

WEATHERS: Final[Mapping[str, Weather]] = {
    "429 once": Weather(primary=[faults.rate_limited()]),
    "429 for ever": Weather(primary=faults.rate_limited()),
    "429 with `Retry-After: 2` once": Weather(primary=[_WAIT]),
    "429 with `Retry-After: 2` for ever": Weather(primary=_WAIT),
    "429 with `Retry-After: 60`, `timeout=30`": Weather(primary=_LONG_WAIT, options={"timeout": 30}),
    "429, the quota is used up": Weather(primary=faults.quota_exhausted()),
    "500 once": Weather(primary=[faults.server_error()]),
    "503 for ever": Weather(primary=faults.overloaded()),
    "503 for ever, the fallback's too": Weather(primary=faults.overloaded(), backup=faults.overloaded()),
    "reset before the headers, once": Weather(primary=[faults.Reset()]),
    "reset before the headers, for ever": Weather(primary=faults.Reset()),
    "accepted, then silence": Weather(primary=faults.Silence(), **_SILENT),
    "accepted, then silence until the call's deadline": Weather(
        primary=faults.Silence(), options={"timeout": 5}
    ),
    "headers, then silence": Weather(primary=faults.Stall(after_events=0), opens=True, **_SILENT),
    "cut before the first token": Weather(primary=_EMPTY, opens=True),
    "cut before the first token, the fallback's too": Weather(primary=_EMPTY, backup=_EMPTY, opens=True),
    "cut within the answer": Weather(primary=_CUT, opens=True),
    "cut within the answer, `resume`": _recovered("resume"),
    "cut within the answer, `resume` by prefill": _recovered(
        "resume", backup=_goes_on, backup_model="anthropic/claude-sonnet-4-5"
    ),
    "cut within the answer, `resume`, prefill refused": _recovered(
        "resume", backup=_goes_on, backup_model=f"anthropic/{_UNKNOWN}"
    ),
    "cut within the answer, `resume`, the texts differ": _recovered("resume", backup="Something else."),
    "cut within the answer, `restart`": _recovered("restart"),
    "cut within the answer, `buffer`": _recovered("buffer"),
    "ended properly within the answer": Weather(
        primary=faults.Cut(after_events=1 + TOKENS, clean=True), opens=True
    ),
    "stalled within the answer": Weather(
        primary=faults.Stall(after_events=1 + TOKENS),
        streamed={"idle_timeout": 3},
        params={"timeout": 3, "stream_timeout": 60},
        opens=True,
    ),
    "a malformed event, or body": Weather(primary=faults.Malformed(at_event=1 + TOKENS)),
    "an error inside a 200, before the first token": Weather(
        primary=faults.ErrorEvent(at_event=1), opens=True
    ),
    "an error inside a 200, within the answer": Weather(
        primary=faults.ErrorEvent(at_event=1 + TOKENS), opens=True
    ),
    "an end without `[DONE]`": Weather(primary=faults.MissingDone()),
    "context length": Weather(primary=faults.context_length()),
    "context length, `context_window_fallbacks`": Weather(
        primary=faults.context_length(), settings={"context_window_fallbacks": [{"primary": ["backup"]}]}
    ),
    "content filter": Weather(primary=faults.content_policy()),
    "content filter, `content_policy_fallbacks`": Weather(
        primary=faults.content_policy(), settings={"content_policy_fallbacks": [{"primary": ["backup"]}]}
    ),
    "an answer that the content filter ends": Weather(
        primary=Reply(answer=Answer(text=TEXT, finish_reason="content_filter"))
    ),
    "wrong key (401)": Weather(primary=faults.Status(status=401)),
    "no such model (404)": Weather(primary=faults.Status(status=404)),
    "a wrong request (400)": Weather(primary=faults.Status(status=400)),
    "a proxy's HTML page (502) once": Weather(primary=[_HTML]),
    "a proxy's HTML page (502) for ever": Weather(primary=_HTML),
    "an HTML page under 200": Weather(primary=_PORTAL, opens=True),
    "flapping: every other request fails (503)": Weather(primary=[faults.overloaded(), None] * 4, calls=4),
    "connection refused": Weather(place="refused", says="is the server up"),
    "unknown host name": Weather(place="unknown", says="cannot be resolved"),
    "no TLS where it should be": Weather(place="plain", says="no secure connection"),
    "a certificate that nobody vouches for": Weather(place="untrusted", says="unable to get local issuer"),
    "a certificate that has expired": Weather(place="expired", says="certificate has expired"),
}
