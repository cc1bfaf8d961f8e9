from __future__ import annotations

import orjson
import pytest
from cache_kit import whole

from aiocompl.cache.entry import pack, unpack
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion


def test_an_answer_comes_back_as_it_was() -> None:
    answer = whole(provider_specific_fields={"a": [1]}, system_fingerprint="fp")
    data = pack(answer, 12.5)
    entry = unpack(data)
    assert entry.answer == answer
    assert entry.answer is not answer
    assert entry.at == 12.5
    call = entry.answer.call
    assert call is not None
    assert (call.provider, call.endpoint, call.model) == ("test", "http://test/v1", "m")
    assert (call.cached, call.attempts, call.cost, call.request_id) == (True, (), 0.0, None)
    assert unpack(data).answer.choices[0] is not entry.answer.choices[0]


def test_an_answer_without_a_call() -> None:
    answer = whole()
    answer.call = None
    assert unpack(pack(answer, 0)).answer.call is not None


def test_what_is_no_json_cannot_be_kept() -> None:
    with pytest.raises(TypeError):
        pack(whole(odd={"a": object()}), 0)


GOOD = orjson.loads(pack(whole(), 1.0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        *(orjson.dumps({**GOOD, "form": form}) for form in (0, 2, None)),
        *(orjson.dumps({name: GOOD[name] for name in GOOD if name != missing}) for missing in GOOD),
        *(orjson.dumps(GOOD | {name: 1 if name == "by" else "x"}) for name in ("at", "by", "answer")),
    ],
)
def test_other_bytes_are_no_entry(data: bytes) -> None:
    with pytest.raises(ValueError, match="entry of"):
        unpack(data)


def test_a_call_tells_that_it_was_free() -> None:
    call = CallInfo("p", "", "m", coalesced=True)
    assert (call.attempts, call.cost) == ((), 0.0)
    assert isinstance(unpack(pack(whole(), 1.0)).answer, ChatCompletion)
