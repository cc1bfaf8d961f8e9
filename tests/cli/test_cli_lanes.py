from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from rich.console import Console

from aiocompl.cli.ask import Told
from aiocompl.cli.entrants import Entrant, read_entrants
from aiocompl.cli.exits import CommandError, error_json, exit_status, report
from aiocompl.cli.lanes import Lanes
from aiocompl.cli.racing import _figures
from aiocompl.cli.summary import dollars
from aiocompl.cli.track import draw, shown
from aiocompl.combinators.report import Contestant, RaceReport
from aiocompl.errors import (
    AllModelsFailedError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
)
from aiocompl.types.call import CallInfo
from aiocompl.types.chunk import ChatCompletionChunk
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("openai/gpt-4o", "b@host", "c")


def lanes() -> Lanes:
    made = Lanes([Entrant(label=name, model=name.partition("@")[0]) for name in NAMES])
    made.now = lambda: 0.5  # type: ignore[method-assign] # the clock stands still
    return made


def watch(made: Lanes, index: int) -> Callable[[dict[str, Any]], object]:
    function: Callable[[dict[str, Any]], object] = made.entries(stream=False)[index]["logger_fn"]
    return function


def text(made: Lanes, width: int = 80, **how: Any) -> str:
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True)
    console.print(draw(made, width, **how))
    return console.export_text()


def chunk(text: str | None = None, **more: Any) -> ChatCompletionChunk:
    delta = {} if text is None else {"content": text}
    choices = [{"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}]
    body = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices}
    return ChatCompletionChunk.model_validate({**body, **more})


async def test_states_follow_the_attempts() -> None:
    made = lanes()
    told, lane = watch(made, 0), made.lanes[0]
    assert "waiting" in text(made)
    assert lane.elapsed(9.0) is None
    told({"log_event_type": "pre_api_call", "attempt": 1})
    assert (lane.began, lane.elapsed(0.75)) == (0.5, 0.25)
    assert "running" in text(made)
    told({"log_event_type": "post_api_call", "error": NotFoundError("x"), "retry_in": None})
    assert "failed" not in text(made)  # whoever asked will say that it failed
    told({"log_event_type": "post_api_call", "error": NotFoundError("x"), "retry_in": 0.5})
    assert "retrying" in text(made)
    told({"log_event_type": "pre_api_call", "attempt": 2})
    assert "attempt 2" in text(made)
    call: Any = object()
    told({"log_event_type": "post_api_call", "response": SimpleNamespace(call=call)})
    assert lane.call is call


async def test_streams_are_told_to_count_tokens() -> None:
    for stream in (True, False):
        assert ["stream_options" in entry for entry in lanes().entries(stream=stream)] == [stream] * 3


async def test_chunks_are_counted_until_the_provider_does() -> None:
    made = lanes()
    watch(made, 1)({"log_event_type": "pre_api_call", "attempt": 1})
    lane = made.lanes[1]
    made.take(1, chunk())
    assert (lane.state, lane.completion_tokens) == ("running", None)
    made.take(1, chunk("a"))
    made.take(1, chunk("b"))
    assert (lane.state, lane.completion_tokens, lane.estimated) == ("answering", 2, True)
    assert "~2" in text(made)
    made.take(1, chunk(finish_reason="stop"))
    assert (lane.state, lane.ended) == ("answered", 0.5)
    made.take(1, chunk(usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}))
    assert (lane.prompt_tokens, lane.completion_tokens, lane.estimated) == (7, 5, False)
    made.close(1)
    assert lane.ended == 0.5
    lane.call = SimpleNamespace(first_token=0.1, total=0.2)  # type: ignore[assignment] # what is read of it
    made.close(1)
    assert (lane.first_token, lane.ended) == (0.1, 0.7)
    made.fail(2, NotFoundError("x"))
    assert made.lanes[2].state == "failed"


def race_report() -> RaceReport:
    usage = Usage.model_validate(
        {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "cost": 0.25}
    )
    shared: dict[str, Any] = {"started": 0.1, "elapsed": 0.3}
    return RaceReport(
        contestants=(
            Contestant(index=0, model=NAMES[0], outcome="won", usage=usage, **shared),
            Contestant(
                index=1,
                model="b",
                outcome="lost",
                usage=Usage(prompt_tokens=9, total_tokens=9),
                estimated=True,
                **shared,
            ),
            Contestant(index=2, model="c", outcome="never_started"),
        ),
        elapsed=0.4,
    )


