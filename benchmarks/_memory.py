"""This process's memory. On its own and without imports, as the import rows run it in processes that count each."""

import resource
import sys


def _status(field: str) -> int:
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - pathlib would be measured too
        for line in status:
            if line.startswith(field.encode()):
                return int(line.split()[1]) * 1024
    raise LookupError(field)


def resident_bytes() -> int:
    """Return the resident memory of now; where the system has no `/proc`, its peak so far."""
    return _status("VmRSS:") if sys.platform == "linux" else peak_bytes()


def peak_bytes() -> int:
    """Return the peak of the resident memory.

    On Linux from `VmHWM`, which counts from `exec` on; `ru_maxrss` starts at the parent's peak.
    """
    if sys.platform == "linux":
        return _status("VmHWM:")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
