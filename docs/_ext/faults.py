"""The directive ``{faults}``: puts the table of what each fault comes to into a page, from the rows that the tests hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROWS: Final = Path(__file__).resolve().parents[2] / "tests" / "faults"
sys.path.append(str(ROWS))

import fault_tables  # noqa: E402 - found by the line above


class Faults(SphinxDirective):
    """The table."""

    def run(self) -> list[nodes.Node]:
        """Make it, and have the page's own parser read it."""
        for name in ("fault_rows", "fault_tables", "fault_weather"):
            self.env.note_dependency(str(ROWS / f"{name}.py"))
        lines = StringList(fault_tables.outcomes().splitlines(), source=fault_tables.__file__)
        holder = nodes.Element()
        self.state.nested_parse(lines, self.content_offset, holder)
        return list(holder.children)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("faults", Faults)
    return {"parallel_read_safe": True}
