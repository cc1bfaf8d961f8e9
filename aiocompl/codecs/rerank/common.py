"""What the reranking of all dialects does alike: a body in its words, and results in the shape of Cohere's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.plain_operation import PlainOperation
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.operation_params import OPERATION_PARAMS
from aiocompl.types.request import RerankRequest
from aiocompl.types.rerank import RerankResponse, RerankResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import HTTPRequest

SPECIAL: Final = OPERATION_PARAMS["rerank"] - {"top_n", "return_documents"}
"""Parameters that only some have. The others all take: what a dialect lacks of them is made of the request."""


class RerankOperation(PlainOperation[RerankRequest, RerankResponse]):
    """A dialect's reranking, bound to one endpoint. See `Operation`; the class's attributes are the dialect's words."""

    top_n: ClassVar[str] = "top_n"
    """How many documents come back; empty where that is all of them."""

    return_documents: str = ""
    """Whether they come with their texts; empty where they never do."""

    results: ClassVar[str] = "results"
    """What holds the results."""

    score: ClassVar[str] = "relevance_score"
    """What holds a result's score."""

    objects: ClassVar[bool] = False
    """Documents may be objects, and are sent as they are."""

    def encode_request(self, request: RerankRequest) -> HTTPRequest:
        """Make the HTTP request; see `Operation`."""
        self._check_top_n(request)
        return self._http_request(request, self._body(request))

    def _body(self, request: RerankRequest) -> dict[str, Any]:
        body = {"model": request.model, "query": request.query, "documents": self._documents(request)}
        return body | self._params(request)

    def _params(self, request: RerankRequest) -> dict[str, Any]:
        """The parameters under the dialect's names."""
        body = dict(request.params)
        for given, sent in (("top_n", self.top_n), ("return_documents", self.return_documents)):
            if given in body:
                value = body.pop(given)
                if sent:
                    body[sent] = value
        return body

    def _documents(self, request: RerankRequest) -> Sequence[Any]:
        """The documents as the dialect takes them.

        Raises:
            UnsupportedParamsError: One is more than a text, and texts are all that the dialect knows.
        """
        return request.documents if self.objects else self._texts(request)

    def _texts(self, request: RerankRequest) -> list[str]:
        return [
            document if isinstance(document, str) else self._text_of(document, index, request)
            for index, document in enumerate(request.documents)
        ]

    def _text_of(self, document: Mapping[str, Any], index: int, request: RerankRequest) -> str:
        text = document.get("text")
        if not isinstance(text, str):
            raise UnsupportedParamsError(
                f"documents[{index}] has no text, and this provider ranks nothing else",
                provider=self._endpoint.provider,
                model=request.model,
                param="documents",
            )
        return text

    def _check_top_n(self, request: RerankRequest) -> None:
        top_n = request.params.get("top_n")
        if top_n is not None and (type(top_n) is not int or top_n < 1):
            raise BadRequestError(
                f"top_n must be a whole number from 1 up, not {top_n!r}",
                provider=self._endpoint.provider,
                model=request.model,
                param="top_n",
            )

    @override
    def _read(self, request: RerankRequest, data: Any) -> RerankResponse:
        data = self._opened(data)
        results = [self._result(item, request) for item in data.pop(self.results)]
        answer = RerankResponse.take({**data, "results": []})
        answer.results = best_first(results, request)
        return answer

    def _opened(self, data: Any) -> JSON:
        """The answer as an object that holds the results."""
        if not isinstance(data, dict):
            raise TypeError(f"the answer is {type(data).__name__}")
        return data

    def _result(self, item: JSON, request: RerankRequest) -> RerankResult:
        item["relevance_score"] = item.pop(self.score)
        if isinstance(text := item.get("document"), str):
            item["document"] = {"text": text}
        return RerankResult.take(item)


def best_first(results: list[RerankResult], request: RerankRequest) -> list[RerankResult]:
    """The results in order, no more than asked for, with their documents where these were asked for.

    Raises:
        ValueError: One is of no document of the request, or of one that another is of.
        TypeError: A score is no number, or a document no object.
    """
    documents = request.documents
    seen = set[int]()
    for result in results:
        index, score = result.index, result.relevance_score
        if type(index) is not int or not 0 <= index < len(documents) or index in seen:
            raise ValueError(f"a result of document {index!r} of {len(documents)}")
        seen.add(index)
        if isinstance(score, bool) or not isinstance(score, (int, float)):
            raise TypeError(f"a score of type {type(score).__name__}")
        if result.document is None and request.params.get("return_documents"):
            document = documents[index]
            result.document = {"text": document} if isinstance(document, str) else dict(document)
        elif not isinstance(result.document, dict | None):
            raise TypeError(f"a document of type {type(result.document).__name__}")
    results.sort(key=lambda result: -result.relevance_score)
    return results[: request.params.get("top_n")]
