"""How many units of a network's convolutions a picture excites, how many only a later attempt of gradient ascent, and which are dead.

python bench/alive.py [MODEL] [--layers PATTERN] [--first N] [--sample N] [--size PX] [--steps N] [--photographs [IMAGES]] [--lines FILE]

The canvas is that of `convscope ascend`. Each unit first climbs for N steps (`--first`, 8 by default) of the default course. A picture
that excites the unit proves that it is alive, so it climbs no further. A unit that this picture does not excite climbs the whole default
course, with all of its attempts; only such units can be called dead. `--first 0` climbs the whole course for all units: many times as
long, hours for the 4,224 units of VGG16 on two cores. With `--photographs` units that one of the embedded photographs, or of IMAGES,
excites do not climb at all: that proves as much in a few seconds. A photograph counts whole, as its negative, and as its four quarters at
full size. The value is that of the 8-bit picture, in float32; its median is given for layers in which all units climbed the whole course.

A filter that reads the output of a ReLU, and has no weight and no bias above zero, never rises above zero, whatever the image. It does
not climb. That says nothing of the batch normalization behind it, which may lift its values above zero. `--behind` counts for how
many dead units it does so on the photographs, and which the weights keep at or below zero even there.

`--sample N` counts at most N units of each layer, drawn with seed 0. Each batch of units is written to FILE as a line of JSON when it is
done; the same command resumes behind the last line. The table is printed at the end, also after Ctrl-C; `--blocks` joins the layers whose
names have the same first part, `block4b` in `block4b_expand_conv`.
"""

import argparse
import contextlib
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

WEIGHTS = "weights"  # by which proof: the weights; else the steps of the first climb, 0 a photograph, None the whole course
NAMED = 8  # dead units whose names are given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="vgg16")
    parser.add_argument("--layers", default="convolutions", help="a pattern over layer addresses")
    parser.add_argument("--first", type=int, default=8, metavar="N")
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--size", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--photographs", nargs="?", const="sample:photos", metavar="IMAGES")
    parser.add_argument("--behind", action="store_true")
    parser.add_argument("--lines", type=Path)
    parser.add_argument("--blocks", action="store_true")
    asked = parser.parse_args()
    lines = asked.lines or Path(f"alive-{Path(asked.model).stem}.jsonl")
    with contextlib.suppress(KeyboardInterrupt):
        count(asked, lines)
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    print(table(found, blocks=asked.blocks))
    if asked.behind:
        print(behind(asked, dead_units(found)))


def count(asked, lines):
    """Climb for the units of all layers, batch by batch, but for those that `lines` holds."""
    import convscope
    from convscope.ascent.ascend import canvas_for
    from convscope.ascent.climb import batches
    from convscope.ascent.jobs import ascend_all
    from convscope.network.listing import matching
    from convscope.network.network import as_network
    from convscope.network.targets import as_targets

    bundle = convscope.load(asked.model, **({"weights": "embedded"} if asked.model == "vgg16" else {}))
    settings = {"model": bundle.digest, "size": asked.size, "steps": asked.steps, "convscope": convscope.__version__}
    done = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    if any(one["settings"] != settings for one in done):
        raise SystemExit(f"{lines} was counted with other settings. Give another file with --lines.")
    known = {(one["layer"], channel) for one in done for channel in one["channels"]}
    layers = matching(bundle, asked.layers)
    values, seconds, pixels = strongest(bundle, layers, asked.photographs) if asked.photographs else ({}, 0, 0)
    for layer in layers:
        units = f"{layer.address}:all"
        climber = ascend_all(bundle, units, size=asked.size, steps=asked.steps).climber
        targets = as_targets(as_network(bundle), units)
        canvas = canvas_for(climber, targets)
        of = {"layer": layer.address, "units": len(targets)}
        targets = [target for target in sampled(targets, asked.sample) if (layer.address, target.unit.channel) not in known]
        if targets and asked.photographs:
            found, targets = photographed(targets, values[layer.address], seconds, pixels)
            write(lines, {"settings": settings, **of, **found})
        if not targets:
            continue
        held = never_above_zero(as_network(bundle), layer.address)
        if never := [target.unit.channel for target in targets if target.unit.channel in held]:
            line = {"first": WEIGHTS, "channels": never, "scores": [0.0] * len(never), "later": [], "pixels": 0, "seconds": 0}
            write(lines, {"settings": settings, **of, **line})
            targets = [target for target in targets if target.unit.channel not in held]
        if not targets:
            continue
        courses = [(None, climber)]
        if asked.first:
            attempt = replace(climber.attempts(targets)[0], steps=asked.first)
            courses.insert(0, (asked.first, ascend_all(bundle, units, size=asked.size, attempts=[attempt]).climber))
        for chunk in batches(targets, canvas, 1):
            for first, course in courses:
                found, chunk = climbed(course, chunk, first)
                write(lines, {"settings": settings, **of, **found})
                if not chunk:
                    break


