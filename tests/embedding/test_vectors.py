"""Features from files, with whatever else they hold."""

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as pq

from convscope.embedding import storage
from convscope.embedding.vectors import holds_features, read_features
from convscope.errors import ImageError
from convscope.images import as_image_set
from convscope.tables import parquet

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
    assert found.thumbnails.shape == (4, 20, 20, 4)  # 20 x 10 pixels, whole
    assert (found.thumbnails[:, 5:15, :, 3] == 255).all() and not found.thumbnails[:, :5].any() and not found.thumbnails[:, 15:].any()
    assert (found.thumbnails[:, 10, 10, 0] == [0, 60, 120, 180]).all()


def test_pictures_may_follow_the_file(tmp_path):
    np.save(tmp_path / "f.npy", FEATURES)
    found = read_features([tmp_path / "f.npy", "sample:fashion[0-3]"])
    assert found.thumbnails.shape == (4, 28, 28, 1)
    assert len(set(found.labels)) > 1
    with pytest.raises(ImageError, match="Received 3 images for the 4 features"):
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
    np.save(tmp_path / "complex.npy", np.ones((4, 3), complex))
    np.savez(tmp_path / "few.npz", features=FEATURES, labels=np.array(["a"]))
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "none.parquet")
    pq.write_table(pa.table({"features": [[1.0], [1.0, 2.0], [3.0]]}), tmp_path / "ragged.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR")
    cases = {
        "complex.npy": "complex128",
        "few.npz": "have shape .1,. for 4 images",
        "none.parquet": "no column",
        "ragged.parquet": "different",
        "no.parquet": "not a readable",
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


def write(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_lists_of_other_lengths_in_the_middle_are_refused(tmp_path):
    # As many numbers as rows times the first row's length: cut evenly, every row after the second would be another's.
    ragged = write(tmp_path / "ragged.parquet", features=[[1.0, 2.0], [3.0], [4.0, 5.0, 6.0], [7.0, 8.0]])
    missing = write(tmp_path / "missing.parquet", features=[[1.0, 2.0], None, [7.0, 8.0]])
    empty = write(tmp_path / "empty.parquet", features=pa.array([], pa.list_(pa.float32())))
    for path, words in ((ragged, "lengths, 1 to 3"), (missing, "1 rows of .* not hold a list"), (empty, "has no rows")):
        with pytest.raises(ImageError, match=words):
            read_features(path)
    with pytest.raises(ImageError, match="no column"):
        read_features(write(tmp_path / "words.parquet", features=[["a", "b"], ["c", "d"]]))


def test_a_small_grey_first_picture_spoils_no_other(tmp_path):
    Image.new("L", (6, 6), 90).save(tmp_path / "0.png")
    for index in (1, 2, 3):
        Image.new("RGB", (200, 150), (60 * index, 200, 0)).save(tmp_path / f"{index}.png")
    np.save(tmp_path / "f.npy", FEATURES)
    found = read_features([tmp_path / "f.npy", *(tmp_path / f"{index}.png" for index in range(4))])
    assert found.thumbnails.shape == (4, 128, 128, 4)
    assert (found.thumbnails[0, ..., :3] == 90).all()
    assert found.thumbnails[2, 64, 64].tolist() == [120, 200, 0, 255]


def test_what_is_inside_is_refused_in_words(tmp_path):
    np.savez(tmp_path / "objects.npz", features=FEATURES, labels=np.array(["a", None, 1, 2], object))
    np.savez(tmp_path / "beyond.npz", features=FEATURES, labels=np.array([0, 1, 2, 0]), names=np.array(["a", "b"]))
    np.savez(tmp_path / "below.npz", features=FEATURES, labels=np.array([0, 1, -1, 0]), names=np.array(["a", "b"]))
    np.savez(tmp_path / "flags.npz", features=FEATURES, labels=np.eye(4))
    np.savez(tmp_path / "cut.npz", features=FEATURES)
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:60] + bytes(40) + whole[100:])
    cases = {
        "objects.npz": "numbers or text are expected",
        "beyond.npz": "label 2, but only 2 names",
        "below.npz": "label -1",
        "flags.npz": "one for each",
        "cut.npz": "not a readable NumPy file",
    }
    for name, words in cases.items():
        with pytest.raises(ImageError, match=words):
            read_features(tmp_path / name)
    (tmp_path / "broken.npz").write_bytes(b"PK no archive")
    assert not holds_features(tmp_path / "broken.npz")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_whole_numbers_are_features_too(tmp_path, dtype):
    np.save(tmp_path / "f.npy", FEATURES.astype(dtype))
    found = read_features(tmp_path / "f.npy")
    assert isinstance(found.values, np.memmap) and (found.values == FEATURES).all()


