"""Anthropic's message batches as a server speaks them.

Source: https://platform.claude.com/docs/en/api/creating-message-batches and the types of the official Python SDK 2.12
(2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.testing.asked import Asked, Problem, ProblemError
from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.batches import BatchAsked, Made, Running
from aiocompl.testing.dialects.operations import page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.testing.asked import Received

_PATH: Final = re.compile(r"(.*/v1/messages)/batches(?:/([^/]+))?(?:/(results|cancel))?")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CREATED: Final = "2026-01-01T00:00:00Z"
_EXPIRES: Final = "2026-01-02T00:00:00Z"
_MAX_REQUESTS: Final = 100_000
_OUTCOMES: Final = ("processing", "succeeded", "errored", "canceled", "expired")


class AnthropicBatchDesk:
    """The batches of one simulated provider.

    Args:
        read: Understands the request of a message.
    """

    def __init__(self, read: Callable[[Received], Asked]) -> None:
        self._read = read
        self._batches: dict[str, Running] = {}

    def answer(self, received: Received) -> Delivery | BatchAsked | None:
        """The answer to a request for batches; None for others."""
        match = _PATH.fullmatch(received.path)
        if match is None:
            return None
        messages, name, more = match.groups()
        if name is None:
            if received.method == "GET":
                return self._list(received)
            parts.need_method("POST", received)
            return self._create(received, messages)
        parts.need_method("POST" if more == "cancel" else "GET", received)
        if (running := self._batches.get(name)) is None:
            raise parts.refused(f"Batch not found: {name}", status=404, kind="not_found")
        if more == "results":
            return self._results(running, received.now)
        if more == "cancel":
            if running.over(received.now):
                raise parts.refused("Batch has already ended.")
            running.cancelled = received.now
            return Delivery.json({**_object(running, received), **_cancelling(running)})
        return Delivery.json(_object(running, received))

    def _list(self, received: Received) -> Delivery:
        names = list(reversed(self._batches))
        shown, following = page(received, names, size="limit", start="after_id")
        rows = [_object(self._batches[name], received) for name in shown]
        ends = {"first_id": shown[0], "last_id": shown[-1]} if shown else {"first_id": None, "last_id": None}
        return Delivery.json({"data": rows, "has_more": following is not None, **ends})

    def _create(self, received: Received, messages: str) -> BatchAsked:
        body = parts.parsed(received.body, "The request body is not valid JSON.")
        requests = body.get("requests")
        if not isinstance(requests, list) or not 0 < len(requests) <= _MAX_REQUESTS:
            raise parts.refused(f"requests: must have 1 to {_MAX_REQUESTS} items")
        names = [str(request.get("custom_id")) for request in requests]
        for index, name in enumerate(names):
            if not _NAME.fullmatch(name):
                raise parts.refused(
                    f"requests.{index}.custom_id: String should match pattern '{_NAME.pattern}'"
                )
        if len(set(names)) < len(names):
            raise parts.refused("requests: custom_id must be unique within the batch")

        def begin(made: Sequence[Made]) -> Delivery:
            running = Running(
                id=f"msgbatch_sim{received.number:08d}", names=names, made=made, begun=received.now
            )
            self._batches[running.id] = running
            counts = {**dict.fromkeys(_OUTCOMES, 0), "processing": len(names)}
            fresh = {"processing_status": "in_progress", "request_counts": counts, "results_url": None}
            return Delivery.json({**_object(running, received), **fresh, "ended_at": None})

        asked = [self._question(received, messages, request["params"]) for request in requests]
        return BatchAsked(requests=asked, begin=begin)

    def _question(self, received: Received, messages: str, params: Any) -> Asked | Problem:
        try:
            return self._read(attrs.evolve(received, path=messages, body=orjson.dumps(params)))
        except ProblemError as error:
            return error.problem

    def _results(self, running: Running, now: float) -> Delivery:
        if not running.over(now):
            raise parts.refused("Batch has no available results.", status=404, kind="not_found")
        lines = [
            orjson.dumps(
                {"custom_id": running.names[index], "result": _result(running, index, now)},
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for index in running.indices
        ]
        return Delivery.whole(b"".join(lines), headers={"content-type": "application/x-jsonl"})


def _result(running: Running, index: int, now: float) -> dict[str, Any]:
    made, outcome = running.made[index], running.outcome(index, now)
    if outcome == "succeeded":
        return {"type": outcome, "message": orjson.loads(made.body)}
    if outcome == "errored":
        timeout = {"type": "timeout_error", "message": "Request timed out."}
        plain = {"type": "error", "error": timeout, "request_id": None}
        return {"type": outcome, "error": orjson.loads(made.body) if made.status else plain}
    return {"type": outcome}


def _object(running: Running, received: Received) -> dict[str, Any]:
    now = received.now
    over = running.over(now)
    counts = dict.fromkeys(_OUTCOMES, 0)
    if over:
        counts = {outcome: running.count(outcome, now) for outcome in _OUTCOMES}
    else:
        counts["processing"] = len(running.names)
    host = received.headers.get("host", "api.anthropic.com")
    return {
        "id": running.id,
        "type": "message_batch",
        "processing_status": "ended" if over else "in_progress",
        "request_counts": counts,
        "ended_at": _CREATED if over else None,
        "created_at": _CREATED,
        "expires_at": _EXPIRES,
        "archived_at": None,
        "cancel_initiated_at": None if running.cancelled is None else _CREATED,
        "results_url": f"http://{host}/v1/messages/batches/{running.id}/results" if over else None,
    }


def _cancelling(running: Running) -> dict[str, Any]:
    counts = {**dict.fromkeys(_OUTCOMES, 0), "processing": len(running.names)}
    return {
        "processing_status": "canceling",
        "request_counts": counts,
        "ended_at": None,
        "results_url": None,
    }
