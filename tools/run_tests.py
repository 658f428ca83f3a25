"""Run the test suite once on each installed Keras backend: everything on the first, the computing rooms on the others.

python tools/run_tests.py [--backends tensorflow,jax] [pytest arguments]
"""

import os
import subprocess
import sys
import time

from convscope.backend import installed

COMPUTING = ("tests/backend", "tests/graph", "tests/methods", "tests/models")


def main(arguments: list[str]) -> int:
    """Run pytest in a process of its own for each backend, and say at the end how each went."""
    backends = installed()
    if arguments[:1] == ["--backends"]:
        backends, arguments = arguments[1].split(","), arguments[2:]
    lines, failed = [], False
    for place, backend in enumerate(backends):
        started = time.perf_counter()
        folders = () if place == 0 or any(not one.startswith("-") for one in arguments) else COMPUTING
        print(f"== {backend}", flush=True)
        command = [sys.executable, "-m", "pytest", *folders, *arguments]
        code = subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, check=False).returncode
        failed |= code != 0
        lines.append(f"{backend}: {'passed' if code == 0 else f'FAILED ({code})'} in {time.perf_counter() - started:.0f} s")
    missing = sorted({"tensorflow", "jax", "torch"} - set(backends))
    print("\n".join(lines + ([f"not installed, not tested: {', '.join(missing)}"] if missing else [])))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
