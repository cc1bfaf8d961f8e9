"""Sources that vendors name beside their answers, as the `annotations` that OpenAI has for web pages.

Perplexity's texts refer to them by marks such as ``[1]``: each mark is an annotation of its own. A source that no mark
refers to has one without a place. The vendors' own fields stay.

Source: https://docs.perplexity.ai, https://docs.x.ai (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

FIELDS: Final = ("citations", "search_results")
"""Where in an answer or a chunk the sources stand: as URLs, and with their titles."""

_MARK: Final = re.compile(r"\[(\d{1,3})\]")


def sources_of(data: JSON) -> list[JSON]:
    """URL and title of each source, in the order in which the marks count them."""
    results = [
        item
        for item in data.get("search_results") or ()
        if isinstance(item, dict) and isinstance(item.get("url"), str)
    ]
    urls = [url for url in data.get("citations") or () if isinstance(url, str)]
    titles = {item["url"]: item.get("title") for item in results}
    return [{"url": url, "title": titles.get(url)} for url in urls or list(titles)]


def annotations_of(text: str, sources: list[JSON]) -> list[JSON]:
    """The annotations of a text: those of its marks in order, then the sources that no mark refers to."""
    made: list[JSON] = []
    rest = dict(enumerate(sources, 1))
    for mark in _MARK.finditer(text):
        number = int(mark[1])
        if 0 < number <= len(sources):
            rest.pop(number, None)
            made.append({**sources[number - 1], "start_index": mark.start(), "end_index": mark.end()})
    made += rest.values()
    return [{"type": "url_citation", "url_citation": dict(citation)} for citation in made]


def annotate(data: JSON) -> None:
    """Add annotations to the messages of a whole answer; those that have some keep them."""
    sources = sources_of(data)
    for choice in data["choices"] if sources else ():
        message = choice["message"]
        if not message.get("annotations"):
            content = message.get("content")
            message["annotations"] = annotations_of(content if isinstance(content, str) else "", sources)


class StreamCitations:
    """Adds annotations to the chunks of one stream, once a choice's text is whole and the sources are known."""

    __slots__ = ("_annotated", "_ended", "_sources", "_texts")

    def __init__(self) -> None:
        self._sources: list[JSON] = []
        self._texts: dict[int, list[str]] = {}
        self._ended: list[int] = []  # choices that have their finish reason, and no annotations yet
        self._annotated: set[int] = set()

    def take(self, body: JSON) -> None:
        """Read a chunk that has been put right, and add to it what can be said by now."""
        if any(body.get(name) for name in FIELDS):
            self._sources = sources_of(body)
        choices = body.get("choices") or []
        for choice in choices:
            self._take_choice(choice)
        if not self._sources:
            return
        for index in self._ended:
            text = "".join(self._texts.get(index, ()))
            delta = self._delta_of(index, choices)
            delta["annotations"] = annotations_of(text, self._sources)
        if self._ended:
            body["choices"] = choices
            self._annotated.update(self._ended)
            self._ended = []

    def _take_choice(self, choice: JSON) -> None:
        index, delta = choice.get("index") or 0, choice.get("delta") or {}
        content: Any = delta.get("content")
        if isinstance(content, str):
            self._texts.setdefault(index, []).append(content)
        if delta.get("annotations"):
            self._annotated.add(index)
        if choice.get("finish_reason") and index not in self._annotated and index not in self._ended:
            self._ended.append(index)

    @staticmethod
    def _delta_of(index: int, choices: list[JSON]) -> JSON:
        """The delta of a choice in this chunk, which gets one if it has none."""
        choice: JSON | None = next((each for each in choices if (each.get("index") or 0) == index), None)
        if choice is None:
            choice = {"index": index}
            choices.append(choice)
        delta: JSON = choice.get("delta") or {}
        choice["delta"] = delta
        return delta
