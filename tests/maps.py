"""Embeddings made of real pictures, at any size: Fashion-MNIST at its principal components, crops of the sample photographs."""

import functools

import numpy as np
from PIL import Image

from convscope import assets
from convscope.results import CAUTION_TSNE, Embedding, Provenance

WRONG_EVERY = 9
HOSTILE = (
    "</script><img src=x onerror=\"window.hacked='name'\">.png",
    "\"'`&<b>bold</b>&amp;.png",
    "line\u2028separator\u2029\u0085and\nnewline\x00nul.png",
    "lone \udcff surrogate \ud800.png",
    "evil\u202egnp.exe",
    "=1+cmd|' /C calc'!A0.png",
    "${window.hacked='template'}.png",
    "long " + "x" * 4000 + ".png",
    "שלום/ملف.png",
    "*/ window.hacked='comment' /*.png",
)


@functools.cache
def fashion():
    found = np.load(assets.path("fashion_test.npz"))
    return found["images"], found["labels"], tuple(str(name) for name in found["names"])


def principal(values, most=8):
    centred = values.astype(np.float64) - values.mean(axis=0)
    return centred @ np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :most]


def spread(points):
    """Return the points with each axis between -1 and 1 evenly filled: what PCA heaps up is told apart, as t-SNE does."""
    ranks = points.argsort(axis=0).argsort(axis=0) / max(1, len(points) - 1)
    return (2 * ranks - 1).astype(np.float32)


def embedding(thumbnails, points, features, labels, names=None, predictions=None, **more):
    count = len(points)
    columns = int(np.ceil(np.sqrt(count)))
    # Cells row by row: sorted by y, and within a row by x. A place of its own for every image is all that is needed here.
    cells = np.empty((count, 2), np.int32)
    by_row = np.argsort(-points[:, 1], kind="stable")
    for row, start in enumerate(range(0, count, columns)):
        members = by_row[start : start + columns]
        members = members[np.argsort(points[members, 0], kind="stable")]
        cells[members] = np.stack([np.arange(len(members)), np.full(len(members), row)], axis=1)
    settings = {
        "predictions": predictions,
        "probabilities": None if predictions is None else np.random.default_rng(3).uniform(0.4, 1, count).astype(np.float32),
        "neighbours": nearest(features),
        "notes": (CAUTION_TSNE,),
    } | more
    parameters = {"layer": None, "seed": 0, "perplexity": None, "engine": "auto"}
    return Embedding(
        provenance=Provenance("tsne", {"name": "fashion"}, (), parameters, 0, {"name": "tensorflow"}, {"keras": "3.15.0"}),
        layer="dense1",
        points=points,
        features=features,
        thumbnails=thumbnails,
        image_names=names if names is not None else tuple(f"test/{index:05d}.png" for index in range(count)),
        labels=labels,
        cells=cells,
        grid=(columns, -(-count // columns)),
        engine="scikit-learn-intelex 2026.2, angle 0.3, perplexity 30",
        quality={"knn@10": 0.4783, "trustworthiness": 0.9861, "grid displacement": 0.021},
        **settings,
    )


def grey_map(count=60, side=32, **more):
    """Return a map of tiles of one grey each, none black or white: photographs without a hue."""
    rng = np.random.default_rng(0)
    thumbnails = np.broadcast_to(rng.integers(80, 200, (count, 1, 1, 1)), (count, side, side, 1)).astype(np.uint8)
    points = rng.normal(size=(count, 2)).astype(np.float32)
    return embedding(thumbnails, points, points, tuple("ab"[index % 2] for index in range(count)), **more)


def nearest(features, most=8):
    """Return the nearest rows of each row, exactly for few, else among its 64 neighbours along the first axis."""
    count = len(features)
    if count <= 4000:
        squares = (features**2).sum(axis=1)
        far = squares[:, None] + squares - 2 * features @ features.T
        np.fill_diagonal(far, np.inf)
        return np.argsort(far, axis=1, kind="stable")[:, : min(most, count - 1)].astype(np.int32)
    order = np.argsort(features[:, 0], kind="stable")
    found = np.empty((count, most), np.int32)
    shifts = np.array([shift for shift in range(-32, 33) if shift])
    for start in range(0, count, 4096):
        places = np.arange(start, min(count, start + 4096))
        among = order[(places[:, None] + shifts) % count]
        far = ((features[among] - features[order[places]][:, None]) ** 2).sum(axis=2)
        found[order[places]] = np.take_along_axis(among, np.argsort(far, axis=1)[:, :most], axis=1)
    return found


def fashion_map(count, points=None, seed=0, **more):
    """Return a map of `count` test images, with repetitions that lie beside one another; `points`: (2000, 2) or by PCA."""
    images, labels, classes = fashion()
    rng = np.random.default_rng(seed)
    features = principal(images.reshape(len(images), -1) / 255.0)
    base = spread(features[:, :2]) if points is None else points
    chosen = np.arange(count) % len(images) if count > len(images) else rng.permutation(len(images))[:count]
    jitter = 0.02 * np.ptp(base, axis=0) * (count > len(images))
    places = (base[chosen] + rng.normal(size=(count, 2)) * jitter).astype(np.float32)
    values = (features[chosen] + rng.normal(size=(count, features.shape[1])) * 0.05).astype(np.float32)
    named = [classes[labels[index]] for index in chosen]
    guessed = [classes[(labels[index] + (place % WRONG_EVERY == 0)) % 10] for place, index in enumerate(chosen)]
    return embedding(images[chosen][..., None], places, values, tuple(named), predictions=tuple(guessed), **more)


def photo_map(count, side=64, seed=0, **more):
    """Return a map of `count` square crops of the sample photographs, placed by their mean colours."""
    rng = np.random.default_rng(seed)
    thumbnails, named = np.empty((count, side, side, 3), np.uint8), []
    paths = sorted(assets.path("photos").glob("*.jpg"))
    photos = [(path.stem, Image.open(path).convert("RGB")) for path in paths]
    for index in range(count):
        name, photo = photos[index % len(photos)]
        window = int(rng.integers(40, min(photo.size) // 2))
        left, top = (int(rng.integers(0, size - window)) for size in photo.size)
        thumbnails[index] = photo.resize((side, side), Image.Resampling.BOX, (left, top, left + window, top + window))
        named.append(name)
    means = thumbnails[:, ::4, ::4].reshape(count, -1).astype(np.float32)
    features = principal(means).astype(np.float32)
    return embedding(thumbnails, spread(features[:, :2]), features, tuple(named), **more)


def marked_map(count, side=128, seed=0, **more):
    """Return a map of tiles that do not overlap, each of a colour of its own, its right lower quarter in the opposite colour."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(30, 226, (count, 3)).astype(np.uint8)
    thumbnails = np.empty((count, side, side, 3), np.uint8)
    thumbnails[:] = colours[:, None, None]
    thumbnails[:, side // 2 :, side // 2 :] = (255 - colours)[:, None, None]
    columns = int(np.ceil(np.sqrt(count)))
    lattice = np.stack(np.divmod(rng.permutation(columns**2)[:count], columns)[::-1], axis=1)
    points = (lattice - columns / 2).astype(np.float32)
    labels = more.pop("labels", tuple(f"class {index % 3}" for index in range(count)))
    return embedding(thumbnails, points, points, labels, **more)
