"""Times as providers write them, as OpenAI's seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def epoch_seconds(text: str) -> int | None:
    """An ISO 8601 time as seconds since 1970, whole ones; None where the text is none. Without a zone it is UTC.

    Raises:
        TypeError: It is no text.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
