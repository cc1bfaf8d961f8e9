"""What each dialect costs: `python benchmarks/codecs.py`. Needs no network; the streams are written by hand.

The first two tables are CPU time of this process per streamed event, decoded to a typed chunk: bytes go through the
dialect's framing and its stream decoder in slices of one to four events, as they come off a socket, some cut in the
middle. All dialects carry the same 200 pieces, of text or of a tool's arguments (which some send whole). They take turns
in rounds, each next to OpenAI's; figures are medians over the rounds, the quartiles beside a ratio are those of the ratios
within each round. The other tables have the whole answer and the request, for information.

The exit code is 1 where a dialect misses its target.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is what is measured

import orjson

from aiocompl.codecs.base import Codec
from aiocompl.codecs.routing import Target, resolve
from aiocompl.types.chunk import ChatCompletionChunk
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse
from benchmarks._dialects import ARGUMENTS, OPENAI, PIECES, TEXT, Dialect
from benchmarks._hosts import DIALECTS
from benchmarks._report import as_json, as_markdown
from benchmarks._rows import Row
from benchmarks._rows import Target as Limit

_RESULT: Final = Path(__file__).resolve().parent / "results" / "codecs.json"
_MICROSECONDS: Final = 1e6
_EVENTS_OF_SLICES: Final = (1, 1, 2, 1, 4, 1)
_CUT: Final = 3
"""Of so many slices the last one ends in the middle of an event."""
_SETTINGS: Final = {"AWS_REGION": "us-east-1", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"}
_MESSAGES: Final[list[dict[str, Any]]] = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the weather in Paris?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": '{"celsius": 18}'},
    {"role": "user", "content": "And tomorrow?"},
]
_TURNS: Final = [message for message in _MESSAGES if message["role"] != "tool" and message["content"]]
_PARAMS: Final[dict[str, Any]] = {
    "max_tokens": 500,
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "The weather in a city",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ],
}


class WrongAnswerError(Exception):
    """A dialect is not decoded to the text that was put in: nothing that is measured would mean anything."""


@attrs.define(eq=False)
class Subject:
    """A dialect, with all that is made once."""

    dialect: Dialect
    codec: Codec
    model: str
    speech: list[bytes]
    call: list[bytes]
    body: bytes

    @classmethod
    def of(cls, dialect: Dialect) -> "Subject":
        """Prepare a dialect, and see that it is decoded right."""
        target = Target(dialect.model, **{"api_key": "sk-made-up", **dialect.options})
        route = resolve(target, {**_SETTINGS, **dialect.env})
        speech, call = slices_of(dialect.frames()), slices_of(dialect.call_frames())
        made = cls(dialect, route.codec, route.model, speech, call, orjson.dumps(dialect.answer))
        said, called = made.told(speech)[0], made.told(call)[1] if call else ARGUMENTS
        if not (said == made.whole() == TEXT and called == ARGUMENTS):
            raise WrongAnswerError(dialect.title)
        made.request()
        return made

    def decode(self, slices: Sequence[bytes]) -> Iterator[list[ChatCompletionChunk]]:
        """Decode a stream, as the runtime does: chunks are handed out slice by slice."""
        request = ChatRequest(self.model, _MESSAGES, {}, stream=True)
        frames, decoder = self.codec.frame_decoder(), self.codec.stream_decoder(request)
        for data in slices:
            into: list[ChatCompletionChunk] = []
            decoder.feed(frames.feed(data), into)
            yield into
        into = []
        decoder.feed(frames.end(), into)
        decoder.end(into)
        yield into

    def told(self, slices: Sequence[bytes]) -> tuple[str, str]:
        """Return the text and the arguments that a stream holds."""
        deltas = [
            choice.delta for chunks in self.decode(slices) for chunk in chunks for choice in chunk.choices
        ]
        functions = [call.function for delta in deltas for call in delta.tool_calls or ()]
        arguments = (function.arguments or "" for function in functions if function is not None)
        return "".join(delta.content or "" for delta in deltas), "".join(arguments)

    def speak(self) -> None:
        """Decode the stream that speaks."""
        for _ in self.decode(self.speech):
            pass

    def call_tool(self) -> None:
        """Decode the stream that calls a tool."""
        for _ in self.decode(self.call):
            pass

    def whole(self) -> str | None:
        """Decode the whole answer, and return its text."""
        request = ChatRequest(self.model, _MESSAGES, {})
        answer = self.codec.decode_response(request, HTTPResponse(200, {}, self.body))
        text: str | None = answer.choices[0].message.content
        return text

    def request(self) -> None:
        """Encode the request."""
        params = _PARAMS if self.dialect.calls else {"max_tokens": _PARAMS["max_tokens"]}
        messages = _MESSAGES if self.dialect.calls else _TURNS
        self.codec.encode_request(ChatRequest(self.model, messages, params, stream=True))


def slices_of(frames: Sequence[bytes]) -> list[bytes]:
    """Return a stream as it comes off a socket: some events at a time, some of them in two parts."""
    slices, at, number, left_over = [], 0, 0, b""
    while at < len(frames):
        count = _EVENTS_OF_SLICES[number % len(_EVENTS_OF_SLICES)]
        data = left_over + b"".join(frames[at : at + count])
        number, at, left_over = number + 1, at + count, b""
        if number % _CUT == 0 and at < len(frames):
            half = len(frames[at]) // 2
            data, left_over = data + frames[at][:half], frames[at][half:]
            at += 1
        slices.append(data)
    return [*slices, left_over] if left_over else slices


def _seconds(act: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - start) / times


def _row(subject: Subject, what: str, *, limited: bool = False) -> Row:
    dialect = subject.dialect
    limit = Limit(ratio=dialect.times_openai) if limited and dialect.key != OPENAI else None
    return Row(
        key=f"{what}-{dialect.key}",
        title=dialect.title,
        unit="us",
        target=limit,
        digits=2 if limited else 1,
        baseline=OPENAI,
        ours=dialect.key,
    )


@attrs.frozen(kw_only=True)
class Table:
    """One thing measured for every dialect."""

    key: str
    title: str
    act: Callable[[Subject], object]
    parts: int = 1
    """Into how many parts the cost of one act is divided."""
    times: int = 20
    """How many acts are done for each stream of a batch."""
    limited: bool = False
    """Whether the dialects' targets hold."""

    def cost(self, subject: Subject, streams: int) -> float:
        """Return the microseconds of one part."""
        seconds = _seconds(partial(self.act, subject), streams * self.times)
        return seconds / self.parts * _MICROSECONDS


