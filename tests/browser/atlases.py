"""An atlas of 22,008 units in fifty layers, of random numbers, to test size alone: all else is tested on what `convscope.atlas` made."""

import json
from pathlib import Path

import numpy as np

from convscope.atlases import viewer
from convscope.render.site import column, data_file, rising, sheet

UNITS, LAYERS, WIDE, CLASSES = 22_008, 50, 1_280, 100
BESIDE = (UNITS - WIDE) // (LAYERS - 1)


def write_large(folder: Path) -> None:
    """Write the folder: all units have numbers, those of the last layer have pictures too."""
    random = np.random.default_rng(0)
    counts = [BESIDE] * (LAYERS - 2) + [UNITS - WIDE - BESIDE * (LAYERS - 2), WIDE]
    layers = [layer_of(n, units) for n, units in enumerate(counts)]
    data = folder / "data"
    data.mkdir(parents=True)
    for layer in layers:
        (data / f"units-{layer['n']}.js").write_bytes(data_file(f"units-{layer['n']}", columns(layer, random)))
    tiles = random.integers(0, 255, (16, 64, 64, 3), np.uint8)
    for chunk in range(WIDE // 16):
        (data / f"synthetic-{LAYERS - 1}-{chunk}.webp").write_bytes(sheet(tiles, 64, 4) if chunk == 0 else first(data))
    (data / "overview.webp").write_bytes(sheet(np.zeros((8 * LAYERS, 48, 48, 3), np.uint8), 48, 8))
    (data / "start.js").write_bytes(data_file("start", start(layers)))
    for path, content in (viewer.assets().files | {"index.html": viewer.index("large")}).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps({"kind": "atlas"}))


def first(data: Path) -> bytes:
    return (data / f"synthetic-{LAYERS - 1}-0.webp").read_bytes()


def layer_of(n: int, units: int) -> dict[str, object]:
    chunks, last = -(-units // 16), n == LAYERS - 1
    return {
        "n": n, "address": f"block{n // 7}_layer{n}", "kind": "Conv2D", "shape": [7, 7], "units": units, "first": [0, 1],
        "field": [99, 99], "whole": False,
        "parameters": 9 * units, "block": [f"block{n // 7}"], "dead": 0, "silent": 0, "done": "0" * chunks, "pictured": "01"[last] * chunks,
        "synthetic": last, "chunk": 16, "without": "", "tile": 64, "detail_tile": 96, "size": 64, "score_max": 1.0,
        "classes": False, "remarks": [],
    }  # fmt: skip


def columns(layer: dict[str, object], random: np.random.Generator) -> dict[str, object]:
    units = int(str(layer["units"]))
    numbers = {name: column(random.random(units).astype("f4")) for name in ("fires", "mean", "max", "q50", "q99", "selectivity", "auc")}
    return numbers | {
        "n": layer["n"], "address": layer["address"], "order": column(random.permutation(units), "u2"), "score": None, "percentile": None,
        "verdict": column(np.zeros(units), "u1"), "top_class": column(random.integers(0, CLASSES, units), "i4"),
        "best": column(np.zeros(units), "i4"),
    }  # fmt: skip


def start(layers: list[dict[str, object]]) -> dict[str, object]:
    nodes = [
        {
            "id": place,
            "address": one["address"],
            "kind": one["kind"],
            "block": one["block"],
            "shape": [7, 7, one["units"]],
            "layer": one["n"],
        }
        for place, one in enumerate(layers)
    ]
    return {
        "schema": 1, "convscope": "0", "title": "Atlas of a large network", "layers": layers, "remarks": [], "map": False,
        "sample": rising(np.arange(0)),
        "model": {"name": "large", "digest": "0", "preprocessing": "none", "input": [224, 224, 3], "weights": "random"},
        "run": {"images": 9, "skipped": 0, "dataset": "none", "complete": True, "sample": 0, "labelled": True},
        "settings": {"synthetic": "fast", "size": 64, "projections": 0},
        "graph": {"nodes": nodes, "edges": [[n, n + 1] for n in range(LAYERS - 1)] + [[n, n + 3] for n in range(0, LAYERS - 3, 3)]},
        "classes": [{"name": f"class {c}", "images": 1, "unit": None} for c in range(CLASSES)],
        "images": {"count": 0, "ids": rising(np.arange(0)), "tile": 96, "columns": 8, "per": 32, "records": 256},
    }  # fmt: skip
