"""What every test here stands on."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project that watsonx wants to know of."""
    monkeypatch.setenv("WATSONX_PROJECT_ID", "p")
