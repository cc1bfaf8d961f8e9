"""A vendor: one row of the catalogue of those who speak OpenAI's dialect, quirks included."""

from __future__ import annotations

from typing import Literal

import attrs


@attrs.frozen(kw_only=True)
class Vendor:
    """What must be known to talk to a vendor that speaks OpenAI's dialect."""

    name: str
    """The prefix in ``"name/model"``."""

    title: str
    """The vendor's own name, for people."""

    base_url: str
    """Ends before ``/chat/completions``. May hold ``{PLACEHOLDERS}`` that the environment fills (see `url_env`)."""

    url_env: tuple[tuple[str, str], ...] = ()
    """For each placeholder of `base_url` the environment variable that fills it."""

    api_key_env: tuple[str, ...] = ()
    """Environment variables that hold the key; the first one set wins."""

    key_optional: bool = False
    """The vendor answers without a key (servers on one's own machine, mostly)."""

    base_env: tuple[str, ...] = ()
    """Environment variables that override `base_url`; the first one set wins."""

    auth: str = "bearer"
    """``"bearer"``, or ``"header:Name"`` for a key that goes bare into that header."""

    max_tokens: Literal["max_tokens", "max_completion_tokens", "both"] = "both"
    """The field that bounds the answer; the other one is renamed to it."""

    unsupported: frozenset[str] = frozenset()
    """OpenAI's parameters that the vendor refuses or has no place for; what holds for some models or values only is not here."""

    native: frozenset[str] = frozenset()
    """Parameters beyond OpenAI's that the vendor takes."""

    defaults: tuple[tuple[str, object], ...] = ()
    """Parameters that are sent where the caller gave none, under the vendor's own names."""

    reasoning: str = ""
    """The response's field with the reasoning text, where it is not ``reasoning_content``."""

    docs: str = ""
    """Where the vendor documents it."""
