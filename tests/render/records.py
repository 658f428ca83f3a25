"""Small records for the drawings: made of numbers, no network."""

import math
from typing import Any

import numpy as np

from convscope.results import (
    COLOURED,
    SALIENCIES,
    Activations,
    Ascent,
    ComparedMaps,
    Dossier,
    Embedding,
    Patches,
    Projections,
    Provenance,
    Saliency,
    TopPatches,
    Windows,
)
from convscope.units import Unit


def provenance(method: str) -> Provenance:
    return Provenance(method, {"name": "tiny"}, ({"name": "kätzchen.jpg"},), {"unit": "conv:1"}, 0, {"name": "x"}, {})


def _noise(*shape: int) -> Any:
    return np.random.default_rng(0).random(shape, np.float32)


def activations(channels: int = 8, images: int = 1, channels_in: int = 3, side: int = 7, **more: Any) -> Activations:
    maps = _noise(images, side, side, channels) if side else _noise(images, channels)
    names = tuple(f"image {index}.jpg" for index in range(images))
    settings: dict[str, Any] = {"order": "strongest", "most": None, "maps": maps} | more
    pixels = _noise(images, 24, 32, channels_in)
    return Activations(provenance=provenance("activations"), layer="conv", images=pixels, image_names=names, **settings)


def projections(units: int = 1, images: int = 1, **more: Any) -> Projections:
    """Fields are rows 2 to 12 and columns 4 to 14 of 24 x 32 pixels."""
    fields = np.broadcast_to(np.array([2, 4, 12, 14]), (images, units, 4))
    settings: dict[str, Any] = {
        "windows": Windows(list(map(list, _noise(images, units, 24, 32, 3) - 0.5)), np.zeros((images, units, 2), np.int64), (24, 32)),
        "values": np.ones((images, units), np.float32),
        "seeds": more.get("values", np.ones((images, units), np.float32)),
        "positions": np.ones((images, units, 2), np.int64),
        "fields": fields,
        "border": np.zeros((images, units), bool),
        "images": _noise(images, 24, 32, 3),
        "variant": "switches",
        "seeded": "max",
    } | more
    names = tuple(f"image {index}.jpg" for index in range(images))
    addresses = tuple(Unit("conv", index) for index in range(units))
    return Projections(provenance=provenance("deconv"), units=addresses, image_names=names, **settings)


def saliency(
    images: int = 1, method: str = "gradient", channels: int = 3, field: tuple[int, ...] = (0, 0, 24, 32), units: int = 1
) -> Saliency:
    pixels = _noise(images, 24, 32, channels)
    names = tuple(f"image {index}.jpg" for index in range(images))
    bands = channels if method in COLOURED else 1
    shape = (images,) if units == 1 else (images, units)
    return Saliency(
        provenance=provenance("saliency"),
        units=tuple(Unit("predictions", 3 + unit) for unit in range(units)),
        method=method,
        windows=Windows(list(map(list, _noise(images, units, 24, 32, bands) - 0.5)), np.zeros((images, units, 2), np.int64), (24, 32)),
        scores=np.ones(shape, np.float32),
        values=np.ones(shape, np.float32),
        fields=np.broadcast_to(np.array(field), (*shape, 4)),
        images=pixels,
        image_names=names,
    )


def compared_maps(images: int = 1) -> ComparedMaps:
    methods = (*SALIENCIES, "random")
    curves = _noise(images, len(methods), 29)
    return ComparedMaps(
        provenance=provenance("saliency"),
        unit=Unit("predictions", 3),
        methods=methods,
        maps=_noise(images, len(methods), 24, 32) - 0.5,
        scores=np.ones(images, np.float32),
        deletion=1 - curves,
        insertion=curves,
        measure="probability",
        images=_noise(images, 24, 32, 3),
        image_names=tuple(f"image {index}.jpg" for index in range(images)),
    )


