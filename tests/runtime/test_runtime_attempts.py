from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog
from runtime_kit import BODY, MESSAGES, REFUSED, ScriptedSupervisor
from structlog.testing import capture_logs

from aiocompl.errors import InternalServerError
from aiocompl.testing import Delivery, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


@pytest.fixture(autouse=True)
def _structlog_as_it_comes() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


KEY = "sk-very-secret-key"
SECRETS = {"X-Secret": "hush-hush"}


def supervisor(*statuses: int) -> ScriptedSupervisor:
    steps = [Delivery.json(BODY if status == 200 else REFUSED, status=status, delay=2) for status in statuses]
    return ScriptedSupervisor(lambda _: ScriptedTransport(steps))


async def ask(to: ScriptedSupervisor, **more: Any) -> Any:
    async with to:
        return await to.acompletion(
            "openai/gpt-4o", MESSAGES, api_key=KEY, api_base="http://h/v1", extra_headers=SECRETS, **more
        )


async def test_before_and_after_each_attempt() -> None:
    told: list[dict[str, Any]] = []
    await ask(supervisor(500, 200), logger_fn=told.append, temperature=0)
    moments = [(each["log_event_type"], each["attempt"]) for each in told]
    assert moments == [("pre_api_call", 1), ("post_api_call", 1), ("pre_api_call", 2), ("post_api_call", 2)]
    assert told[0]["messages"] == MESSAGES
    assert told[0]["optional_params"] == {"temperature": 0}
    assert (told[0]["provider"], told[0]["endpoint"], told[0]["model"]) == ("openai", "http://h/v1", "gpt-4o")
    assert isinstance(told[1]["error"], InternalServerError)
    assert told[1]["elapsed"] == 2
    assert told[1]["retry_in"] >= 0
    assert told[3]["response"].choices[0].message.content == "yes"


async def test_last_failure_has_no_next() -> None:
    told: list[dict[str, Any]] = []
    with pytest.raises(InternalServerError):
        await ask(supervisor(500), logger_fn=told.append, num_retries=0)
    assert told[-1]["retry_in"] is None


async def test_secrets_are_removed() -> None:
    told: list[dict[str, Any]] = []
    with pytest.raises(InternalServerError):
        await ask(supervisor(500), logger_fn=told.append, num_retries=0)
    assert KEY not in repr(told)
    assert "hush-hush" not in repr(told)
    assert told[0]["extra_headers"] == ["X-Secret"]


async def test_a_raising_logger_breaks_nothing() -> None:
    def raising(_: dict[str, Any]) -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        answer = await ask(supervisor(200), logger_fn=raising)
    assert answer.choices[0].message.content == "yes"
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == ["logger_fn.failed"] * 2


async def test_verbose() -> None:
    with capture_logs() as logs:
        await ask(supervisor(500, 200), verbose=True)
    assert [(log["event"], log["log_level"]) for log in logs] == [
        ("call.started", "info"),
        ("attempt.started", "info"),
        ("attempt.failed", "info"),
        ("attempt.retried", "info"),
        ("attempt.started", "info"),
        ("attempt.finished", "info"),
        ("call.finished", "info"),
    ]
    assert logs[2]["error"] == "InternalServerError"
    assert KEY not in repr(logs)
    assert "hi" not in repr([log.get("messages") for log in logs])


async def test_silent_unless_structlog_is_configured(capsys: pytest.CaptureFixture[str]) -> None:
    await ask(supervisor(200))
    assert capsys.readouterr() == ("", "")
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    await ask(supervisor(200))
    assert "attempt.finished" in capsys.readouterr().out


async def test_configured_structlog_sees_calls_without_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    async with supervisor(200) as to:
        await to.acompletion("gpt-4o", MESSAGES)
    told = capsys.readouterr().out
    assert "attempt.finished" in told
    assert KEY not in told
