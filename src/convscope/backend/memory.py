"""How much memory there is to compute in, as far as the system says."""

import os
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def available_memory() -> float:
    """Return how many bytes programs may still take: what is free or can be freed, within a container's own limit; infinity if unknown."""
    return min(_of_the_machine(), _of_the_container())


def _of_the_machine() -> float:
    try:
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return float("inf")
    except (OSError, ValueError, IndexError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))  # of macOS: all there is
    except (AttributeError, OSError, ValueError):
        return float("inf")


def _of_the_container() -> float:
    try:
        most, taken = ((CONTROL_GROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return float("inf") if most == "max" else max(int(most) - int(taken), 0)
    except (OSError, ValueError):
        return float("inf")
