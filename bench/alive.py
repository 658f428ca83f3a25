"""How many units of a network's convolutions end with a picture that excites them, how many by a later attempt, and which are dead.

python bench/alive.py [MODEL] [--layers PATTERN] [--size PX] [--steps N] [--lines FILE]

Without --size and --steps the pictures are those of `convscope ascend`. That takes hours for the 4,224 units of VGG16 on two cores, so each
batch of units is written to FILE as a line of JSON when it is done; the same command resumes behind the last line. The score is that of
the returned 8-bit picture, in float32. The table is printed at the end, also after Ctrl-C.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="vgg16")
    parser.add_argument("--layers", default="convolutions", help="a pattern over layer addresses")
    parser.add_argument("--size", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--lines", type=Path)
    asked = parser.parse_args()
    lines = asked.lines or Path(f"alive-{Path(asked.model).stem}.jsonl")
    with contextlib.suppress(KeyboardInterrupt):
        count(asked, lines)
    print(table([json.loads(line) for line in lines.read_text().splitlines()]))


def count(asked, lines):
    """Climb for all units of all layers, batch by batch, but for those that `lines` holds."""
    import convscope
    from convscope.ascent.ascend import canvas_for
    from convscope.ascent.climb import batches
    from convscope.ascent.jobs import ascend_all
    from convscope.ascent.target import as_targets
    from convscope.network.listing import matching
    from convscope.network.network import as_network

    bundle = convscope.load(asked.model, **({"weights": "embedded"} if asked.model == "vgg16" else {}))
    settings = {"model": bundle.digest, "size": asked.size, "steps": asked.steps, "convscope": convscope.__version__}
    done = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    if any(one["settings"] != settings for one in done):
        raise SystemExit(f"{lines} was counted with other settings. Give another file with --lines.")
    known = {(one["layer"], channel) for one in done for channel in one["channels"]}
    for layer in matching(bundle, asked.layers):
        climber = ascend_all(bundle, f"{layer.address}:all", size=asked.size, steps=asked.steps).climber
        targets = as_targets(as_network(bundle), f"{layer.address}:all")
        for chunk in batches(targets, canvas_for(climber, targets), 1):
            if not {(layer.address, target.unit.channel) for target in chunk} <= known:
                with lines.open("a") as file:
                    file.write(json.dumps({"settings": settings, "layer": layer.address, **climbed(climber, chunk)}) + "\n")


def climbed(climber, chunk):
    """Return what became of a batch of units: their scores, and which of them needed a later attempt."""
    from convscope.ascent.ascend import ascended

    attempts, later, began = 0, set(), time.perf_counter()

    def watch(stage):
        nonlocal attempts
        attempts += stage.step == 1
        later.update(unit.channel for unit in stage.units if attempts > 1)

    record = ascended(climber, chunk, watch)
    if record.interrupted:
        raise KeyboardInterrupt
    return {
        "channels": [unit.channel for unit in record.units],
        "scores": [round(float(score), 4) for score in record.scores],
        "later": sorted(later),
        "pixels": int(record.images.shape[1]),
        "seconds": round(time.perf_counter() - began, 1),
    }


def table(lines):
    """Return the table, a row for each layer."""
    rows = ["| layer | units | side (px) | excited by their picture | of these by a later attempt | dead | median value | seconds |"]
    rows.append("|---" * 8 + "|")
    for layer in dict.fromkeys(line["layer"] for line in lines):
        mine = [line for line in lines if line["layer"] == layer]
        scores = {channel: score for line in mine for channel, score in zip(line["channels"], line["scores"], strict=True)}
        dead = [channel for channel, score in scores.items() if not score > 0]
        woken = {channel for line in mine for channel in line["later"]} - set(dead)
        seconds = sum(line["seconds"] for line in mine)
        names = ", ".join(map(str, dead)) or "none"
        median = np.format_float_positional(np.median(list(scores.values())), precision=3, fractional=False, trim="-")
        alive = len(scores) - len(dead)
        rows.append(f"| {layer} | {len(scores)} | {mine[0]['pixels']} | {alive} | {len(woken)} | {names} | {median} | {seconds:.0f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
