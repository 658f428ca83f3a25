"""Every architecture of keras.applications, saved as .h5 and .keras, through every method: a table of ticks and seconds.

python bench/sweep.py [NAME ...] [--lines sweep.jsonl] [--table sweep.md] [--memory 24]

Random weights, 10 classes, the smallest input that each takes. A process for each architecture gives its memory back; a line of JSON for
each makes it resumable: what the file of lines holds is not run again. `--memory`: gigabytes that a network and its files may take.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

FORMATS = (".h5", ".keras")
STEPS = ("load", "layers", "activations", "deconv", "saliency", "ascend", "features")
SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
MOST_SECONDS = 1200
COPIES = 5  # the network, its twin from the file, what saving and loading hold, and some air


def main() -> int:
    options = _options()
    if options.one:
        print(json.dumps(sweep_one(options.one, options.memory)))
        return 0
    done = {line["architecture"]: line for line in map(json.loads, _lines(options.lines))}
    for name in options.names or _names():
        if name in done:
            continue
        done[name] = _in_a_process(name, options.memory)
        with options.lines.open("a") as file:
            file.write(json.dumps(done[name]) + "\n")
        print(f"{name:<20} {summary(done[name])}", flush=True)
    wanted = [done[name] for name in options.names or done]
    text = table(wanted)
    print(text)
    if options.table:
        options.table.write_text(text)
    return int(any(failures(line) for line in wanted))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--lines", type=Path, default=Path("sweep.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--memory", type=float, default=24.0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _names() -> list[str]:
    from convscope.models import applications

    return applications.names()


def _in_a_process(name: str, memory: float) -> dict[str, Any]:
    """Return the line of an architecture, from a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--memory", str(memory)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {"architecture": name, "stopped": f"not done in {MOST_SECONDS} seconds"}
    if ran.returncode:
        return {"architecture": name, "stopped": f"exit code {ran.returncode}: {(ran.stderr.strip().splitlines() or [''])[-1]}"}
    return json.loads(ran.stdout.splitlines()[-1])


def sweep_one(name: str, memory: float = 24.0) -> dict[str, Any]:
    """Build an architecture, save it in both formats, and take every step with each file."""
    warnings.simplefilter("ignore")
    from convscope.backend import keras

    size = SMALLEST.get(name, 32)
    started = time.perf_counter()
    model = getattr(keras.applications, name)(weights=None, classes=10, input_shape=(size, size, 3))
    gigabytes = model.count_params() * 4 * COPIES / 2**30
    line = {"architecture": name, "size": size, "parameters": model.count_params(), "build": time.perf_counter() - started, "runs": {}}
    if gigabytes > memory:
        return line | {"stopped": f"needs {gigabytes:.0f} GB"}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in FORMATS:
            path = Path(folder) / f"model{suffix}"
            save(model, path)
            line["runs"][suffix] = take_steps(path, size)
            path.unlink()
    return line


def save(model: Any, path: Path) -> None:
    if path.suffix == ".keras":
        model.save(path)
        return
    from keras.src.legacy.saving import legacy_h5_format

    legacy_h5_format.save_model_to_hdf5(model, str(path))


def take_steps(path: Path, size: int) -> dict[str, dict[str, Any]]:
    """Take every step with a file; a step that fails says why, and those that need it are not tried."""
    import numpy as np

    import convscope

    found: dict[str, dict[str, Any]] = {}
    images = np.random.default_rng(0).random((4, size, size, 3), dtype=np.float32)
    bundle = _step(found, "load", lambda: convscope.load(path))
    rows = _step(found, "layers", lambda: convscope.layers(bundle)) if bundle else None
    if rows:
        maps = [row for row in rows if "convolution" in row.kind]
        layer, output = maps[len(maps) // 2].address, rows[-1].address
        _step(found, "activations", lambda: _finite(convscope.activations(bundle, layer, images[0]).maps))
        _step(found, "deconv", lambda: _finite(convscope.deconv(bundle, f"{layer}:0", images[0]).pixels))
        _step(found, "saliency", lambda: _finite(convscope.saliency(bundle, f"{output}:0", images[0]).pixels))
        _step(found, "ascend", lambda: _finite(convscope.ascend(bundle, f"{layer}:0", steps=2).images))
        _step(found, "features", lambda: _finite(_features(bundle, images)))
    return found


def _features(bundle: Any, images: Any) -> Any:
    """Return the features of the map; a map of them takes more than random weights, which may give all images the same."""
    from convscope.embedding.features import extract
    from convscope.images import as_image_set
    from convscope.network.features import feature_call
    from convscope.network.network import as_network

    return extract(bundle, as_image_set(images), feature_call(as_network(bundle).graph, None)).values


def _step(found: dict[str, dict[str, Any]], name: str, run: Any) -> Any:
    started = time.perf_counter()
    try:
        answer = run()
    except Exception as error:  # every failure is a row of the table, whatever it is
        found[name] = {"failed": f"{type(error).__name__}: {error}"}
        return None
    found[name] = {"seconds": round(time.perf_counter() - started, 3)}
    return answer


def _finite(values: Any) -> bool:
    import numpy as np

    if not np.isfinite(np.asarray(values, dtype=np.float64)).all():
        raise ValueError("the values are not finite")
    return True


def failures(line: dict[str, Any]) -> list[str]:
    """Return what went wrong with an architecture, a sentence each."""
    if "stopped" in line:
        return [f"{line['architecture']}: {line['stopped']}"]
    found = []
    for suffix, steps in line["runs"].items():
        left = [name for name in STEPS if name not in steps]
        found += [f"{line['architecture']}{suffix}, {name}: {steps[name]['failed']}" for name in STEPS if "failed" in steps.get(name, {})]
        found += [f"{line['architecture']}{suffix}: not tried: {', '.join(left)}"] if left else []
    return found


def summary(line: dict[str, Any]) -> str:
    wrong = failures(line)
    total = sum(step.get("seconds", 0) for steps in line.get("runs", {}).values() for step in steps.values())
    return wrong[0] if wrong else f"all ticks, {total:.0f} s"


def table(lines: list[dict[str, Any]]) -> str:
    """Return the table in Markdown: a row for each architecture and format, a tick with seconds for each step."""
    rows = [f"| architecture | parameters | input | file | {' | '.join(STEPS)} |", "|---|---|---|---|" + "---|" * len(STEPS)]
    for line in lines:
        for suffix in FORMATS:
            steps = line.get("runs", {}).get(suffix, {})
            cells = [_cell(steps.get(name, {})) for name in STEPS]
            size, parameters = line.get("size", "?"), f"{line.get('parameters', 0) / 1e6:.1f} M"
            rows.append(f"| {line['architecture']} | {parameters} | {size} x {size} | {suffix} | {' | '.join(cells)} |")
    wrong = [sentence for line in lines for sentence in failures(line)]
    ticks = sum("seconds" in step for line in lines for steps in line.get("runs", {}).values() for step in steps.values())
    rows += ["", f"{ticks} ticks of {len(lines) * len(FORMATS) * len(STEPS)}; seconds on this machine."]
    return "\n".join([*rows, *(["", "Failures:", "", *(f"- {one}" for one in wrong)] if wrong else [])]) + "\n"


def _cell(step: dict[str, Any]) -> str:
    if "seconds" in step:
        return f"✓ {step['seconds']:.1f}"
    return "failed" if "failed" in step else "-"


if __name__ == "__main__":
    sys.exit(main())