def test_which_columns_are_labels(tmp_path):
    features = FEATURES.tolist()
    cases = [
        ({"label": [3, 1, 1, 2]}, ("3", "1", "1", "2")),
        ({"label": [3, None, 1, 2]}, ("3", "", "1", "2")),
        ({"label": [True, False, None, True]}, ("True", "False", "", "True")),
        ({"label": [0.5, 1.5, 2.0, 3.0]}, None),
        ({"y": [0.1, 0.2, 0.3, 0.4]}, None),
    ]
    for number, (columns, expected) in enumerate(cases):
        assert read_features(write(tmp_path / f"{number}.parquet", features=features, **columns)).labels == expected


def test_of_several_columns_of_lists_one_must_be_named(tmp_path):
    other = -FEATURES.astype(np.float32)
    path = tmp_path / "two.parquet"
    path.write_bytes(parquet({"clip": FEATURES.astype(np.float32), "dino": other}, {}))
    with pytest.raises(ImageError, match=r"has 2 columns of lists: `clip`, `dino`. Choose one: `.*two.parquet.clip.`"):
        read_features(path)
    assert holds_features(f"{path}[dino]")
    assert np.array_equal(read_features(f"{path}[dino]").values, other)
    with pytest.raises(ImageError, match="has no column of lists `other`. Its columns are clip, dino"):
        read_features(f"{path}[other]")
    path.write_bytes(parquet({"features": FEATURES.astype(np.float32), "embedding": other}, {}))
    with pytest.raises(ImageError, match="has 2 columns of lists: `features`, `embedding`"):
        read_features(path)


def test_of_several_arrays_one_must_be_named(tmp_path):
    path = tmp_path / "two.npz"
    np.savez(path, features=FEATURES, vectors=-FEATURES)
    with pytest.raises(ImageError, match=r"holds 2 arrays of features: `features`, `vectors`. Choose one: `.*two.npz.features.`"):
        read_features(path)
    assert np.array_equal(read_features(f"{path}[vectors]").values, -FEATURES)
    np.savez(path, x_train=np.zeros((3, 8, 8), np.uint8), x_test=np.ones((2, 8, 8), np.uint8))
    with pytest.raises(ImageError, match="holds 2 arrays of images: `x_train`, `x_test`. Choose one"):
        as_image_set(path)
    assert not holds_features(f"{path}[x_test]")
    assert [source.name for source in as_image_set(f"{path}[x_test]").sources] == ["two[0]", "two[1]"]
    assert len(as_image_set(f"{path}[x_train][0-1]")) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([0, 2**64 - 1, 1, 2], np.uint64), ("0", str(2**64 - 1), "1", "2")),
        (np.array([0.0, np.inf, np.nan, 1.5]), ("0", "inf", "", "1.5")),
        (np.array([[0], [1], [2], [3]]), ("0", "1", "2", "3")),
        (np.array([b"a", b"b", b"\xff", b""]), ("a", "b", "\\xff", "")),
        (np.array([True, False, True, False]), ("True", "False", "True", "False")),
    ],
)
def test_labels_of_any_kind_are_text(values, words, tmp_path):
    np.savez(tmp_path / "f.npz", features=FEATURES, labels=values)
    assert read_features(tmp_path / "f.npz").labels == words
    np.savez(tmp_path / "images.npz", images=np.zeros((4, 8, 8), np.uint8), labels=values)
    assert tuple(source.label or "" for source in as_image_set(tmp_path / "images.npz").sources) == words


def test_text_of_a_table_that_is_not_utf_8_becomes_escapes(tmp_path):
    broken = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"a\xff")])
    pq.write_table(pa.table({"features": [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], "label": broken}), tmp_path / "f.parquet")
    assert read_features(tmp_path / "f.parquet").labels == ("a", "\\udcff")


def test_a_table_of_a_few_bytes_that_stands_for_a_billion_numbers_is_refused(tmp_path):
    with pq.ParquetWriter(tmp_path / "bomb.parquet", pa.schema([("a", pa.int64()), ("b", pa.int64()), ("c", pa.int64())])) as writer:
        group = pa.table({name: pa.DictionaryArray.from_arrays(pa.array(np.zeros(2_000_000, np.int8)), pa.array([7])) for name in "abc"})
        for _ in range(25):
            writer.write_table(group.cast(writer.schema))
    assert (tmp_path / "bomb.parquet").stat().st_size < 10**6
    with pytest.raises(ImageError, match="unpacks to more than 1,024 MiB"):
        read_features(tmp_path / "bomb.parquet")
