"""The fenced blocks of a Markdown page, and the hidden checks that stand after some of them.

What an info string says after the language:

- ``no-run="reason"``: not run.
- ``needs="local"``: run by itself, where that is there.
- ``pytest``: run as a test file.

A check is an HTML comment, ``<!-- check`` to ``-->``, with Python that is run after the block before it and never shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_START: Final = re.compile(r"^(?P<indent> *)(?:(?P<fence>`{3,})(?P<info>.*)|(?P<check><!-- check))$")
_OPTION: Final = re.compile(r'([\w-]+)(?:="([^"]*)")?')


@attrs.frozen(kw_only=True)
class Block:
    """One fenced block, or one check."""

    language: str
    """The first word of the info string; ``"check"`` for a check."""

    options: dict[str, str]
    line: int
    """Where its first line stands in the page, counted from 1."""

    code: str


def blocks(text: str) -> list[Block]:
    """All blocks of a page, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        start = _START.match(lines[at])
        at += 1
        if start is None:
            continue
        end = "-->" if start["check"] else start["fence"]
        first = at
        while lines[at].strip() != end:
            at += 1
        indent = len(start["indent"])
        code = "\n".join(line[indent:] for line in lines[first:at]) + "\n"
        at += 1
        if start["check"]:
            before = found[-1].options if found else {}
            found.append(Block(language="check", options=before, line=first + 1, code=code))
        else:
            language, _, rest = start["info"].strip().partition(" ")
            options = dict(_OPTION.findall(rest))
            found.append(Block(language=language, options=options, line=first + 1, code=code))
    return found


def to_run(text: str, needs: str) -> list[Block]:
    """The blocks of a page that are run here: those that need `needs`, or nothing where that is empty."""
    return [
        block
        for block in blocks(text)
        if block.language in {"python", "check"}
        and "no-run" not in block.options
        and block.options.get("needs", "") == needs
    ]
