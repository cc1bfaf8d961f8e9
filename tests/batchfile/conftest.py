"""What tests of batch files stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from provider_kit import Ask, Bench, ListDesk, Provider, asks, behave

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(params=["openai", "anthropic"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Bench]:
    def make(*texts: str, items: list[Ask] | None = None, **settings: Any) -> Bench:
        desk = ListDesk(asks(*texts) if items is None else items)
        return Bench(Provider(behave), desk, tmp_path / "out.jsonl.batch.json", request.param, **settings)

    return make