def never_above_zero(network, address):
    """Return the channels of a convolution whose weights alone keep them from rising above zero."""
    from convscope.backend import ops
    from convscope.graph.kinds import Kind

    call = network.graph.visible[address]
    layer = call.operation
    if any(network.graph.calls[source.call].kind is not Kind.RELU for source in call.sources):
        return frozenset()
    kernel = ops.convert_to_numpy(layer.kernel)
    filters = kernel.shape[-1] * (kernel.shape[-2] if hasattr(layer, "depth_multiplier") else 1)
    largest = kernel.reshape(-1, filters)
    bias = np.zeros(filters) if layer.bias is None else ops.convert_to_numpy(layer.bias)
    return frozenset(np.flatnonzero((largest.max(axis=0) <= 0) & (bias <= 0)).tolist())


def write(lines, line):
    with lines.open("a") as file:
        file.write(json.dumps(line) + "\n")


def strongest(bundle, layers, photographs):
    """Return for each layer the largest value of each unit on all views of some photographs, and the seconds of a layer."""
    from convscope.ascent.objective import scored_calls
    from convscope.backend import ops
    from convscope.images import as_batch
    from convscope.network.entering import fit_of
    from convscope.network.network import as_network
    from convscope.network.targets import as_targets

    network, began = as_network(bundle), time.perf_counter()
    calls = [scored_calls(network.graph, as_targets(network, f"{layer.address}:0"))[0].index for layer in layers]
    largest = [-np.inf] * len(layers)
    for image in views(as_batch(photographs, fit_of(bundle)).pixels):
        for place, values in enumerate(network.graph.run(bundle.preprocessing.apply(image[None]), calls)):
            found = ops.convert_to_numpy(values)
            largest[place] = np.maximum(largest[place], found.reshape(-1, found.shape[-1]).max(axis=0))
    addresses = [layer.address for layer in layers]
    return dict(zip(addresses, largest, strict=True)), (time.perf_counter() - began) / len(layers), image.shape[0]


def photographed(targets, largest, seconds, pixels):
    """Return what the photographs make of a layer's units, and those that none of them excites."""
    excited = [target for target in targets if largest[target.unit.channel] > 0]
    channels = [target.unit.channel for target in excited]
    return {
        "first": 0,
        "channels": channels,
        "scores": [written(largest[channel]) for channel in channels],
        "later": [],
        "pixels": pixels,
        "seconds": round(seconds, 1),
    }, [target for target in targets if largest[target.unit.channel] <= 0]


def written(score):
    """Return a score to four digits, so that one just above zero stays above it."""
    return float(f"{score:.4g}")


def views(photographs):
    """Yield each photograph (height, width, 3) in [0, 1], its negative, and its quarters, enlarged by repeating pixels."""
    for image in photographs:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        yield from (image, 1 - image)
        for top, left in ((0, 0), (0, width), (height, 0), (height, width)):
            quarter = image[top : top + height, left : left + width]
            yield quarter.repeat(2, axis=0).repeat(2, axis=1)


def sampled(targets, most):
    """Return at most so many of a layer's units, in their order."""
    if most is None or most >= len(targets):
        return targets
    return [targets[place] for place in sorted(np.random.default_rng(0).choice(len(targets), most, replace=False))]


def climbed(climber, chunk, first):
    """Return what became of a batch of units, and those of them that must climb on: after the `first` steps, all that are not excited."""
    from convscope.ascent.ascend import ascended

    attempts, later, began = 0, set(), time.perf_counter()

    def watch(stage):
        nonlocal attempts
        attempts += stage.step == 1
        later.update(unit.channel for unit in stage.units if attempts > 1)

    record = ascended(climber, chunk, watch)
    if record.interrupted:
        raise KeyboardInterrupt
    kept = record.margins > 0 if first else np.ones(len(chunk), bool)
    return {
        "first": first,
        "channels": [unit.channel for unit, keep in zip(record.units, kept, strict=True) if keep],
        "scores": [written(score) for score in record.scores[kept]],
        "later": sorted(later),
        "pixels": int(record.images.shape[1]),
        "seconds": round(time.perf_counter() - began, 1),
    }, [target for target, keep in zip(chunk, kept, strict=True) if not keep]


