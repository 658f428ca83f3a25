"""How long `convscope --help` takes beside a bare Python, as the median of interleaved runs.

python bench/startup.py [RUNS]
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {"python -c pass": ["-c", "pass"], "convscope --help": ["-m", "convscope", "--help"], "import numpy": ["-c", "import numpy"]}


def seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return time.perf_counter() - started


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(arguments))
    for name, measured in times.items():
        spread = max(measured) - min(measured)
        print(f"{name:<18} median {statistics.median(measured):.3f} s, spread {spread:.3f} s ({runs} runs)")


if __name__ == "__main__":
    main()
