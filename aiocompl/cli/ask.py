"""What ``aiocompl chat`` does once it knows what to ask: the call, and the printing of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson

from aiocompl.cli.summary import summarise
from aiocompl.cli.terminal import say, write
from aiocompl.errors import AiocomplError, UnsupportedParamsError
from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk, ChoiceDelta
    from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Usage
    from aiocompl.types.params import CompletionParams

_NOTES = {
    "length": "the answer was cut at the limit of tokens; --max-tokens N allows more",
    "content_filter": "the provider's content filter cut the answer",
}
"""What a finish reason other than a plain end means to the reader."""


def conversation(prompt: str, system: str | None) -> list[dict[str, str]]:
    """A prompt and the instructions before it, in OpenAI's shape."""
    messages = [{"role": "user", "content": prompt}]
    return messages if system is None else [{"role": "system", "content": system}, *messages]


@attrs.frozen(kw_only=True)
class Question:
    """What to ask, and how to print the answer."""

    model: str
    prompt: str
    system: str | None
    stream: bool
    as_json: bool
    verbose: bool
    params: CompletionParams
    """Parameters and options of the call; None is "not given"."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """The conversation, in OpenAI's shape."""
        return conversation(self.prompt, self.system)


@attrs.define(kw_only=True)
class Told:
    """What is known of an answer once it is printed."""

    call: CallInfo | None
    model: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    empty: bool = True


async def ask(question: Question) -> None:
    """Ask, print the answer on standard output, and what there is to say about it on standard error.

    Cancelled: the connection is closed; what was printed ends its line.

    Raises:
        AiocomplError: There is no answer, or not the whole of it; see `Supervisor.acompletion`.
        OutputClosedError: Nobody reads the answer any more.
    """
    async with Supervisor() as supervisor:
        if question.stream:
            async with await _open(supervisor, question) as stream:
                told = await print_stream(stream, as_json=question.as_json)
        else:
            told = print_whole(
                await supervisor.acompletion(question.model, question.messages, **_params(question)),
                as_json=question.as_json,
            )
    conclude(told, verbose=question.verbose)


def _params(question: Question) -> CompletionParams:
    params = question.params.copy()
    if question.verbose:
        params["logger_fn"] = _tell_failure
    return params


async def _open(supervisor: Supervisor, question: Question) -> CompletionStream:
    """Open the stream; where figures are wanted, ask for the count of tokens too, if the provider knows of that."""
    params = _params(question)
    if question.verbose:
        params["stream_options"] = {"include_usage": True}
    model, messages = question.model, question.messages
    try:
        stream: CompletionStream = await supervisor.acompletion(model, messages, stream=True, **params)
    except UnsupportedParamsError:  # found before anything is sent
        if params.pop("stream_options", None) is None:
            raise
        stream = await supervisor.acompletion(model, messages, stream=True, **params)
    return stream


def _tell_failure(details: dict[str, Any]) -> None:
    """Say that an attempt failed and another follows: otherwise one wonders what takes so long."""
    if (wait := details.get("retry_in")) is not None:
        say(
            "note",
            f"attempt {details['attempt']} failed, the next one comes in {wait:.1f} s: {details['error']}",
        )


async def print_stream(stream: CompletionStream, *, as_json: bool) -> Told:
    """Print an answer as it comes.

    Raises:
        AiocomplError: It broke off, which is said.
    """
    told, line = Told(call=stream.call), _Line()
    try:
        while chunks := await stream.next_chunks():
            for chunk in chunks:
                _note(told, chunk)
            if as_json:
                write("".join(f"{_json(chunk)}\n" for chunk in chunks))
            else:
                line.write("".join(text_of(choice.delta) for chunk in chunks for choice in chunk.choices))
    except AiocomplError:
        line.end()
        if not line.empty:
            say("note", "the answer broke off here")
        raise
    finally:
        line.end()
    told.empty = line.empty and not as_json
    return told


def _note(told: Told, chunk: ChatCompletionChunk) -> None:
    told.model = chunk.model or told.model
    told.usage = chunk.usage or told.usage
    for choice in chunk.choices:
        told.finish_reason = choice.finish_reason or told.finish_reason


def print_whole(response: ChatCompletion, *, as_json: bool) -> Told:
    """Print a whole answer."""
    choice, line = response.choices[0], _Line()
    if as_json:
        write(_json(response, indented=True) + "\n")
    else:
        line.write(text_of(choice.message))
        line.end()
    return Told(
        call=response.call,
        model=response.model,
        finish_reason=choice.finish_reason,
        usage=response.usage,
        empty=line.empty and not as_json,
    )


def conclude(told: Told, *, verbose: bool) -> None:
    """Say what there is to say about an answer that was printed."""
    if told.empty:
        say("note", "the answer is empty")
    if (note := _NOTES.get(told.finish_reason or "")) is not None:
        say("note", note)
    if verbose and told.call is not None:
        summarise(told.call, model=told.model, finish_reason=told.finish_reason, usage=told.usage)


@attrs.define(eq=False)
class _Line:
    """Text on its way to standard output, which ends with a newline whatever happens."""

    empty: bool = True
    open: bool = False

    def write(self, text: str) -> None:
        if text:
            self.empty, self.open = False, not text.endswith("\n")
            write(text)

    def end(self) -> None:
        if self.open:
            self.open = False
            write("\n")


def text_of(part: ChatCompletionMessage | ChoiceDelta) -> str:
    """What there is to read: the content, which a few providers give as blocks, or the refusal."""
    content = part.content or part.refusal or ""
    if isinstance(content, str):
        return content
    return "".join(block.get("text") or "" for block in content if isinstance(block, dict))


def _json(value: ChatCompletion | ChatCompletionChunk, *, indented: bool = False) -> str:
    return orjson.dumps(value.to_dict(), option=orjson.OPT_INDENT_2 if indented else None).decode()
