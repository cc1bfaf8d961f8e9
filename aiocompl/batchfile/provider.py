"""Batches that the provider works off by itself, at its lower price: begun, watched, collected, across restarts.

The input is cut into batches no larger than the provider takes. What is known of them stands in a `BatchState` on the
disk before and after every step that cannot be taken back, so that a run can be killed anywhere and the next goes on:

- Killed before a batch's intent is written: nothing was begun. (A file may lie at the provider that nobody uses.)
- Between intent and id: the next run looks through the provider's list. OpenAI's batches carry our mark, so it is found
  for certain, or was never begun. Anthropic's list shows nothing of ours: a batch that is newer than the newest before
  the intent, and has as many requests, is taken for it and waited for; its results, whose ids hold our mark, tell. Only
  if they are another's, the requests are sent again.
- While the provider works, or in a download: the results are downloaded (again), and those whose lines are in the output
  already are skipped.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from secrets import token_hex
from typing import TYPE_CHECKING, Final, Generic

import attrs

from aiocompl.batchfile.provider_ports import ItemT, Pace, ProviderNews
from aiocompl.batchfile.provider_state import BatchState, Part, request_id
from aiocompl.batchfile.threads import in_thread
from aiocompl.codecs.batches.common import NO_RESULT
from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIStatusError,
    BadRequestError,
    BatchFileError,
    ConflictError,
    InternalServerError,
)
from aiocompl.wire.headers import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiocompl.batchfile.provider_ports import Desk
    from aiocompl.runtime.batch_calls import BatchCalls
    from aiocompl.types.batches import BatchJob, BatchLine
    from aiocompl.types.completion import ChatCompletion

_ATTEMPTS: Final = 6
"""How often a batch is tried to be begun, where the provider is busy or the network is down."""


@attrs.define(eq=False)
class _Pack:
    """Requests that make a batch."""

    mark: str
    lines: list[bytes] = attrs.field(factory=list)
    numbers: list[int] = attrs.field(factory=list)
    size: int = 0

    def add(self, number: int, line: bytes) -> None:
        self.lines.append(line)
        self.numbers.append(number)
        self.size += len(line) + 1


class ProviderBatch(Generic[ItemT]):
    """The work on one output file by a provider's batches.

    Args:
        calls: The provider's batches; see `Supervisor.batch_calls`.
        desk: Where the requests come from and the results go.
        path: Where it is kept what the provider works on; see `state_path`.
        pace: How often to look.
        on_news: Told of every step.
        new_mark: Makes a name that no other batch has: letters and digits, 40 at most.
    """

    def __init__(
        self,
        calls: BatchCalls,
        desk: Desk[ItemT],
        path: Path,
        *,
        pace: Pace | None = None,
        on_news: Callable[[ProviderNews], object] | None = None,
        new_mark: Callable[[], str] = lambda: token_hex(8),
    ) -> None:
        self._calls = calls
        self._operation = calls.operation
        self._desk = desk
        self._pace = pace or Pace()
        self._on_news = on_news
        self._new_mark = new_mark
        provider, base_url, model = calls.endpoint.provider, calls.endpoint.base_url, calls.model
        state = BatchState.load(path)
        if state is None:
            state = BatchState(
                path=path, provider=provider, base_url=base_url, model=model, named=calls.named
            )
        state.check(provider=provider, base_url=base_url, model=model)
        self.state = state
        """What is known of the batches."""

    async def run(self) -> None:
        """Begin what is to be asked, wait for all batches, and write all results, those of earlier runs first.

        Cancelled: the batches go on at the provider; the next run picks them up.

        Raises:
            AiocomplError: The provider refuses; what was begun stays known.
            OSError: The state or the output cannot be written.
        """
        while True:
            await self._settle_intents()
            await self._begin_rest()
            if not self.state.live:
                return
            await self._watch()

    async def cancel(self) -> int:
        """Have the provider cancel all batches that are not over, and return how many those are.

        What is answered by then can still be collected, by `run`.

        Raises:
            AiocomplError: The provider could not be asked.
        """
        await self._settle_intents()
        cancelled = 0
        for part in self.state.live:
            try:
                job = await self._calls.cancel(part.batch)
            except APIStatusError as error:
                if error.retryable and not isinstance(error, ConflictError):
                    raise
                self._report("refused", part, str(error))  # over already, mostly
            else:
                cancelled += 1
                part.word = job.status
                self._report("cancelling", part)
        await self._save()
        return cancelled

    # ------------------------------------------------------------ beginning

    async def _settle_intents(self) -> None:
        """Find out what became of batches that were about to be begun when the last run ended."""
        for part in self.state.live:
            if part.status == "beginning":
                job = await self._find(part)
                if job is None:
                    await self._drop(part)
                else:
                    await self._adopt(part, job, found=True)

    async def _begin_rest(self) -> None:
        """Begin batches of all requests that are to be asked and in none yet."""
        pack = _Pack(self._new_mark())
        async with aclosing(self._desk.pending(1)) as blocks:
            async for block in blocks:
                for item in block:
                    if not self.state.claims(item.line):
                        pack = await self._packed(item, pack)
        if pack.lines:
            await self._begin(pack)
        await self._desk.flush()

    async def _packed(self, item: ItemT, pack: _Pack) -> _Pack:
        """Put a request into a pack: this one, or where that is full the next, this one being begun."""
        try:
            line = self._encoded(item, pack.mark)
        except AiocomplError as error:
            await self._desk.put(item, error)
            return pack
        full = pack.size + len(line) + 1 > self._operation.max_bytes
        if pack.lines and (full or len(pack.lines) == self._operation.max_requests):
            await self._begin(pack)
            pack = _Pack(self._new_mark())
            line = self._encoded(item, pack.mark)
        pack.add(item.line, line)
        return pack

    def _encoded(self, item: ItemT, mark: str) -> bytes:
        named = item.body.get("model")
        if named not in (None, self._calls.named, self._calls.model):
            raise BadRequestError(
                f"the request names another model ({named!r:.80}) than the batch: a provider's batches are of one model",
                provider=self._calls.endpoint.provider,
                model=self._calls.model,
                param="model",
            )
        request = self._calls.chat_request(item.body)
        line = self._operation.encode_line(request_id(mark, item.line, item.digest), request)
        if len(line) >= self._operation.max_bytes:
            raise BadRequestError(
                f"the request has {len(line)} bytes, and a batch takes {self._operation.max_bytes}",
                provider=self._calls.endpoint.provider,
                model=self._calls.model,
            )
        return line

    async def _begin(self, pack: _Pack) -> None:
        part = Part(mark=pack.mark, first=pack.numbers[0], last=pack.numbers[-1], count=len(pack.lines))
        if self._operation.uploads:
            part.file = await self._calls.upload(pack.lines, f"aiocompl-{pack.mark}.jsonl")
        if not self._operation.marks:
            part.after = await self._newest()
        self.state.parts.append(part)
        await self._save()
        lines = () if self._operation.uploads else pack.lines
        wait, attempt = self._pace.first, 1
        while True:
            try:
                job = await self._calls.create(part.mark, file=part.file, lines=lines)
            except AiocomplError as error:
                found = await self._after_failure(part, error, last=attempt == _ATTEMPTS, wait=wait)
                wait, attempt = min(wait * 2, self._pace.longest), attempt + 1
                if found is not None:
                    await self._adopt(part, found, found=True)
                    return
            else:
                await self._adopt(part, job)
                return

    async def _after_failure(
        self, part: Part, error: AiocomplError, *, last: bool, wait: float
    ) -> BatchJob | None:
        """What to do when a batch could not be begun, as far as we know: wait, and look whether it was all the same.

        Raises:
            AiocomplError: `error`; trying again does not help. The intent stays where there may be a batch.
        """
        refused = isinstance(error, APIStatusError) and not isinstance(error, InternalServerError)
        if last or not error.retryable:
            if refused:
                await self._drop(part)
            raise error
        self._report("trouble", part, str(error))
        await asyncio.sleep(max(wait, _asked_to_wait(error)))
        return None if refused else await self._find(part)

    async def _find(self, part: Part) -> BatchJob | None:
        """The batch of an intent, at the provider; see the module for how sure that is."""
        known = {other.batch for other in self.state.parts} | set(part.rejected)
        candidate: BatchJob | None = None
        async with aclosing(self._calls.newest_first()) as jobs:
            async for job in jobs:
                if self._operation.marks:
                    if job.mark == part.mark or (part.file and job.file == part.file):
                        return job
                elif job.id == part.after:
                    break
                elif job.id not in known and job.total == part.count:
                    candidate = job
        return candidate

    async def _newest(self) -> str | None:
        async with aclosing(self._calls.newest_first()) as jobs:
            async for job in jobs:
                return job.id
        return None

    async def _adopt(self, part: Part, job: BatchJob, *, found: bool = False) -> None:
        part.batch, part.status, part.word = job.id, "running", job.status
        part.certain = self._operation.marks or not found
        await self._save()
        self._report("found" if found else "begun", part)

    async def _drop(self, part: Part) -> None:
        self.state.parts.remove(part)
        await self._save()

    # ------------------------------------------------------------ watching

    async def _watch(self) -> None:
        """Look after the batches until all are collected, or one turns out not to be ours."""
        wait = self._pace.first
        while self.state.live:
            progress, asked = False, 0.0
            for part in self.state.live:
                try:
                    job = await self._look(part)
                    asked = max(asked, _asked_to_wait(job))
                    progress |= job.over
                except AiocomplError as error:
                    if not error.retryable:
                        raise
                    self._report("trouble", part, str(error))
                    asked = max(asked, _asked_to_wait(error))
            if any(part.status == "beginning" for part in self.state.live):
                return
            if self.state.live:
                wait = self._pace.first if progress else wait
                await asyncio.sleep(max(wait, asked))
                wait = min(wait * self._pace.growth, self._pace.longest)

    async def _look(self, part: Part) -> BatchJob:
        job = await self._calls.get(part.batch)
        part.word, part.succeeded, part.failed = job.status, job.succeeded, job.failed
        self._report("looked", part)
        if job.over:
            await self._collect(part, job)
        return job

    async def _collect(self, part: Part, job: BatchJob) -> None:
        """Write what a batch that is over has come to, skipping what an earlier run has written."""
        waiting = await self._waiting(part)
        if (waiting or not part.certain) and not await self._download(part, job, waiting):
            part.rejected.append(part.batch)
            part.status, part.batch, part.certain = "beginning", "", True
            await self._save()
            self._report("not_ours", part)
            return
        for item in waiting.values():
            await self._desk.put(item, self._refusal(job))
        await self._desk.flush()
        part.status = "collected"
        await self._save()
        self._report("collected", part)

    async def _waiting(self, part: Part) -> dict[int, ItemT]:
        """The requests of a batch that have no result yet, by their lines."""
        waiting: dict[int, ItemT] = {}
        async with aclosing(self._desk.pending(part.first)) as blocks:
            async for block in blocks:
                waiting |= {item.line: item for item in block if part.first <= item.line <= part.last}
                if block and block[-1].line >= part.last:
                    break
        return waiting

    async def _download(self, part: Part, job: BatchJob, waiting: dict[int, ItemT]) -> bool:
        """Write the results as they come, and take their items out of `waiting`; False where they are another's."""
        for id_ in job.results:
            async with aclosing(self._calls.results(id_)) as results:
                async for lines in results:
                    for line in lines:
                        place = part.line_of(line.custom_id)
                        if place is None and not part.certain:
                            return False
                        part.certain = True
                        item = None if place is None else waiting.get(place[0])
                        if place is not None and item is not None:
                            self._check_same(item, place[1])
                            del waiting[item.line]
                            await self._desk.put(item, self._decoded(item, line))
        return part.certain

    def _decoded(self, item: ItemT, line: BatchLine) -> ChatCompletion | AiocomplError:
        return self._operation.decode_line(line, self._calls.chat_request(item.body))

    def _check_same(self, item: ItemT, digest: str) -> None:
        if not item.digest.startswith(digest):
            raise BatchFileError(
                f"line {item.line} of the input is not what it was when the batch was begun (or the parameters are "
                "not): resume it with the input and the parameters as they were"
            )

    def _refusal(self, job: BatchJob) -> AiocomplError:
        """Why a request has no result of its own."""
        if not job.problems:
            return self._operation.undone(NO_RESULT, self._calls.model)
        problem = job.problems[0]
        where = f" (line {problem.line} of the batch)" if problem.line is not None else ""
        return BadRequestError(
            f"the provider refused the whole batch {job.id}: {problem.message}{where}",
            provider=self._calls.endpoint.provider,
            model=self._calls.model,
            code=problem.code,
        )

    async def _save(self) -> None:
        await in_thread(self.state.save)

    def _report(self, event: str, part: Part, word: str | None = None) -> None:
        if self._on_news is None:
            return
        parts = self.state.parts
        self._on_news(
            ProviderNews(
                event=event,
                batch=part.batch,
                word=part.word if word is None else word,
                batches=len(parts),
                collected=sum(each.status == "collected" for each in parts),
                requests=sum(each.count for each in parts),
                succeeded=sum(each.succeeded for each in parts),
                failed=sum(each.failed for each in parts),
            )
        )


def _asked_to_wait(said: BatchJob | AiocomplError) -> float:
    """Seconds that the provider asks us to wait; 0 where it does not."""
    if isinstance(said, AiocomplError):
        return (said.retry_after if isinstance(said, APIError) else None) or 0.0
    return (retry_after(said.call.headers) if said.call is not None else None) or 0.0
