"""Replicate's predictions, as a server speaks them: created, asked after, followed, cancelled.

A prediction takes as long as the script says that its answer does, from the moment of its creation. Like every delivery
it is decided beforehand: to cancel it stops neither the creation that waits for it nor a stream that is being read,
but from then on it is ``canceled`` for whoever asks.

Source: https://replicate.com/docs/reference/http, https://replicate.com/docs/reference/streaming and the official
Python SDK 1.0 (2026-11).
"""

from __future__ import annotations

import re
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer

_FAILED: Final = 200  # the status of what is no HTTP error: the prediction failed
_STATUSES: Final[Mapping[ProblemKind, int]] = MappingProxyType(
    {"context_length": _FAILED, "content_policy": _FAILED, "quota": 402}
)
_WORDING: Final[dict[ProblemKind, str]] = {
    "invalid_request": "Input validation failed",
    "authentication": "You did not pass a valid authentication token",
    "permission": "You do not have permission to perform this action.",
    "not_found": "The requested resource could not be found.",
    "method_not_allowed": "Method not allowed.",
    "timeout": "The request timed out.",
    "conflict": "The request conflicts with another.",
    "rate_limit": "Request was throttled. Expected available in 1 second.",
    "quota": "You have insufficient credit to run this model.",
    "context_length": "The input is too long for the context length of this model.",
    "content_policy": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    "server_error": "Director: unexpected error handling prediction (E6716)",
    "overloaded": "The service is temporarily unavailable.",
}
_TITLES: Final[dict[int, str]] = {
    400: "Bad request",
    401: "Unauthenticated",
    402: "Insufficient credit",
    403: "Forbidden",
    404: "Not found",
    422: "Input validation failed",
    429: "Too many requests",
}
_CREATED: Final = "2026-01-01T00:00:00.000001Z"
_WAIT: Final = re.compile(r"wait(?:=(\d+))?").fullmatch
_LONGEST_WAIT: Final = 60.0
_PREDICTION: Final = re.compile(r"/v1/predictions/([^/]+)(/cancel)?").fullmatch
_STREAM: Final = re.compile(r"/v1/streams/([^/]+)").fullmatch
_NAMED: Final = re.compile(r"/v1/(?:models/|(?=deployments/))([^/]+/[^/]+(?:/[^/]+)?)/predictions").fullmatch
_BOUNDS: Final = ("max_tokens", "max_new_tokens", "max_completion_tokens", "max_output_tokens")


@attrs.frozen(kw_only=True)
class Prediction:
    """A prediction as it stands at an instant. Times are `loop.time()`, in seconds."""

    id: str
    model: str
    """As the request names it: ``owner/name``, ``deployments/owner/name``, or a version."""

    status: str
    """``"starting"``, ``"processing"``, ``"succeeded"``, ``"failed"`` or ``"canceled"``."""

    created: float
    canceled: float | None = None
    """When it was cancelled, or None where it was not."""


@attrs.define(eq=False, kw_only=True)
class _Job:
    """What is kept of a prediction."""

    id: str
    asked: Asked
    whole: Delivery
    stream: Delivery
    created: float
    canceled: float | None = None
    polled: bool = False

    @property
    def ends(self) -> float:
        """When it is over, unless it is cancelled."""
        return inf if self.whole.ending == "silence" else self.created + self.whole.delay

    def status(self, now: float) -> str:
        if self.canceled is not None:
            return "canceled"
        if now < self.ends:
            return "processing" if self.polled else "starting"
        return "failed" if b'"status":"failed"' in self.whole.body() else "succeeded"


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> ReplicateDialect:
    """Make the dialect; see `make_dialect`."""
    return ReplicateDialect(api_key=api_key, models=models)


