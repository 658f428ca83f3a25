"""Run the test suite on each installed Keras backend, side by side.

python tools/run_tests.py [--matrix] [--backends tensorflow,jax] [pytest arguments]

Without --matrix: everything but the long cases on the first backend, and on the others how signals are projected and climbed. With it: the
rest, that is the long cases on the first backend and all rooms that compute on the others. The two together are the whole suite.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from convscope.backend import installed

COMPUTING = tuple(f"tests/{room}" for room in "ascent backend embedding graph locality methods models network projection".split())
# What has most to do with a framework: its gradients, its pooling, its compiled functions.
CORE = (
    "tests/ascent/test_ascend.py",
    "tests/ascent/test_update.py",
    "tests/backend/test_engines.py",
    "tests/graph/test_pooling.py",
    "tests/graph/test_projector.py",
    "tests/graph/test_rules.py",
    "tests/methods/test_deconv.py",
    "tests/methods/test_saliency.py",
)


def selection(matrix: bool, first: bool) -> list[str]:
    """Return what pytest runs on the first backend or on another one."""
    if first:
        return ["-m", "long" if matrix else "not long"]
    return [*COMPUTING, *(f"--ignore={path}" for path in CORE), "-m", "not once"] if matrix else [*CORE, "-m", "not once and not long"]


def main(arguments: list[str]) -> int:
    """Run pytest in a process of its own for each backend; the first one's output as it comes, the others' after it."""
    matrix = arguments[:1] == ["--matrix"]
    arguments = arguments[matrix:]
    backends = installed()
    if arguments[:1] == ["--backends"]:
        backends, arguments = arguments[1].split(","), arguments[2:]
    started = time.perf_counter()
    some = any(not one.startswith("-") for one in arguments)
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for place, backend in enumerate(backends):
            output = (Path(folder) / backend).open("w+b") if place else None
            command = [sys.executable, "-m", "pytest", *([] if some else selection(matrix, place == 0)), *arguments]
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
