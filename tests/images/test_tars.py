"""Tars as shards of one set, here and in a bucket."""

import numpy as np
import pytest

from buckets import encoded, listed, tar
from convscope import store
from convscope.errors import ImageError, UnreachableError
from convscope.images import as_image_set, tar_index
from convscope.images.braces import expanded, has_braces
from convscope.images.members import FIRST_BLOCK, Archive, Blocks

pytestmark = pytest.mark.once


def samples(first, end):
    for number in range(first, end):
        yield f"{number:04}.png", encoded(number)
        yield f"{number:04}.cls", f"{number % 3}\n".encode()
        yield f"{number:04}.seg.png", encoded(1)
        yield f"{number:04}.txt", b"a caption"


@pytest.fixture
def shards(tmp_path, bucket, monkeypatch):
    """Four tars, one of them packed, in a folder and in a bucket."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(4):
        name = f"train-{shard:03}.tar" + (".gz" if shard == 3 else "")
        (folder / name).write_bytes(tar(samples(5 * shard, 5 * shard + 5), "w:gz" if shard == 3 else "w"))
    bucket.put_folder(folder, f"{tmp_path.name}/shards")
    return str(folder), lambda key="": bucket.uri(f"{tmp_path.name}/shards{key}")


def test_a_sample_is_one_image_by_its_tar_and_stem_with_its_class(shards):
    folder, there = shards
    expected = [(f"train-{n // 5:03}.tar{'.gz' * (n >= 15)}/{n:04}", str(n % 3), False) for n in range(20)]
    assert listed(folder) == listed(there()) == expected
    assert listed(there("/train-{000..002}.tar")) == listed(f"{folder}/train-{{000..002}}.tar") == expected[:15]
    assert listed(there("/train-{000..002}.tar[3-7]")) == expected[3:8]
    here, sources = as_image_set(folder).sources, as_image_set(there()).sources
    assert [one.read()[1] for one in here] == [one.read()[1] for one in sources]
    assert [one.group for one in sources] == [there(f"/{one[0].partition('/')[0]}") for one in expected]
    assert listed(there("/train-000.tar")) == listed(f"{folder}/train-000.tar") == [(f"{n:04}.png", str(n % 3), False) for n in range(5)]


def test_a_tar_of_a_store_is_passed_over_once(shards, monkeypatch):
    _, there = shards
    expected = listed(there())
    monkeypatch.setattr(tar_index, "tar_members", None)
    assert listed(there()) == expected
    monkeypatch.setattr("convscope.formats.tar_index.SCHEMA", 2)
    with pytest.raises(TypeError):
        listed(there())


def test_a_shard_that_is_away_comes_back_and_a_damaged_one_is_told(shards, bucket, tmp_path):
    _, there = shards
    bucket.drop(f"{tmp_path.name}/shards/train-001.tar")
    bucket.put(f"{tmp_path.name}/shards/train-002.tar", b"nothing of the kind" * 60)
    sources = {one.name: one for one in as_image_set(there("/train-{000..002}.tar")).sources}
    assert len(sources) == 7
    with pytest.raises(UnreachableError, match="there is no such file"):
        sources["train-001.tar"].read()
    with pytest.raises(ImageError, match="not a readable tar") as caught:
        sources["train-002.tar"].read()
    assert not isinstance(caught.value, UnreachableError)
    with pytest.raises(UnreachableError):
        as_image_set(there("/none-{000..002}.tar"))


def test_a_tar_that_was_replaced_is_noticed(shards, bucket, tmp_path):
    _, there = shards
    before = as_image_set(there("/train-000.tar")).sources
    bucket.put(f"{tmp_path.name}/shards/train-000.tar", tar(samples(7, 9)))
    with pytest.raises(UnreachableError, match="has changed since"):
        before[0].read()


RECORDS = {
    b'{"label": 3}': "3",
    b'{"cls": "dog", "x": [1]}': "dog",
    b'{"class": 2.0}': "2",
    b'{"x": 1}': None,
    b"{": None,
    b'{"label": [1]}': None,
}


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_tells_the_class(tmp_path, record):
    path = tmp_path / "a.tar"
    path.write_bytes(tar([("d/0.png", encoded(0)), ("d/0.json", record), ("d/1.png", encoded(1)), ("d/1.cls", b"one")]))
    assert listed(path) == [("d/0.png", RECORDS[record], False), ("d/1.png", "one", False)]


def test_tars_without_classes_keep_names_and_the_labels_of_folders(tmp_path):
    for shard, label in enumerate(("cats", "dogs")):
        members = [(f"set/{label}/{n}.v2.png", encoded(n)) for n in range(2)]
        (tmp_path / f"{shard}.tar").write_bytes(tar([*members, ("readme.json", b'{"label": 1}')]))
    folders = enumerate(("cats", "dogs"))
    assert listed(tmp_path) == [(f"{shard}.tar/set/{label}/{n}.v2.png", label, False) for shard, label in folders for n in range(2)]


def test_one_picture_after_the_other_comes_in_blocks_and_others_exactly(bucket, monkeypatch):
    data = np.random.default_rng(0).integers(0, 256, 3 * FIRST_BLOCK, dtype=np.uint8).tobytes()
    archive, asked = Archive.at(bucket.put("blocks.tar", data)), []
    read_at = store.StoredFile.read_at
    monkeypatch.setattr(
        store.StoredFile, "read_at", lambda self, start, length: asked.append((start, length)) or read_at(self, start, length)
    )
    for places, expected in (
        ([*range(0, 600_000, 50_000), 700_001, 5], [(0, FIRST_BLOCK), (250_000, 2 * FIRST_BLOCK)]),
        ([700_001, 5, 300_000], [(700_001, 40_000), (5, 40_000), (300_000, 40_000)]),
    ):
        blocks = Blocks(archive)
        assert [blocks.read(place, 40_000) for place in places] == [data[place : place + 40_000] for place in places]
        assert asked == expected
        asked.clear()


def test_names_written_short():
    assert expanded("a-{08..11}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]
    assert expanded("{a,b}{3..1}") == ["a3", "a2", "a1", "b3", "b2", "b1"]
    assert expanded("{9..11}") == ["9", "10", "11"]
    assert not has_braces("{a}") and has_braces("{a,}") and expanded("plain") == ["plain"]
    with pytest.raises(ImageError, match="more than 100,000 names"):
        expanded("{0..99999999}")
