"""OpenAI's files and batches as a server speaks them: as much of the files as batches need.

Source: https://platform.openai.com/docs/api-reference/batch and .../files, the types of the official Python SDK 3.54, and
recorded traffic (2026-11).
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
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.testing.asked import Received

_CREATED: Final = 1_767_225_600
_PATH: Final = re.compile(r".*?/(files|batches)(?:/([^/]+))?(?:/(content|cancel))?")
_DISPOSITION: Final = re.compile(rb'name="([^"]*)"(?:; filename="([^"]*)")?')
_ENDPOINTS: Final = ("/v1/chat/completions", "/chat/completions")
_MAX_REQUESTS: Final = 50_000
_UNDONE: Final = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "canceled": ("batch_cancelled", "This request was not executed because the batch was cancelled."),
    "errored": ("request_timeout", "The request timed out."),
}


@attrs.define(eq=False, kw_only=True)
class _Batch:
    """A batch, as it was created."""

    asked: Mapping[str, Any]
    errors: Sequence[Mapping[str, Any]]
    running: Running


class OpenAIBatchDesk:
    """The files and batches of one simulated provider.

    Args:
        read: Understands a chat request of a batch.
    """

    def __init__(self, read: Callable[[Received], Asked]) -> None:
        self._read = read
        self._files: dict[str, tuple[str, str, bytes]] = {}
        self._batches: dict[str, _Batch] = {}

    def answer(self, received: Received) -> Delivery | BatchAsked | None:
        """The answer to a request for files or batches; None for others."""
        match = _PATH.fullmatch(received.path)
        if match is None:
            return None
        kind, name, more = match.groups()
        if kind == "files" and more != "cancel":
            return self._file(received, name, content=more == "content")
        if kind == "batches" and more != "content":
            return self._batch(received, name, cancel=more == "cancel")
        return None

    def _file(self, received: Received, name: str | None, *, content: bool) -> Delivery:
        if name is None:
            parts.need_method("POST", received)
            return self._upload(received)
        parts.need_method("GET", received)
        batch = self._batches.get(name.removesuffix("-output").removesuffix("-errors"))
        if batch is not None and content and batch.running.over(received.now):
            lines = _results(batch.running, received.now)[name.endswith("-errors")]
            return Delivery.whole(b"".join(lines), headers={"content-type": "application/jsonl"})
        if name not in self._files:
            raise parts.refused(f"No such File object: {name}", param="id", status=404, kind="not_found")
        if content:
            return Delivery.whole(self._files[name][2], headers={"content-type": "application/jsonl"})
        return Delivery.json(self._file_object(name))

    def _upload(self, received: Received) -> Delivery:
        form = _form(received)
        if form.get("purpose", ("", b""))[1] != b"batch" or "file" not in form:
            raise parts.refused("purpose must be 'batch', and there must be a file", param="purpose")
        filename, data = form["file"]
        name = f"file-sim{received.number:08d}"
        self._files[name] = (filename, "batch", data)
        return Delivery.json(self._file_object(name))

    def _file_object(self, name: str) -> dict[str, Any]:
        filename, purpose, data = self._files[name]
        return {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": _CREATED,
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
            "expires_at": None,
            "status_details": None,
        }

    def _batch(self, received: Received, name: str | None, *, cancel: bool) -> Delivery | BatchAsked:
        if name is None:
            if received.method == "GET":
                return self._list(received)
            parts.need_method("POST", received)
            return self._create(received)
        parts.need_method("POST" if cancel else "GET", received)
        if (batch := self._batches.get(name)) is None:
            raise parts.refused(
                f"No batch found with id '{name}'.", param="batch_id", status=404, kind="not_found"
            )
        if cancel:
            status = self._status(batch, received.now)
            if status != "in_progress":
                raise parts.refused(
                    f"Cannot cancel a batch with status '{status}'.", status=409, kind="conflict"
                )
            batch.running.cancelled = received.now
            return Delivery.json({**self._object(batch, received.now), "status": "cancelling"})
        return Delivery.json(self._object(batch, received.now))

    def _list(self, received: Received) -> Delivery:
        names = list(reversed(self._batches))
        shown, following = page(received, names, size="limit", start="after")
        rows = [self._object(self._batches[name], received.now) for name in shown]
        ends = {"first_id": shown[0], "last_id": shown[-1]} if shown else {"first_id": None, "last_id": None}
        return Delivery.json({"object": "list", "data": rows, "has_more": following is not None, **ends})

    def _create(self, received: Received) -> BatchAsked:
        body = parts.parsed(received.body, "The body is not a valid JSON object.")
        if body.get("completion_window") != "24h":
            raise parts.refused("completion_window must be '24h'", param="completion_window")
        if body.get("endpoint") not in _ENDPOINTS:
            raise parts.refused(f"Invalid endpoint: {body.get('endpoint')}", param="endpoint")
        if body.get("input_file_id") not in self._files:
            raise parts.refused("Invalid input_file_id", param="input_file_id")
        lines = self._files[body["input_file_id"]][2].splitlines()
        requests, errors = _checked(lines, body["endpoint"])
        named = [] if errors else requests

        def begin(made: Sequence[Made]) -> Delivery:
            running = Running(
                id=f"batch_sim{received.number:08d}",
                names=[request["custom_id"] for request in named],
                made=made,
                begun=received.now,
            )
            batch = self._batches[running.id] = _Batch(asked=body, errors=errors, running=running)
            return Delivery.json({**self._object(batch, received.now), **_FRESH})

        return BatchAsked(requests=[self._question(received, request) for request in named], begin=begin)

    def _question(self, received: Received, request: Mapping[str, Any]) -> Asked | Problem:
        try:
            return self._read(attrs.evolve(received, body=orjson.dumps(request["body"])))
        except ProblemError as error:
            return error.problem

    def _status(self, batch: _Batch, now: float) -> str:
        running = batch.running
        if batch.errors:
            return "failed"
        if running.cancelled is not None:
            return "cancelled"
        if not running.over(now):
            return "in_progress"
        return "expired" if running.expired(now) else "completed"

    def _object(self, batch: _Batch, now: float) -> dict[str, Any]:
        running, status = batch.running, self._status(batch, now)
        over = status not in ("failed", "in_progress")
        output, errors = _results(running, now) if over else ((), ())
        moments = dict.fromkeys(
            (
                "in_progress_at",
                "finalizing_at",
                "completed_at",
                "failed_at",
                "expired_at",
                "cancelling_at",
                "cancelled_at",
            )
        )
        succeeded = running.count("succeeded", now)
        return {
            "id": running.id,
            "object": "batch",
            "endpoint": batch.asked["endpoint"],
            "model": None,
            "errors": {"object": "list", "data": batch.errors} if batch.errors else None,
            "input_file_id": batch.asked["input_file_id"],
            "completion_window": "24h",
            "status": status,
            "output_file_id": f"{running.id}-output" if output else None,
            "error_file_id": f"{running.id}-errors" if errors else None,
            "created_at": _CREATED,
            "expires_at": _CREATED + 86_400,
            **moments,
            **({f"{status}_at": _CREATED} if f"{status}_at" in moments else {}),
            "request_counts": {
                "total": len(running.names),
                "completed": succeeded,
                "failed": len(errors) if over else running.count("errored", now),
            },
            "metadata": batch.asked.get("metadata"),
        }


_FRESH: Final = {
    "status": "validating",
    "output_file_id": None,
    "error_file_id": None,
    "errors": None,
    "request_counts": {"total": 0, "completed": 0, "failed": 0},
}


def _results(running: Running, now: float) -> tuple[list[bytes], list[bytes]]:
    """The lines of the output and of the errors."""
    output: list[bytes] = []
    errors: list[bytes] = []
    for index in running.indices:
        made, outcome = running.made[index], running.outcome(index, now)
        response: dict[str, Any] | None = None
        error: dict[str, Any] | None = None
        if outcome in ("succeeded", "errored") and made.status:
            body = orjson.loads(made.body)
            response = {"status_code": made.status, "request_id": f"req_{index:08d}", "body": body}
        else:
            error = dict(zip(("code", "message"), _UNDONE[outcome], strict=True))
        name = running.names[index]
        line = {"id": f"batch_req_{index:08d}", "custom_id": name, "response": response, "error": error}
        kept = output if outcome == "succeeded" else errors
        kept.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    return output, errors


def _checked(lines: Sequence[bytes], endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests of a file, and what is wrong with it."""
    requests: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    models: set[str] = set()

    def wrong(code: str, message: str, line: int | None = None, param: str | None = None) -> None:
        errors.append({"code": code, "message": message, "param": param, "line": line})

    for number, raw in enumerate(lines, 1):
        try:
            request = orjson.loads(raw)
            name, body = request["custom_id"], request["body"]
        except (ValueError, TypeError, KeyError):
            wrong("invalid_json_line", "This line is not parseable as valid JSON.", number)
            continue
        if name in seen:
            wrong("duplicate_custom_id", f"The custom_id '{name}' was used already.", number, "custom_id")
        if request.get("url") != endpoint or request.get("method") != "POST":
            wrong(
                "mismatched_url",
                "The URL provided for this request does not match the batch endpoint.",
                number,
            )
        seen.add(name)
        models.add(str(body.get("model")))
        requests.append(request)
    if not lines:
        wrong("empty_file", "The input file is empty.")
    if len(lines) > _MAX_REQUESTS:
        wrong("too_many_requests", f"The input file has more than {_MAX_REQUESTS} requests.")
    if len(models) > 1:
        wrong(
            "mismatched_model",
            "The provided model does not match that of the first request.",
            param="body.model",
        )
    return requests, errors


def _form(received: Received) -> dict[str, tuple[str, bytes]]:
    """The fields of a multipart form: file name and content."""
    kind, _, boundary = received.headers.get("content-type", "").partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        raise parts.refused("the body must be a multipart form")
    fields: dict[str, tuple[str, bytes]] = {}
    for part in received.body.split(b"--" + boundary.strip('"').encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if (match := _DISPOSITION.search(head)) is not None:
            fields[match[1].decode()] = ((match[2] or b"").decode(), content.removesuffix(b"\r\n"))
    return fields