def dead_units(lines):
    """Return the channels of each layer that nothing excites."""
    found = {}
    for line in lines:
        found.setdefault(line["layer"], []).extend(
            channel for channel, score in zip(line["channels"], line["scores"], strict=True) if not score > 0
        )
    return {layer: sorted(channels) for layer, channels in found.items() if channels}


def behind(asked, dead):
    """Say how many of these units rise above zero behind their batch normalization, on whole photographs, and how many never can."""
    import convscope
    from convscope.backend import ops
    from convscope.graph.kinds import Kind
    from convscope.images import as_batch
    from convscope.network.entering import fit_of
    from convscope.network.network import as_network

    bundle = convscope.load(asked.model)
    network = as_network(bundle)
    graph, after = network.graph, {}
    for layer in dead:
        index = graph.visible[layer].index
        readers = [call for call in graph.calls if index in {source.call for source in call.sources} and call.kind is Kind.NORMALIZATION]
        if readers:
            after[layer] = readers[0]
    largest = {layer: np.full(len(dead[layer]), -np.inf) for layer in after}
    for image in as_batch(asked.photographs or "sample:photos", fit_of(bundle)).pixels:
        values = graph.run(bundle.preprocessing.apply(image[None]), [call.index for call in after.values()])
        for layer, one in zip(after, values, strict=True):
            found = ops.convert_to_numpy(one)[..., dead[layer]].reshape(-1, len(dead[layer])).max(axis=0)
            largest[layer] = np.maximum(largest[layer], found)
    rise = sum(int((values > 0).sum()) for values in largest.values())
    held = sum(int(convscope.weights(bundle, layer).dead[dead[layer]].sum()) for layer in after)
    count = sum(map(len, dead.values()))
    return f"Of {count:,} dead units {rise:,} rise above zero behind their batch normalization; {held:,} never can, by the weights."


def table(lines, *, blocks=False):
    """Return the table, a row for each layer or block."""
    proofs = "by a photograph|by the first steps|by the whole course|by a later attempt|dead|of these by the weights"
    heads = f"layer|units|counted|side (px)|{proofs}|median value|seconds".split("|")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    part = (lambda layer: layer.split("_")[0]) if blocks else str
    for name in dict.fromkeys(part(line["layer"]) for line in lines):
        mine = [line for line in lines if part(line["layer"]) == name]
        scores = {(line["layer"], channel): score for line in mine for channel, score in zip(line["channels"], line["scores"], strict=True)}
        ways = Counter(line.get("first") for line in mine for _ in line["channels"])
        dead = [unit for unit, score in scores.items() if not score > 0]
        later = {(line["layer"], channel) for line in mine for channel in line["later"]} - set(dead)
        layers = {line["layer"]: line.get("units") for line in mine}
        units = sum(of or sum(layer == one for layer, _ in scores) for one, of in layers.items())
        sides = sorted({line["pixels"] for line in mine if line.get("first") not in (0, WEIGHTS)}) or ["-"]
        names = ", ".join(str(channel) if not blocks else f"{layer}:{channel}" for layer, channel in dead) or "none"
        names = names if len(dead) <= NAMED else f"{len(dead):,}"
        whole = ways[None] == len(scores)
        median = np.format_float_positional(np.median(list(scores.values())), precision=3, fractional=False, trim="-") if whole else ""
        figures = (
            units,
            len(scores),
            "-".join(map(str, (sides[0], sides[-1])[: len(sides)])),
            ways[0],
            len(scores) - ways[0] - ways[WEIGHTS] - ways[None],
        )
        climbed_whole = ways[None] - (len(dead) - ways[WEIGHTS]) - len(later)
        ended = (climbed_whole, len(later), names, ways[WEIGHTS], median, f"{sum(line['seconds'] for line in mine):.0f}")
        rows.append(f"| {' | '.join(map(str, (name, *figures, *ended)))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
