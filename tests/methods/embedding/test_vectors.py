"""Features from files, with whatever else they hold."""

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as pq

from convscope.errors import ImageError
from convscope.methods.embedding import storage
from convscope.methods.embedding.vectors import holds_features, read_features

FEATURES = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_a_npy_is_mapped_and_stands_for_dots(tmp_path):
    np.save(tmp_path / "f.npy", FEATURES.astype(np.float16))
    found = read_features(tmp_path / "f.npy")
    assert isinstance(found.values, np.memmap) and found.values.dtype == np.float16
    assert found.names == ("f[0]", "f[1]", "f[2]", "f[3]")
    assert found.labels is None
    assert found.thumbnails.shape == (4, 16, 16, 1) and found.thumbnails[0, 8, 8] == 255 and found.thumbnails[0, 0, 0] == 0


def test_an_npz_brings_labels_paths_and_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 5), np.uint8)
    names = np.array(["cat", "<b>dog</b>"])
    np.savez(tmp_path / "f.npz", features=FEATURES, labels=np.array([0, 1, 1, 0]), names=names, paths=np.array(list("abcd")), images=images)
    found = read_features([str(tmp_path / "f.npz")])
    assert found.labels == ("cat", "<b>dog</b>", "<b>dog</b>", "cat")
    assert found.names == ("a", "b", "c", "d")
    assert (found.thumbnails[..., 0] == images).all()


@pytest.mark.parametrize("kind", ["lists", "fixed", "columns"])
def test_a_parquet_brings_features_and_pictures(tmp_path, kind):
    for index in range(4):
        Image.new("RGB", (20, 10), (60 * index, 0, 0)).save(tmp_path / f"{index}.png")
    columns = {"path": [f"{index}.png" for index in range(4)], "label": ["a", "b", None, "a"]}
    if kind == "columns":
        columns |= {f"f{place}": FEATURES[:, place] for place in range(3)} | {"id": np.arange(4)}
    else:
        columns["features"] = pa.array(FEATURES.tolist(), pa.list_(pa.float32(), 3 if kind == "fixed" else -1))
    pq.write_table(pa.table(columns), tmp_path / "f.parquet")
    found = read_features(tmp_path / "f.parquet")
    assert (found.values == FEATURES).all()
    assert found.labels == ("a", "b", "", "a")
    assert found.thumbnails.shape == (4, 20, 20, 3)
    assert (found.thumbnails[:, 0, 0, 0] == [0, 60, 120, 180]).all()


def test_pictures_may_follow_the_file(tmp_path):
    np.save(tmp_path / "f.npy", FEATURES)
    found = read_features([tmp_path / "f.npy", "sample:fashion[0-3]"])
    assert found.thumbnails.shape == (4, 28, 28, 1)
    assert len(set(found.labels)) > 1
    with pytest.raises(ImageError, match="Received 3 pictures for the 4 features"):
        read_features([tmp_path / "f.npy", "sample:fashion[0-2]"])


def test_what_features_are(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((4, 5, 5), np.uint8))
    np.savez(tmp_path / "images.npz", images=np.zeros((4, 5, 5), np.uint8))
    (tmp_path / "broken.npy").write_bytes(b"no array")
    np.save(tmp_path / "f.npy", FEATURES)
    names = ("images.npy", "images.npz", "broken.npy", "missing.npy", "f.npy")
    assert [holds_features([str(tmp_path / name)]) for name in names] == [False] * 4 + [True]
    assert not holds_features("sample:fashion") and not holds_features(FEATURES) and not holds_features([])


def test_bad_features_are_refused(tmp_path):
    np.save(tmp_path / "whole.npy", np.ones((4, 3), int))
    np.savez(tmp_path / "few.npz", features=FEATURES, labels=np.array(["a"]))
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "none.parquet")
    pq.write_table(pa.table({"features": [[1.0], [1.0, 2.0], [3.0]]}), tmp_path / "ragged.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR")
    cases = {
        "whole.npy": "int64",
        "few.npz": "1 labels for 4",
        "none.parquet": "no column",
        "ragged.parquet": "different",
        "no.parquet": "no readable",
    }
    for name, words in cases.items():
        with pytest.raises(ImageError, match=words):
            read_features(tmp_path / name)


def test_large_stacks_lie_in_a_file(monkeypatch):
    monkeypatch.setattr(storage, "IN_MEMORY", 10)
    stack = storage.Stack(5, (2,), np.float32)
    stack.extend(np.ones((3, 2)))
    stack.extend(np.zeros((1, 2)))
    assert isinstance(stack.filled(), np.memmap)
    assert stack.filled().tolist() == [[1, 1]] * 3 + [[0, 0]]
