"""A saved map's reference.npz and map.parquet, damaged, as what new images are placed on; and tables of features."""

import functools
import io
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq

import convscope
from convscope.embedding.vectors import read_features
from convscope.errors import ConvscopeError
from damaging import damaged

SHORT = 25
COUNT, WIDTH, NEW = 60, 5, 4
HELD = ("reference.npz", "map.parquet", "map.json")
ODD = (np.nan, np.inf, -np.inf, 1e38, -1e30, 0.0, 1e-40)


@functools.cache
def saved():
    """Return the folder of a map, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="convscope-maps-"))
    convscope.tsne(None, features(0)).save(folder)
    return folder


@functools.cache
def placed():
    """Return where new images go on the map as it is."""
    return convscope.tsne(None, features(1)[:NEW], onto=saved()).points


def features(seed):
    return np.random.default_rng(seed).normal(size=(COUNT, WIDTH)).astype(np.float32)


def attempt(number, folder):
    """Damage a map and place images on it, or write a table of features and read it."""
    rng = random.Random(number)
    return rng.choice((onto, onto, table))(rng, folder)


def onto(rng, folder):
    wanted = placed()
    held = folder / "map"
    held.mkdir()
    for name in HELD:
        shutil.copy(saved() / name, held / name)
    path = held / rng.choice(("reference.npz", "reference.npz", "reference.npz", "map.parquet"))
    before = path.read_bytes()
    changed = rearranged(before, rng) if path.suffix == ".npz" and rng.random() < 0.5 else damaged(before, rng)
    path.write_bytes(changed)
    found = convscope.tsne(None, features(1)[:NEW], onto=held)
    assert found.points.shape == (NEW, 2) and np.isfinite(found.points).all(), "points that are not finite"
    if changed == before or path.suffix == ".parquet":
        np.testing.assert_array_equal(found.points, wanted)
        return "placed as before"
    return "placed"


def rearranged(data, rng):
    """Return a reference that NumPy writes and whose arrays say something else."""
    held = dict(np.load(io.BytesIO(data)))
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(sorted(held))
        one = held[name]
        match rng.choice(("value", "value", "type", "shape", "rows", "gone", "text", "all")):
            case "value" if one.size and one.dtype.kind == "f":
                one = one.copy()
                one[tuple(rng.randrange(side) for side in one.shape)] = rng.choice(ODD)
            case "all" if one.dtype.kind == "f":
                one = np.full_like(one, rng.choice(ODD))
            case "type" if one.dtype.kind in "fi":
                one = one.astype(rng.choice(("f2", "f4", "f8", "i8", "c8", ">f4")))
            case "shape":
                one = rng.choice((one.ravel(), one[None], one.T))
            case "rows":
                one = one[: rng.randrange(3)] if one.ndim else one
            case "text":
                one = np.array(rng.choice(("", "\x1b[2J", "x" * 5000, b"bytes", "vgg16")))
            case "gone":
                del held[name]
                continue
        held[name] = one
    file = io.BytesIO()
    np.savez(file, **held)
    return file.getvalue()


def table(rng, folder):
    """Write features as a column of lists or as columns of numbers, with labels and paths; a whole table is read as it was written."""
    values = features(rng.randrange(100)).astype(rng.choice(("f2", "f4", "f8", "i4", "u1")))
    if rng.random() < 0.5:
        kind = pa.from_numpy_dtype(values.dtype)
        lists = rng.choice((pa.list_(kind), pa.large_list(kind), pa.list_(kind, WIDTH)))
        columns = {rng.choice(("features", "clip", "vectors")): pa.array(list(values), lists)}
    else:
        columns = {f"f{place}": values[:, place] for place in range(WIDTH)}
    labels = [rng.choice(("a", "b", "\x1b[2J", "é")) for _ in values]
    columns |= rng.choice(({}, {"label": labels}, {"label": list(range(COUNT))}, {"path": labels}, {"prediction": labels}))
    file = io.BytesIO()
    options = {
        "compression": rng.choice(("none", "zstd", "snappy")),
        "row_group_size": rng.choice((7, 1000)),
        "use_dictionary": rng.random() < 0.5,
    }
    pq.write_table(pa.table(columns), file, data_page_version=rng.choice(("1.0", "2.0")), **options)
    changed = damaged(file.getvalue(), rng) if rng.random() < 0.8 else file.getvalue()
    path = folder / "table.parquet"
    path.write_bytes(changed)
    if changed != file.getvalue():
        found = read_features(path)
        assert len(found.values) == len(found.names)
        return "table read"
    try:
        found = read_features(path)
    except ConvscopeError as error:
        raise AssertionError(f"a sound table is refused: {error}") from error
    np.testing.assert_array_equal(found.values, values)
    if "label" in columns:
        assert list(found.labels) == [str(one) for one in columns["label"]], "other labels"
    return "table right"
