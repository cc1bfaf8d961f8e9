"""aimock, an npm package: fetched once into pytest's cache, and started."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from peer_process import running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

VERSION = "1.43.0"
NEEDED = (20, 15)
"""The oldest Node.js that it runs on."""


def install(cache: Path) -> Path:
    """Its entry point, below `cache`. Several processes may do this at once: each prepares a folder, one of which stays."""
    folder = cache / f"aimock-{VERSION}"
    script = folder / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    npm = need_node()
    if not script.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=cache))
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(made))
        subprocess.run([npm, "install", *options, f"@copilotkit/aimock@{VERSION}"], check=True)
        with contextlib.suppress(OSError):  # another was faster
            made.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
    return script


def need_node() -> str:
    """Where npm is; skips the test where there is none, or where Node.js is too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js and npm are not installed")
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < NEEDED:
        pytest.skip(f"Node.js {version.strip()} is older than {NEEDED[0]}.{NEEDED[1]}")
    return npm


def start(script: Path, fixtures: Path, key: str) -> AbstractContextManager[str]:
    """The server, which lets in one key and streams a few characters at a time."""
    node = shutil.which("node") or "node"
    command = [node, str(script), "--port", "0", "--fixtures", str(fixtures), "--chunk-size", "4"]
    return running([*command, "--strict"], {**os.environ, "AIMOCK_API_KEYS": key})
