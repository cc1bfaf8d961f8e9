"""The program: ``aiocompl ...``, or ``python -m aiocompl ...``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

_NEEDED = ("typer", "rich")
_NO_EXTRA = "the command line needs the extra 'cli': pip install 'aiocompl[cli]'\n"


def main() -> NoReturn:
    """Run the command line and exit with its status; without the extra ``cli``, say so and exit with 2."""
    if any(find_spec(name) is None for name in _NEEDED):
        sys.stderr.write(_NO_EXTRA)
        sys.exit(2)
    try:
        from aiocompl.cli.app import run  # noqa: PLC0415 - needs the extra

        status = run()
    except KeyboardInterrupt:  # within the imports, mostly: typer sees to those within a command
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
