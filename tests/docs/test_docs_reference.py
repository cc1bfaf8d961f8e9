"""The docs name what there is, and nothing else."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest
from docs_blocks import PAGES, ROOT, blocks

import aiocompl
import aiocompl.testing
from aiocompl import errors
from aiocompl.types.params import CALL_OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

DOCS: Final = ROOT / "docs"
REFERENCE: Final = "\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md")))
LINK: Final = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)")


def is_named(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text) is not None


def test_every_public_name_is_in_the_reference() -> None:
    names = [f"aiocompl.{name}" for name in aiocompl.__all__ if name != "__version__"]
    assert [name for name in names if not is_named(name, REFERENCE)] == []


def test_every_name_of_the_test_kit_is_in_the_reference() -> None:
    names = [f"aiocompl.testing.{name}" for name in aiocompl.testing.__all__]
    assert [name for name in names if not is_named(name, REFERENCE)] == []


def test_every_event_of_the_log_is_in_the_page_about_it() -> None:
    page = (DOCS / "how-to" / "logging.md").read_text()
    code = "\n".join(path.read_text() for path in (ROOT / "aiocompl").rglob("*.py"))
    events = set(re.findall(r'(?:telemetry\.(?:warning|attempt)|_tell)\(\s*"([\w.]+)"', code))
    assert len(events) > 5
    assert [event for event in sorted(events) if f"`{event}`" not in page] == []


def test_every_call_option_is_in_the_page_for_those_who_come_from_litellm() -> None:
    page = (DOCS / "explanation" / "coming-from-litellm.md").read_text()
    assert [name for name in sorted(CALL_OPTIONS) if f"`{name}" not in page] == []


def test_the_page_about_errors_has_every_class_with_its_attributes() -> None:
    page = (DOCS / "explanation" / "errors.md").read_text()
    classes = [
        value for name, value in vars(errors).items() if isinstance(value, type) and name == value.__name__
    ]
    own = [
        cls for cls in classes if issubclass(cls, errors.AiocomplError) and cls is not errors.AiocomplError
    ]
    rows = [f"| `{cls.__name__}` | {'yes' if cls.retryable else 'no'} | {cls.http_status} |" for cls in own]
    assert [row for row in rows if row not in page] == []


def test_the_page_about_errors_draws_the_tree_as_its_module_does() -> None:
    tree = re.search(
        r"^```text\n(.*?)^```$", (DOCS / "explanation" / "errors.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert tree is not None
    assert textwrap.indent(tree[1], "    ") in (errors.__doc__ or "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    targets = LINK.findall(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def bash_commands() -> list[tuple[str, ...]]:
    """Every command line of ours in a bash block, as its words from ``aiocompl`` on."""
    found = set()
    for page in PAGES:
        for block in blocks(page.read_text()):
            if block.language != "bash":
                continue
            for line in block.code.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\||;", line.partition(" #")[0]):
                    words = shlex.split(part)
                    for at, word in enumerate(words):
                        if word == "aiocompl" or word.endswith("/aiocompl"):
                            found.add(tuple(words[at + 1 :]))
                            break
    return sorted(found)


@cache
def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "aiocompl", *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", bash_commands(), ids=" ".join)
def test_the_commands_in_the_docs_are_there(words: tuple[str, ...]) -> None:
    pytest.importorskip("typer", reason="needs the extra `cli`")
    names: list[str] = []
    for word in words:
        if word.startswith("-") or not re.fullmatch(r"[a-z]+", word) or f" {word} " not in help_of(*names):
            break
        names.append(word)
    assert names
    text = help_of(*names)
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    assert [option for option in options if not is_named(option, text)] == []