class ReplicateDialect:
    """Predictions of models, versions and deployments. See `Dialect` and `JobDialect`.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models, versions and deployments there are; None takes any name.
    """

    base_path = "/v1"
    stream_type = "text/event-stream"
    end_event = b"event: done\ndata: {}\n\n"
    statuses = _STATUSES

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None
        self._jobs: dict[str, _Job] = {}
        self._origin = ""  # where we are asked
        self._latest: Asked | None = None  # what is being answered

    def predictions(self, now: float) -> tuple[Prediction, ...]:
        """All predictions as they stand, in the order of their creation."""
        return tuple(
            Prediction(
                id=job.id,
                model=job.asked.model,
                status=job.status(now),
                created=job.created,
                canceled=job.canceled,
            )
            for job in self._jobs.values()
        )

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        if self._api_key is not None and parts.bearer(received.headers) != self._api_key:
            raise parts.refused(status=401, kind="authentication")
        path, self._origin = received.path, received.origin
        if (found := _STREAM(path)) is not None:
            parts.need_method("GET", received)
            return self._followed(self._job(found[1]))
        if (found := _PREDICTION(path)) is not None:
            job = self._job(found[1])
            parts.need_method("POST" if found[2] else "GET", received)
            return self._cancel(job, received.now) if found[2] else self._poll(job, received.now)
        parts.need_method("POST", received)
        named = _NAMED(path)
        if named is None and path != "/v1/predictions":
            raise parts.refused(status=404, kind="not_found")
        self._latest = self._asked(received, named[1] if named else None)
        return self._latest

    def begin(self, asked: Asked, received: Received, whole: Delivery, stream: Delivery) -> Delivery:
        """Create the prediction and answer the request that did it; see `JobDialect`."""
        if not whole.opened or whole.status >= 400:  # noqa: PLR2004 - HTTP's error statuses
            return whole
        job = _Job(id=_id(asked), asked=asked, whole=whole, stream=stream, created=received.now)
        self._jobs[job.id] = job
        wait = _waits(received.headers.get("prefer", ""))
        if wait is not None and job.ends <= job.created + wait:
            return attrs.evolve(job.whole, status=201)
        started = Delivery.json(self._heading(job.asked, "starting"), status=201, delay=wait or 0.0)
        return attrs.evolve(started, headers={**whole.headers, **started.headers})

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"ratelimit-remaining": "599", "ratelimit-reset": "1"}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """The prediction at its end; see `Dialect`. There are no choices here: the first is sent."""
        count = parts.counts(asked, answers)
        made = {
            **self._heading(asked, "succeeded"),
            "output": answers[0].cut(parts.spoken(answers[0])),
            "started_at": _CREATED,
            "completed_at": _CREATED,
            "metrics": {
                "predict_time": 0.5,
                "total_time": 0.6,
                "input_token_count": count.prompt,
                "output_token_count": count.completion,
            },
        }
        return orjson.dumps(made)

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        tokens = answers[0].cut(parts.spoken(answers[0]))
        return [*(Event(self.frame(token.encode()), token=True) for token in tokens), Event(self.end_event)]

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error, or a prediction that failed; see `Dialect`."""
        text = problem.message or _WORDING[problem.kind]
        if problem.status == _FAILED and self._latest is not None:
            return orjson.dumps({**self._heading(self._latest, "failed"), "error": text})
        title = _TITLES.get(problem.status, "Internal server error")
        return orjson.dumps({"title": title, "detail": text, "status": problem.status})

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """Errors are labelled as such; see `Dialect`."""
        return {} if problem.status == _FAILED else {"content-type": "application/problem+json"}

    def error_event(self, problem: Problem) -> bytes:
        """The event of a failure; see `Dialect`."""
        text = problem.message or _WORDING[problem.kind]
        return b"event: error\ndata: " + orjson.dumps({"detail": text}) + b"\n\n"

    def frame(self, data: bytes) -> bytes:
        """Text as an event, as it stands; see `Dialect`."""
        lines = re.split(rb"\r\n|\r|\n", data)
        return b"event: output\n" + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame ends the stream; see `Dialect`."""
        return frame.startswith(b"event: done\n")

    def _asked(self, received: Received, named: str | None) -> Asked:
        body = parts.parsed(received.body, "The request body is not valid JSON.")
        model = named or body.get("version")
        if not model:
            raise parts.refused("version is required", status=422, param="version")
        if self._models is not None and model not in self._models:
            if named:
                raise parts.refused(status=404, kind="not_found")
            raise parts.refused("Invalid version or not permitted", status=422, param="version")
        given = _checked(body.get("input"))
        bounds = (given.get(name) for name in _BOUNDS)
        return Asked(
            number=received.number,
            model=model,
            stream=bool(body.get("stream")),
            text=given["prompt"],
            prompt_tokens=parts.prompt_tokens(received),
            body=body,
            headers=received.headers,
            stop=tuple(filter(None, given.get("stop_sequences", "").split(","))),
            max_tokens=next((bound for bound in bounds if bound is not None), None),
        )

    def _job(self, name: str) -> _Job:
        job = self._jobs.get(name)
        if job is None:
            raise parts.refused(status=404, kind="not_found")
        return job

    def _heading(self, asked: Asked, status: str) -> dict[str, Any]:
        """What every prediction has."""
        version, name = asked.body.get("version"), _id(asked)
        own = f"{self._origin}/v1/predictions/{name}"
        return {
            "id": name,
            "model": "owner/name" if version else asked.model,
            "version": version or "hidden",
            "input": asked.body["input"],
            "logs": "",
            "output": None,
            "error": None,
            "status": status,
            "created_at": _CREATED,
            "data_removed": False,
            "source": "api",
            "urls": {"get": own, "cancel": f"{own}/cancel", "stream": f"{self._origin}/v1/streams/{name}"},
        }

    def _poll(self, job: _Job, now: float) -> Delivery:
        job.polled = True
        status = job.status(now)
        if status in ("starting", "processing", "canceled"):
            return Delivery.json(self._heading(job.asked, status))
        return attrs.evolve(job.whole, delay=0.0)

    def _cancel(self, job: _Job, now: float) -> Delivery:
        if now < job.ends and job.canceled is None:
            job.canceled = now
        return Delivery.json(self._heading(job.asked, job.status(now)))

    def _followed(self, job: _Job) -> Delivery:
        if job.canceled is None:
            return job.stream
        return Delivery.stream([b'event: done\ndata: {"reason":"canceled"}\n\n'])


def _id(asked: Asked) -> str:
    return f"simulated{asked.number:017d}"


def _waits(prefer: str) -> float | None:
    """How long the creation waits for the end of the prediction, or None where it is not to."""
    found = _WAIT(prefer.strip())
    if found is None:
        return None
    return min(float(found[1] or _LONGEST_WAIT), _LONGEST_WAIT)


def _checked(given: Any) -> dict[str, Any]:
    """The input, looked at as the schema of a language model would."""
    if not isinstance(given, dict):
        raise parts.refused("- input: input is required", status=422, param="input")
    if not isinstance(given.get("prompt"), str):
        raise parts.refused("- input.prompt: prompt is required", status=422, param="input.prompt")
    for name, kind in (("system_prompt", str), ("stop_sequences", str), *((name, int) for name in _BOUNDS)):
        if name in given and not isinstance(given[name], kind):
            text = f"- input.{name}: Invalid type. Expected: {kind.__name__}"
            raise parts.refused(text, status=422, param=f"input.{name}")
    return given
