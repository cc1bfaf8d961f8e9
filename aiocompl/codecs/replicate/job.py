"""A prediction as a job: created, then asked after or followed, and cancelled where nobody wants it any more.

The key goes to the base URL's host, and to Replicate's other hosts where the base is Replicate's. A prediction's URLs
that lead elsewhere are not used: it is asked after and cancelled by its id, and its stream is not opened but its end
waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import orjson

from aiocompl.codecs.base import Done, Follow, Poll
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.headers import retry_after
from aiocompl.wire.messages import HTTPRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import JobStep
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import HTTPResponse, JobRequest

TERMINAL: Final = frozenset({"succeeded", "failed", "canceled", "aborted"})
"""Statuses of a prediction that is over; in any other it runs."""

INTERVALS: Final = (0.1, 0.2, 0.3)
"""Seconds before the first polls."""

INTERVAL: Final = 0.5
"""Seconds before each further one."""

MAX_FAILURES: Final = 6
"""Polls in a row that may fail: to give the prediction up is to pay for it twice."""

FIRST_BACKOFF: Final = 0.5
"""Seconds after the first poll that failed; after each further one twice as long."""

MAX_BACKOFF: Final = 60.0
"""Seconds that a ``Retry-After`` may ask for."""

MAX_FAILURES_LATE: Final = 2
"""The same after the end of the stream, when nothing but the counts of tokens is still to be learnt."""

MAX_LATE: Final = 10
"""Polls after the end of the stream until the prediction says how it ended."""

RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of a poll that failed for now."""

ONCE: Final = frozenset({"prefer", "cancel-after"})
"""Headers that only the request which creates the prediction has."""

DOMAINS: Final = (".replicate.com", ".replicate.net")
"""Replicate's own: API and streams have hosts of their own."""

_OK: Final = range(200, 300)


class PredictionJob:
    """The state of one prediction. See `Job` for the contract.

    Args:
        root: The base URL, up to and with the API's version.
        request: The request that creates it.
    """

    __slots__ = (
        "_body",
        "_ended",
        "_failures",
        "_follows",
        "_frames",
        "_get",
        "_headers",
        "_late",
        "_polls",
        "_root",
        "_running",
        "_stop",
        "_streams",
    )

    def __init__(self, root: str, headers: Mapping[str, str], request: JobRequest) -> None:
        self._root = root
        self._headers = _lasting(headers, request.headers)
        self._streams = request.stream
        self._get = self._stop = ""  # URLs, once there is a prediction
        self._body = b""
        self._running = False
        self._follows = False  # the latest step was to open the stream
        self._ended = False  # the stream has said so
        self._polls = self._failures = self._late = 0
        self._frames = SSEDecoder()

    @property
    def cancel(self) -> HTTPRequest | None:
        """What cancels the prediction while it runs; see `Job`."""
        return HTTPRequest(self._stop, self._headers) if self._running else None

    def take(self, response: HTTPResponse) -> JobStep:
        """Take the answer to the latest request; see `Job`."""
        follows, self._follows = self._follows, False
        prediction = _prediction(response)
        if prediction is None:
            if not self._get and response.status in _OK:
                self._body = response.body
            return self._poll(0.0) if follows else self._again(response)
        self._failures = 0
        self._body = response.body
        self._find(prediction)
        if prediction["status"] in TERMINAL:
            self._running = False
            return Done()
        if self._ended:
            self._late += 1
            return Done() if self._late > MAX_LATE else self._poll(INTERVAL)
        self._running = True
        if self._streams and (url := self._stream_url(prediction)):
            self._streams, self._follows = False, True
            sse = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
            return Follow(HTTPRequest(url, headers_with(self._headers, sse), method="GET"))
        after = INTERVALS[self._polls] if self._polls < len(INTERVALS) else INTERVAL
        self._polls += 1
        return self._poll(after)

    def lose(self) -> JobStep | None:
        """A poll, or the opening of the stream, came to nothing; see `Job`."""
        if self._follows:
            self._follows = False
            return self._poll(0.0)
        return self._poll(self._backoff()) if self._may_fail() else None

    def feed(self, data: bytes) -> JobStep | None:
        """Take a slice of the stream: it is over with ``done``; see `Job`."""
        self._follows = False  # it is open
        if self._ended or not any(name == "done" for name, _ in self._frames.feed(data)):
            return None
        self._ended = True
        self._running = False
        return self._poll(0.0)

    def event(self) -> bytes:
        """The prediction, as an event of the name ``prediction``; see `Job`."""
        lines = self._body.splitlines() or [b""]
        return b"event: prediction\n" + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"

    def _again(self, response: HTTPResponse) -> JobStep:
        """After an answer that is no prediction: ask again where that may help."""
        if not self._get or not (response.status in RETRIED or response.status in _OK):
            return Done()
        if not self._may_fail():
            return Done()
        asked = retry_after(response.headers)
        return self._poll(self._backoff() if asked is None else min(asked, MAX_BACKOFF))

    def _may_fail(self) -> bool:
        """Count a poll that failed; whether there may be another."""
        self._failures += 1
        return self._failures <= (MAX_FAILURES_LATE if self._ended else MAX_FAILURES)

    def _backoff(self) -> float:
        return FIRST_BACKOFF * 2.0 ** (self._failures - 1)

    def _poll(self, after: float) -> Poll:
        return Poll(HTTPRequest(self._get, self._headers, method="GET"), after)

    def _find(self, prediction: JSON) -> None:
        """Where the prediction is asked after and cancelled; its own words go first."""
        if self._get:
            return
        urls, own = (
            prediction.get("urls") or {},
            f"{self._root}/predictions/{quote(prediction['id'], safe='')}",
        )
        self._get = self._trusted(urls.get("get")) or own
        self._stop = self._trusted(urls.get("cancel")) or f"{own}/cancel"

    def _stream_url(self, prediction: JSON) -> str | None:
        return self._trusted((prediction.get("urls") or {}).get("stream"))

    def _trusted(self, url: object) -> str | None:
        """The URL, if the key may go there."""
        if not isinstance(url, str):
            return None
        base = urlsplit(self._root)
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if parts.scheme != base.scheme:
            return None
        ours = _is_replicates(base.hostname) and _is_replicates(parts.hostname)
        return url if parts.netloc == base.netloc or (ours and parts.port is None) else None


def _is_replicates(host: str | None) -> bool:
    return f".{host}".endswith(DOMAINS)


def _lasting(usual: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of all requests about a prediction: the usual ones themselves where there is nothing else."""
    lasting = {name: value for name, value in headers.items() if name.lower() not in ONCE}
    return usual if lasting == usual else lasting


def _prediction(response: HTTPResponse) -> Any:
    """The prediction that a response holds, or None."""
    if response.status not in _OK:
        return None
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or not body["id"]:
        return None
    whole = isinstance(body.get("status"), str) and isinstance(body.get("urls") or {}, dict)
    return body if whole else None
