"""The directive ``{providers}``: puts a table of `provider_tables` into a page when it is built.

Its argument is ``natives``, ``abilities``, ``vendors``, or ``parameters`` with the name of a dialect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import provider_tables
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sphinx.application import Sphinx

MAKERS: Final[Mapping[str, Callable[..., str]]] = {
    "abilities": provider_tables.abilities,
    "operations": provider_tables.operations,
    "natives": provider_tables.natives,
    "parameters": provider_tables.parameters,
    "vendors": provider_tables.vendors,
}


class Providers(SphinxDirective):
    """One table, or the two lines about a dialect's parameters."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make it, and have the page's own parser read it."""
        what, *about = self.arguments
        self.env.note_dependency(provider_tables.__file__)
        lines = StringList(MAKERS[what](*about).splitlines(), source=provider_tables.__file__)
        holder = nodes.Element()
        self.state.nested_parse(lines, self.content_offset, holder)
        return list(holder.children)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("providers", Providers)
    return {"parallel_read_safe": True}
