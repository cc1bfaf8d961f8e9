from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.codecs.instants import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:01:00", 60),  # no zone: not that of this machine
        ("1970-01-01", 0),
        ("2024-02-12T16:44:47.049270763Z", 1707756287),
        ("yesterday", None),
        ("", None),
    ],
)
@pytest.mark.usefixtures("_in_tokyo")
def test_times_become_seconds(text: str, seconds: int | None) -> None:
    assert epoch_seconds(text) == seconds


def test_what_is_no_text_is_malformed() -> None:
    number: Any = 7
    with pytest.raises(TypeError):
        epoch_seconds(number)
