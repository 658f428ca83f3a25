"""How many filters of VGG16 (the embedded weights) end with a picture that excites them, how many by a later attempt, and which are dead.

python bench/alive.py [--layers PATTERN] [--size 64] [--steps 32]

A line for each layer as soon as it is counted; a long run: some six minutes for the 512 filters of a late layer on two cores. The score is
that of the returned 8-bit picture, in float32.
"""

import argparse
import time

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", default="all", help="a pattern over layer addresses")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=32)
    asked = parser.parse_args()

    import convscope
    from convscope.graph.listing import matching

    bundle = convscope.load("vgg16", weights="embedded")
    print(
        "| layer | filters | excited by their picture | of these by a later attempt | dead | median value | seconds |\n" + "|---" * 7 + "|"
    )
    for layer in matching(bundle, asked.layers):
        count(bundle, layer.address, asked.size, asked.steps)


def count(bundle, layer, size, steps):
    """Climb for all filters of a layer and print its line."""
    from convscope.methods.ascent.ascend import ascended, canvas_for
    from convscope.methods.ascent.batching import batches
    from convscope.methods.ascent.jobs import ascend_all
    from convscope.methods.ascent.targets import as_targets

    began, scores, later = time.perf_counter(), {}, set()
    climber = ascend_all(bundle, f"{layer}:all", size=size, steps=steps).climber
    units = as_targets(bundle, f"{layer}:all")
    for chunk in batches(units, canvas_for(climber, units), 1):
        attempts = 0

        def watch(stage):
            nonlocal attempts
            attempts += stage.step == 1
            later.update(stage.units if attempts > 1 else ())

        record = ascended(climber, chunk, watch)
        scores |= dict(zip(record.units, record.scores, strict=True))
    dead = [unit for unit, score in scores.items() if not score > 0]
    names = ", ".join(str(unit.channel) for unit in dead) or "none"
    woken, typical = len(later - set(dead)), np.median(list(scores.values()))
    alive, seconds = len(scores) - len(dead), time.perf_counter() - began
    print(f"| {layer} | {len(scores)} | {alive} | {woken} | {names} | {typical:.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
