from __future__ import annotations

import subprocess
import sys

import pytest

import aiocompl.testing

HEAVY = ("aiohttp", "attrs", "orjson", "structlog", "asyncio.base_events")


def in_fresh_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_nothing_heavy_is_imported_early() -> None:
    loaded = in_fresh_python(
        "import sys; import aiocompl.testing; "
        "before = set(sys.modules); "
        "import pytest, pytest_asyncio; theirs = set(sys.modules); "
        "import aiocompl.testing.plugin; "
        f"print([name for name in {HEAVY} if name in before or name in set(sys.modules) - theirs])"
    )
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("name", aiocompl.testing.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(aiocompl.testing, name) is not None
    assert name in dir(aiocompl.testing)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Simulater'"):
        _ = aiocompl.testing.Simulater  # type: ignore[attr-defined]  # that is the test


def test_names_listed_for_laziness_are_the_public_ones() -> None:
    assert set(aiocompl.testing._HOMES) == set(aiocompl.testing.__all__)
