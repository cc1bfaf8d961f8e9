"""The steps of a provider's batches as calls: upload, begin, look, list, cancel, download, over the same actors and rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, cast

from aiocompl.codecs.routing import Route
from aiocompl.errors import BadRequestError
from aiocompl.runtime.call import build_request, sort_keywords
from aiocompl.types.request import BatchCreate, BatchDownload, BatchList, BatchLookup, BatchUpload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from aiocompl.codecs.batches.common import Batches
    from aiocompl.codecs.dialects import Kind
    from aiocompl.runtime.operations import Asking
    from aiocompl.types.batches import BatchFile, BatchJob, BatchLine, BatchPage
    from aiocompl.types.request import ChatRequest, Request

TRANSFER_TIMEOUT: Final = 3600.0
"""Seconds for an upload or a download, where nothing else is said."""


class BatchCalls:
    """The batches of one model's provider.

    Args:
        named: The model as the caller names it.
        asking: Makes a call of options, with a deadline from then on.
        options: The options of every call.
    """

    def __init__(
        self, named: str, asking: Callable[[Mapping[str, Any]], Asking], options: Mapping[str, Any]
    ) -> None:
        self.named = named
        self._asking = asking
        self._options = options
        route = asking(options).route
        self.operation: Batches = route.codec
        """The dialect's side of it."""
        self.endpoint = route.endpoint
        """Where the batches are."""
        self.model = route.model
        """The model's name there."""
        self._route = Route(endpoint=route.endpoint, model=route.model, codec=self.operation.chat)

    def chat_request(self, body: Mapping[str, Any]) -> ChatRequest:
        """A request of a batch, checked as if it were asked for directly.

        Args:
            body: OpenAI's body; its `model` plays no part.

        Raises:
            BadRequestError: Something in it is not as the API takes it, or a name is misspelt.
            UnsupportedParamsError: The provider does not support a parameter.
        """
        others = {name: value for name, value in body.items() if name not in ("messages", "model", "stream")}
        call = sort_keywords(self.model, body.get("messages"), keywords={**self._options, **others})
        try:
            request, _ = build_request(call, self._route)
        except TypeError as error:
            raise BadRequestError(str(error), provider=self.endpoint.provider, model=self.model) from error
        return request

    async def upload(self, lines: Sequence[bytes], name: str) -> str:
        """Upload requests, and return the file's id."""
        request = BatchUpload(model=self.model, lines=lines, name=name)
        answer: BatchFile = await self._ask(request, timeout=TRANSFER_TIMEOUT)
        return answer.id

    async def create(self, mark: str, *, file: str = "", lines: Sequence[bytes] = ()) -> BatchJob:
        """Begin a batch. Asked once only: who asks again may have two."""
        request = BatchCreate(model=self.model, mark=mark, file=file, lines=lines)
        answer: BatchJob = await self._ask(request, timeout=TRANSFER_TIMEOUT, num_retries=0)
        return answer

    async def get(self, id_: str) -> BatchJob:
        """How a batch stands."""
        answer: BatchJob = await self._ask(BatchLookup(model=self.model, id=id_))
        return answer

    async def cancel(self, id_: str) -> BatchJob:
        """Have a batch cancelled; what is answered by then stays."""
        answer: BatchJob = await self._ask(BatchLookup(model=self.model, id=id_, cancel=True))
        return answer

    async def newest_first(self) -> AsyncGenerator[BatchJob, None]:
        """All batches that the provider has, page after page."""
        page: str | None = None
        while True:
            answer: BatchPage = await self._ask(BatchList(model=self.model, page=page))
            for job in answer.data:
                yield job
            page = answer.next_page
            if page is None:
                return

    async def results(self, id_: str) -> AsyncGenerator[list[BatchLine], None]:
        """The lines of a download, as they come. Closing the iterator closes the connection.

        Raises:
            APIError: It broke off, or holds what are no results; what came before it has been given.
        """
        stream = await self._ask(BatchDownload(model=self.model, id=id_), timeout=TRANSFER_TIMEOUT)
        async with stream:
            while lines := await stream.next_chunks():
                stream.forget()
                yield cast("list[BatchLine]", lines)

    async def _ask(self, request: Request, **usual: Any) -> Any:
        return await self._asking({**usual, **self._options, **_never(usual)}).ask(request)


def _never(usual: Mapping[str, Any]) -> dict[str, Any]:
    """What nobody's options may change."""
    return {name: value for name, value in usual.items() if name == "num_retries"}


class BatchCalling(ABC):
    """What gives access to the batches of providers, for a class that makes calls beside chat."""

    @abstractmethod
    def _asking(self, kind: Kind, function: str, model: str, keywords: Mapping[str, Any]) -> Asking:
        """How a call beside chat is made."""

    def batch_calls(self, model: str, **options: Any) -> BatchCalls:
        """The batches of a model's provider, step by step; `aiocompl.batchfile.provider` puts the steps together.

        Args:
            model: The model, as any call names it.
            options: Where the calls go and how they are made: `api_base`, `api_key`, `timeout`, `drop_params`, ...

        Raises:
            NotFoundError: The provider is not known to have batches.
            AuthenticationError: It needs a key and there is none.
        """
        return BatchCalls(model, lambda given: self._asking("batches", "batch_calls", model, given), options)