_EVENTS: Final = len(PIECES)
TABLES: Final = (
    Table(
        key="text", title="CPU per event with text", act=Subject.speak, parts=_EVENTS, times=1, limited=True
    ),
    Table(
        key="call",
        title="CPU per event of a call",
        act=Subject.call_tool,
        parts=_EVENTS,
        times=1,
        limited=True,
    ),
    Table(key="answer", title="CPU per whole answer decoded", act=Subject.whole),
    Table(key="request", title="CPU per request encoded", act=Subject.request),
)


def measure(dialects: Sequence[Dialect], *, rounds: int, streams: int) -> dict[str, list[Row]]:
    """Measure the dialects in turn, each next to OpenAI's; rows by table."""
    subjects = [Subject.of(dialect) for dialect in dialects]
    base = next(subject for subject in subjects if subject.dialect.key == OPENAI)
    rows = {
        table.key: {
            each.dialect.key: _row(each, table.key, limited=table.limited)
            for each in subjects
            if table.key != "call" or each.call
        }
        for table in TABLES
    }
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}" if number else "warm-up", file=sys.stderr)
        for table in TABLES:
            for subject in subjects:
                if (row := rows[table.key].get(subject.dialect.key)) is None:
                    continue
                pair = (base, subject) if number % 2 else (subject, base)
                for each in dict.fromkeys(pair):
                    cost = table.cost(each, streams)
                    if number:
                        row.add(each.dialect.key, cost)
    return {key: list(found.values()) for key, found in rows.items()}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU of each dialect's codec, against OpenAI's.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured (default 9)")
    parser.add_argument("--streams", type=int, default=20, help="streams in a batch (default 20)")
    keys = [dialect.key for dialect in DIALECTS]
    parser.add_argument(
        "--only", nargs="+", choices=keys, metavar="KEY", help=f"only these: {', '.join(keys)}"
    )
    parser.add_argument(
        "--json", type=Path, default=_RESULT, metavar="FILE", help="where to write every sample"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the JSON; 1 where a target is missed."""
    arguments = _arguments(argv)
    wanted = {OPENAI, *(arguments.only or (dialect.key for dialect in DIALECTS))}
    dialects = [dialect for dialect in DIALECTS if dialect.key in wanted]
    rows = measure(dialects, rounds=arguments.rounds, streams=arguments.streams)
    for table in TABLES:
        found = rows[table.key]
        print(as_markdown(found, (), title=table.title, baseline="OpenAI", ours="dialect"), end="\n\n")
    settings = {"rounds": arguments.rounds, "streams": arguments.streams}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    everything = [row for some in rows.values() for row in some]
    arguments.json.write_bytes(as_json(everything, (), settings, benchmark="codecs"))
    return int(any(row.verdict() == "missed" for row in everything))


if __name__ == "__main__":
    sys.exit(main())
