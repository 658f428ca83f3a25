"""Run the test suite once on each installed Keras backend: everything on the first, the computing rooms on the others.

python tools/run_tests.py [--backends tensorflow,jax] [pytest arguments]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from convscope.backend import installed

COMPUTING = ("tests/backend", "tests/graph", "tests/methods", "tests/models")


def main(arguments: list[str]) -> int:
    """Run pytest in a process of its own for each backend, side by side; the first one's output as it comes, the others' after it."""
    backends = installed()
    if arguments[:1] == ["--backends"]:
        backends, arguments = arguments[1].split(","), arguments[2:]
    started = time.perf_counter()
    some = any(not one.startswith("-") for one in arguments)
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for place, backend in enumerate(backends):
            output = (Path(folder) / backend).open("w+b") if place else None
            others = () if place == 0 or some else (*COMPUTING, "-m", "not once")
            command = [sys.executable, "-m", "pytest", *others, *arguments]
            # Of threads that wait by spinning there must not be more than cores.
            environment = os.environ | {"KERAS_BACKEND": backend} | ({"OMP_NUM_THREADS": "1"} if place else {})
            running[backend] = output, subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        lines, failed = [], False
        for backend, (output, process) in running.items():
            print(f"== {backend}", flush=True)
            code = process.wait()
            if output is not None:
                output.seek(0)
                sys.stdout.buffer.write(output.read())
                output.close()
            failed |= code != 0
            lines.append(f"{backend}: {'passed' if code == 0 else f'FAILED ({code})'}")
    missing = sorted({"tensorflow", "jax", "torch"} - set(backends))
    lines += [f"not installed, not tested: {', '.join(missing)}"] if missing else []
    print("\n".join([*lines, f"in {time.perf_counter() - started:.0f} s"]), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
