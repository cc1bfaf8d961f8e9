"""Sphinx's settings. Warnings are errors: ``sphinx-build -W --keep-going -b html docs docs/_build/html``."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.ext.napoleon.docstring import GoogleDocstring

from aiocompl import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "aiocompl"
author = "The aiocompl maintainers"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "faults", "providers"]
exclude_patterns = ["_build", "_ext"]

html_theme = "furo"
html_title = f"aiocompl {release}"
html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "deflist"]

# The docstrings write code in single backticks: a link where it names something that is documented, else just code.
default_role = "py:obj"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True


_as_written: dict[str, list[str]] = {}


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", keep_as_written, priority=400)  # napoleon comes at 500
    app.connect("autodoc-process-docstring", read_sections_only, priority=600)
    app.connect("doctree-read", leave_builtins_alone)
    app.connect("doctree-read", leave_out_checks)


def keep_as_written(
    _app: Sphinx, what: str, name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Note the docstring of an attribute: napoleon takes what stands before its first colon for a type."""
    if what in {"attribute", "data", "property"}:
        _as_written[name] = list(lines)


def read_sections_only(
    app: Sphinx, _what: str, name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Have napoleon read it again as if it were a function's."""
    if (written := _as_written.pop(name, None)) is not None:
        lines[:] = GoogleDocstring(written, app.config).lines()


def leave_builtins_alone(_app: Sphinx, doctree: nodes.document) -> None:
    """Have ``object`` and ``bytes`` in signatures mean Python's, not the fields of that name."""
    for reference in list(doctree.findall(pending_xref)):
        if hasattr(builtins, reference["reftarget"]):
            reference.replace_self(reference.children)


def leave_out_checks(_app: Sphinx, doctree: nodes.document) -> None:
    """Leave out the comments in which the tests look at what an example does."""
    for comment in list(doctree.findall(nodes.raw)):
        if comment.astext().startswith("<!-- check"):
            comment.parent.remove(comment)