def ascent(units: int = 1, channels: int = 3, **more: Any) -> Ascent:
    levels = np.random.default_rng(0).integers(0, 256, (units, 16, 20, channels))
    settings: dict[str, Any] = {
        "units": tuple(Unit("conv", index) for index in range(units)),
        "images": (levels / 255).astype(np.float32),
        "scores": np.ones(units, np.float32),
    } | more
    settings = {"margins": settings["scores"], "values": settings["scores"]} | settings
    return Ascent(provenance=provenance("ascend"), courses=np.zeros((1, units), np.float32), mode="best", **settings)


def embedding(images: int = 30, channels: int = 1, **more: Any) -> Embedding:
    rng = np.random.default_rng(0)
    settings: dict[str, Any] = {
        "points": rng.normal(size=(images, 2)).astype(np.float32),
        "thumbnails": rng.integers(0, 256, (images, 8, 8, channels), np.uint8),
        "labels": tuple(f"class {index % 3}" for index in range(images)),
        "predictions": None,
        "probabilities": None,
        "image_names": tuple(f"{index}.png" for index in range(images)),
    } | more
    columns = math.ceil(math.sqrt(images))
    order = np.arange(images, dtype=np.int32)
    return Embedding(
        provenance=provenance("tsne"),
        layer="dense",
        neighbours=(order[:, np.newaxis] + np.arange(1, min(8, images - 1) + 1, dtype=np.int32)) % images,
        cells=np.stack([order % columns, order // columns], axis=1),
        grid=(columns, math.ceil(images / columns)),
        features=np.zeros((images, 2), np.float32),
        engine="sklearn",
        quality={"knn@10": 0.5},
        **settings,
    )


def patches(channel: int = 0, *, k: int = 9, fires: int = 9, window: int = 10, channels: int = 3, side: int = 24, **more: Any) -> Patches:
    """The window of place 0 reaches 3 pixels over the top and the left border."""
    fields = np.stack([np.arange(k) - 3, np.arange(k) - 3, np.arange(k) - 3 + window, np.arange(k) - 3 + window], axis=1)
    settings: dict[str, Any] = {
        "pixels": _noise(k, window, window, channels),
        "projections": _noise(k, window, window, channels) - 0.5,
        "fields": np.minimum(fields, side - 2),
    } | more
    return Patches(
        unit=Unit("conv", channel),
        images=np.where(np.arange(k) < fires, np.arange(k), -1),
        names=tuple(f"image {index}.jpg" for index in range(k)),
        labels=tuple(f"class {index % 3}" for index in range(k)),
        values=np.where(np.arange(k) < fires, 9.5 - np.arange(k), 0).astype(np.float32),
        before=np.where(np.arange(k) < fires, 9.5 - np.arange(k), 0).astype(np.float32),
        positions=np.ones((k, 2), np.int64),
        size=(side, side),
        **settings,
    )


def top(units: int = 4, *, silent: tuple[int, ...] = (), theme: str = "light", **more: Any) -> TopPatches:
    return TopPatches(
        provenance=provenance("top"),
        layer="conv",
        patches=tuple(patches(index, **({"fires": 0} if index in silent else {}) | more) for index in range(units)),
        fires=np.linspace(0, 1, units, dtype=np.float32),
        channels=64,
        silent=len(silent),
        images=2000,
        dataset="photos",
        variant="switches",
        theme=theme,
    )


def dossier(**more: Any) -> Dossier:
    shown: dict[str, Any] = {"patches": patches()} | more
    settings: dict[str, Any] = {
        "spread": shown["patches"].projections[..., ::-1],
        "synthetic": _noise(20, 20, 3),
        "score": 21.5,
        "percentile": 100.0,
        "edges": np.linspace(0, 10, 21),
        "counts": (100 * np.exp(-np.linspace(0, 4, 20))).astype(np.int64),
        "fires": 0.234,
        "quantiles": {"0.5": 0.0, "0.9": 2.5, "0.99": 7.25},
        "class_means": {"class 0": 3.5, "class 1": 1.25, "class 2": 0.0},
        "class_top": {"class 0": 0.75, "class 1": 0.25},
        "example": _noise(24, 24, 3),
        "field": (10, 10),
    } | shown
    return Dossier(provenance=provenance("dossier"), images=2000, dataset="photos", **settings)
