"""``aiocompl simulate``: a provider on this machine, for trying things out and for load tests."""

from __future__ import annotations

import errno
from typing import Annotated

import typer

from aiocompl.cli.exits import CommandError
from aiocompl.cli.terminal import configure_logging, write

_Host = Annotated[str, typer.Option(help="Where to listen.", show_default=True)]
_Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes any free port.", show_default=True)
]
_Text = Annotated[
    str | None, typer.Option(show_default="it repeats the prompt", help="What every answer says.")
]
_Ttft = Annotated[float, typer.Option(min=0.0, help="Seconds to the first token.", show_default=True)]
_Itl = Annotated[float, typer.Option(min=0.0, help="Seconds between tokens.", show_default=True)]
_FaultRate = Annotated[
    float,
    typer.Option(
        min=0.0, max=1.0, help="The share of requests that go wrong, in many ways.", show_default=True
    ),
]
_Seed = Annotated[int, typer.Option(help="Fixes which requests go wrong.", show_default=True)]
_ApiKey = Annotated[str | None, typer.Option(show_default="any, or none", help="The only key let in.")]
_Model = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", show_default="any name", help="A model there is; repeat it for more."),
]


def simulate(
    host: _Host = "127.0.0.1",
    port: _Port = 8123,
    text: _Text = None,
    ttft: _Ttft = 0.0,
    itl: _Itl = 0.0,
    fault_rate: _FaultRate = 0.0,
    seed: _Seed = 0,
    api_key: _ApiKey = None,
    model: _Model = None,
) -> None:
    """Simulate a provider that speaks OpenAI's API on this machine. Ctrl-C ends it.

    Ask it from another terminal: aiocompl chat -m any --api-base http://127.0.0.1:8123/v1 "Hello"
    """
    from aiocompl.testing.serve import run  # noqa: PLC0415 - loads aiohttp

    configure_logging()
    try:
        run(
            host=host,
            port=port,
            fault_rate=fault_rate,
            seed=seed,
            ttft=ttft,
            itl=itl,
            text=text,
            api_key=api_key,
            models=model or None,
            announce=lambda line: write(f"{line}\n"),
        )
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise CommandError(
            f"cannot listen at {host}:{port}: {'the port is taken' if taken else error.strerror or error}",
            "--port 0 takes any free port" if taken else None,
            status=1,
        ) from error