async def test_the_end_of_a_race_is_drawn() -> None:
    made = lanes()
    made.note(race_report().contestants[0])
    won_at = made.won_at
    assert won_at is not None
    made.settle(race_report())
    assert made.won_at == won_at
    heading, won, lost, never = text(made).splitlines()
    assert heading.split() == ["MODEL", "STATE", "0", "to", "1", "s", "TIME", "IN", "OUT"]
    assert won.split()[:2] == [NAMES[0], "won"]
    assert won.split()[-4:] == ["300", "ms", "9", "4"]
    assert lost.split()[-4:] == ["300", "ms", "~9", "-"]
    assert never.split() == ["c", "not", "started", "-", "-", "-"]
    made.price(race_report())
    heading, won, *_ = text(made).splitlines()
    assert heading.endswith("COST")
    assert won.endswith("$0.25")


@pytest.mark.parametrize(
    ("width", "bars"),
    [(40, False), (59, False), (60, False), (71, False), (72, True), (80, True), (120, True), (200, True)],
)
async def test_it_fits_the_terminal(width: int, bars: bool) -> None:
    made = lanes()
    made.settle(race_report())
    made.price(race_report())
    drawn = text(made, width)
    assert ("COST" in drawn) is (width >= 60)
    assert "…" not in drawn.partition("\n")[0]
    assert max(len(line) for line in drawn.splitlines()) <= width
    assert ("━" in drawn) is bars


async def test_the_scale_grows_by_round_numbers() -> None:
    made = lanes()
    for now, scale in ((0.0, "1"), (1.0, "1"), (1.1, "2"), (4.0, "5"), (7.0, "10"), (180.0, "200")):
        made.now = lambda now=now: now  # type: ignore[method-assign,misc]
        assert f"0 to {scale} s" in text(made)


async def test_what_is_no_terminal_gets_the_end_alone() -> None:
    made = lanes()
    file = io.StringIO()
    with shown(made, Console(file=file, width=20)):
        made.settle(race_report())
        assert file.getvalue() == ""
    assert file.getvalue().splitlines()[1].split() == [NAMES[0], "won", "300", "ms", "9", "4"]
    file = io.StringIO()
    with shown(made, Console(file=file), keep=False):
        pass
    assert file.getvalue() == ""


def test_models_may_have_addresses() -> None:
    plain, own, cloudflare = read_entrants(
        ["gpt-4o", "m@https://host:1/v1", "cloudflare/@cf/meta/llama@http://h/v1"], "aiocompl race"
    )
    assert (plain.label, plain.model, plain.api_base) == ("gpt-4o", "gpt-4o", None)
    assert (own.label, own.model, own.api_base) == ("m@host:1", "m", "https://host:1/v1")
    assert (cloudflare.model, cloudflare.api_base) == ("cloudflare/@cf/meta/llama", "http://h/v1")
    for models in (None, [], ["@http://h/v1"]):
        with pytest.raises(CommandError):
            read_entrants(models, "aiocompl race")


def test_the_status_of_several_failures_is_theirs_where_they_agree(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alike = AllModelsFailedError("none", [AuthenticationError("a"), AuthenticationError("b")])
    assert exit_status(alike) == 3
    assert exit_status(AllModelsFailedError("none", [AuthenticationError("a"), NotFoundError("b")])) == 1
    assert report(AllModelsFailedError("none", [APITimeoutError("late", provider="p", model="m")])) == 6
    assert (
        capsys.readouterr().err
        == "error: none\ncause: p/m: late (give it more time with --timeout SECONDS)\n"
    )
    assert error_json(None) is None
    assert error_json(NotFoundError("gone")) == {"type": "NotFoundError", "message": "gone"}


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "$0.00"), (1.2, "$1.20"), (0.0456, "$0.046"), (0.000123, "$0.00012"), (12.5, "$12.50")],
)
def test_dollars(value: float, said: str) -> None:
    assert dollars(value) == said


def test_the_figures_of_a_streamed_answer() -> None:
    call = CallInfo(provider="p", endpoint="http://h", model="m")
    assert _figures(Told(call=None, model="m")) == "m"
    assert _figures(Told(call=call)) == "p/m"
    call.first_token, call.total, call.race = 0.25, 1.5, race_report()
    usage = Usage.model_validate(
        {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "cost": 0.25}
    )
    said = "p/m, 250 ms to the first token, 1.50 s in all, 9 tokens in, 4 out, $0.25"
    assert _figures(Told(call=call, usage=usage)) == said
    lost = attrs.evolve(race_report().contestants[0], outcome="lost")
    call.race = attrs.evolve(race_report(), contestants=(lost, *race_report().contestants))
    assert _figures(Told(call=call, usage=usage)) == f"{said}, about $0.25 for the others"
