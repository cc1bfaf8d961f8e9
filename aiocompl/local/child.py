"""The child process: llama.cpp's HTTP server over one GGUF file. ``python -m aiocompl.local.child --help``.

It tells where it listens by one line of JSON on standard output, ``{"base_url": "http://127.0.0.1:43210"}``, or why it
cannot, ``{"error": "missing-extra"}`` or ``{"error": "load"}``. It lives as long as its parent: standard input is a
pipe whose end means that the parent is gone, whatever it died of, and on Linux the kernel sends SIGKILL too, which
also works while a model is being loaded.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import sys
import threading
from pathlib import Path
from typing import Any, Final

import orjson

_PR_SET_PDEATHSIG: Final = 1
_SIGKILL: Final = 9
_NO_ORIGIN: Final = "null"


def main() -> None:
    """Run the server until the parent is gone."""
    options = _parse()
    _die_with(options.parent)
    watch = threading.Thread(target=_watch_stdin, daemon=True)
    watch.start()
    try:
        xllamacpp: Any = importlib.import_module("xllamacpp")  # heavy: the watch on the parent comes first
    except ImportError:
        _report(error="missing-extra")
        sys.exit(1)
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, options))
    except RuntimeError as error:
        _report(error="load")
        sys.exit(str(error))
    _report(base_url=server.listening_address)
    watch.join()  # which ends the process


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aiocompl.local.child", description=__doc__)
    parser.add_argument("--model", required=True, help="path of the GGUF file")
    parser.add_argument("--alias", required=True, help="name that answers carry as their model")
    parser.add_argument("--parent", type=int, required=True, help="process to live as long as")
    parser.add_argument("--template", type=Path, help="Jinja chat template; the file's own without")
    parser.add_argument("--context", type=int, default=4096, help="tokens of one request and its answer")
    parser.add_argument("--parallel", type=int, default=4, help="requests answered at once")
    parser.add_argument("--threads", type=int, default=1, help="threads that compute")
    parser.add_argument("--verbosity", type=int, default=0, help="llama.cpp's log level; 0 is silent")
    return parser.parse_args()


def _parameters(xllamacpp: Any, options: argparse.Namespace) -> Any:
    """Set up llama.cpp: loopback only, any free port, and none of the endpoints that show other people's prompts."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = options.model
    parameters.model_alias = {options.alias}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = options.context * options.parallel
    parameters.n_parallel = options.parallel
    # An answer at temperature 0 must not depend on what was asked before or is asked at the same time.
    parameters.kv_unified = False
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    parameters.cpuparams.n_threads = options.threads
    parameters.cpuparams_batch.n_threads = options.threads
    parameters.use_jinja = True
    if options.template is not None:
        parameters.chat_template = options.template.read_text("utf-8")
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cors_origins = _NO_ORIGIN  # by default any web page may call
    parameters.warmup = False
    parameters.verbosity = options.verbosity
    return parameters


def _report(**message: str) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent dies; elsewhere the watch on standard input is all there is."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def _watch_stdin() -> None:
    """End the process, whatever it is doing, at the end of standard input."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
