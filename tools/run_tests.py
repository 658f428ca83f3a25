"""Run the test suite on each installed Keras backend, as many processes at a time as there are cores.

python tools/run_tests.py [--matrix] [--backends tensorflow,jax] [pytest arguments]

Without --matrix: everything but the long cases on the first backend, and on the others how signals are projected. With it: the rest, the
long cases on the first backend and all rooms that compute on the others. The two together are the whole suite.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from convscope.backend import installed

# What a process each runs of the first backend's tests; another one, which begins first, runs the rest.
SHARES = (
    ("tests/cli", "tests/look"),
    ("tests/scanning", "tests/engines"),
    ("tests/ascent", "tests/graph", "tests/methods"),
    ("tests/models", "tests/network"),
    ("tests/attribution", "tests/comparing", "tests/explaining", "tests/naming", "tests/training", "tests/trusting"),
    ("tests/atlases", "tests/browser", "tests/portraits"),
)
# The rooms that compute, in three shares for each of the other backends.
COMPUTING = (
    ("tests/ascent", "tests/backend", "tests/embedding", "tests/models", "tests/network"),
    ("tests/graph", "tests/locality", "tests/methods", "tests/projection"),
    ("tests/attribution", "tests/comparing", "tests/explaining", "tests/naming", "tests/training", "tests/trusting"),
)
# What has most to do with a framework: its gradients, its pooling, its compiled functions.
CORE = (
    "tests/ascent/test_climb.py::test_t13_ascent_of_a_linear_unit_on_the_sphere_ends_at_its_weights",
    "tests/backend/test_engines.py",
    "tests/graph/test_pooling.py::test_t6_unpooling_by_switches_is_the_gradient_of_max_pooling",
    "tests/graph/test_pooling.py::test_equal_maxima_follow_the_tie_rule",
    "tests/graph/test_pooling.py::test_padding_never_wins_over_negative_values",
    "tests/graph/test_projector.py::test_t1_the_gradient_corner_is_automatic_differentiation",
    "tests/graph/test_projector.py::test_t1_the_gradient_corner_is_central_finite_differences_in_float64",
    "tests/graph/test_projector.py::test_t2_a_linear_layer_is_projected_by_its_transpose",
    "tests/graph/test_projector.py::test_t4_each_corner_of_the_engine_is_what_the_loops_say",
    "tests/graph/test_rules.py::test_the_deconvnet_rectifies_the_signal_at_every_form_of_relu",
    "tests/graph/test_rules.py::test_t4_guided_backprop_is_the_deconvnet_rule_times_the_forward_mask",
    "tests/graph/test_rules.py::test_a_gate_is_held_at_its_forward_value_even_at_zero",
    "tests/methods/test_deconv.py::test_the_projection_is_what_the_naive_deconvnet_returns",
    "tests/methods/test_saliency.py::test_t1_the_saliency_of_a_class_is_the_slope_of_its_score_before_the_softmax",
)
NO_TESTS = 5  # pytest's exit code where a share has none, as with -k


@dataclass(frozen=True)
class Part:
    """What one process runs: pytest's arguments on a backend."""

    backend: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        shown = " ".join(one for one in self.arguments if one not in CORE and not one.startswith("--deselect"))
        return f"{self.backend}: {shown}"

    def run(self) -> tuple["Part", int, bytes]:
        """Return the part itself, pytest's exit code and what it printed."""
        # The cores are shared out by processes; threads of each that wait by spinning would only disturb the others.
        settings = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
        if self.backend == "jax":  # it compiles each test's own small networks, a quarter faster without optimising them
            settings["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
        command = [sys.executable, "-m", "pytest", *self.arguments]
        print(f"begins {self}", flush=True)
        environment = os.environ | settings | {"KERAS_BACKEND": self.backend}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return self, done.returncode, done.stdout


def parts(backends: list[str], matrix: bool, arguments: tuple[str, ...]) -> list[Part]:
    """Return what is run, the longest first; where `arguments` name tests, those on each backend."""
    if any(not one.startswith("-") for one in arguments):
        return [Part(backend, arguments) for backend in backends]
    first, *others = backends
    left = tuple(f"--ignore={path}" for share in SHARES for path in share)
    found = [Part(first, ("-m", "long" if matrix else "not long", *share, *arguments)) for share in (left, *SHARES)]
    if matrix:
        done = tuple(f"--deselect={name}" for name in CORE)
        rest = [("-m", "not once", *share, *done, *arguments) for share in COMPUTING]
        rest.append(("-m", "not once and long", *CORE, *arguments))
    else:
        rest = [("-m", "not once and not long", *CORE, *arguments)]
    apart = [Part(backend, one) for one in rest for backend in others]
    return [*apart, *found] if matrix else [*found, *apart]


def main(arguments: list[str]) -> int:
    """Run all parts, one for each core at a time; print the output of each when it is done."""
    matrix = arguments[:1] == ["--matrix"]
    arguments = arguments[matrix:]
    backends = installed()
    if arguments[:1] == ["--backends"]:
        backends, arguments = arguments[1].split(","), arguments[2:]
    started = time.perf_counter()
    codes: dict[str, list[int]] = {backend: [] for backend in backends}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in as_completed([pool.submit(part.run) for part in parts(backends, matrix, tuple(arguments))]):
            part, code, output = done.result()
            print(f"== {part}", flush=True)
            sys.stdout.buffer.write(output)
            sys.stdout.buffer.flush()
            codes[part.backend].append(code)
    failed = {backend for backend, found in codes.items() if set(found) - {0, NO_TESTS} or 0 not in found}
    lines = [f"{backend}: {'FAILED' if backend in failed else 'passed'}" for backend in backends]
    missing = sorted({"tensorflow", "jax", "torch"} - set(backends))
    lines += [f"not installed, not tested: {', '.join(missing)}"] if missing else []
    print("\n".join([*lines, f"in {time.perf_counter() - started:.0f} s"]), flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
