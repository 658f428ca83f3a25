"""Functions that workers of a cluster import by name; as a program, a driver: python clustered.py ADDRESS RUN."""

import os
import signal
import sys
import time
from pathlib import Path

import arithmetic

from convscope.errors import UnitError

COUNT = 12 * 256 + 5


def slow(item):
    time.sleep(0.4)
    return arithmetic.here(item)


def doubled(number):
    return 2 * number


def refuse(number):
    raise UnitError(f"`{number}` is not a unit. Expected another.")


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


def linger_first(folder, number):
    """The first worker that gets item 0 never ends; whoever has it next answers at once."""
    if number == 0 and not (Path(folder) / "begun").exists():
        (Path(folder) / "begun").touch()
        time.sleep(600)
    return number


if __name__ == "__main__":
    from convscope.engines import Ray

    arithmetic.scan(sys.argv[2], COUNT, engine=Ray(address=sys.argv[1], cpus=1), function=slow)
