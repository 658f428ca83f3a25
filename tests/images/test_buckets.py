"""What lies in a bucket is what lies in a folder: the same names, labels, order and bytes."""

import pickle
import zipfile

import numpy as np
import pytest

from buckets import encoded, listed
from convscope.errors import ImageError, ReachError, UnreachableError
from convscope.images import Fit, as_batch, as_image_set, members
from convscope.images.places import check_reach, missing, unseen
from convscope.reach import EVERYWHERE, MACHINE, PROCESS, allowing, named_by

pytestmark = pytest.mark.once

FIT = Fit(3, (4, 4))
NAMES = (
    "cats/0.png", "cats/a b.png", "cats/x#1.png", "dogs/q?.png", "dogs/p%20.png", "dogs/😀.png", "dogs/[1].png", "top.png",
    "cats/.hidden.png", "z/deep/er/1.png", "cats.png/in.png", "notes.txt", "__MACOSX/1.png",
)  # fmt: skip


@pytest.fixture
def both(bucket, tmp_path):
    """A folder, and the URI of the same in a bucket."""
    folder = tmp_path / "set"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(number))
    bucket.put_folder(folder, tmp_path.name)
    return lambda name="": (f"{folder}{name}", bucket.uri(f"{tmp_path.name}{name}"))


@pytest.mark.parametrize(
    "name", ["", "/cats", "/*/*.png", "/**/*.png", "/*", "/cats/[0-9].png", "/[0-1]", "/dogs/q?.png", "/dogs/[1].png", "/{top,cats/0}.png"]
)
def test_a_bucket_is_a_folder(both, name):
    here, there = both(name)
    assert listed(here) == listed(there) != []
    read = [[one.read()[1] for one in as_image_set(images).sources] for images in (here, there)]
    assert read[0] == read[1]
    assert as_image_set(there).given == (there,)


def test_a_list_names_pictures_beside_it_above_it_and_elsewhere(both, bucket, tmp_path):
    rows = f"path,label\ncats/0.png,cat\n./dogs/../top.png,\n{bucket.uri(f'{tmp_path.name}/dogs/q?.png')},dog\n"
    bucket.put(f"{tmp_path.name}/list.csv", rows.encode())
    bucket.put(f"{tmp_path.name}/cats/list.csv", b"../top.png\nnone.png\n")
    (tmp_path / "local.csv").write_text(bucket.uri(f"{tmp_path.name}/top.png"), "utf-8")
    _, there = both("/list.csv")
    assert listed(there) == [
        ("cats/0.png", "cat", False),
        ("./dogs/../top.png", None, False),
        (f"s3://photos/{tmp_path.name}/dogs/q?.png", "dog", False),
    ]
    top = as_image_set(both("/top.png")[0]).sources[0].read()[1]
    for images, place in ((there, 1), (both("/cats/list.csv")[1], 0), (tmp_path / "local.csv", 0)):
        assert as_image_set(images).sources[place].read()[1] == top
    bucket.put(f"{tmp_path.name}/away.csv", b"../../../x.png\n")
    with pytest.raises(ImageError, match="does not lie in the bucket of the list"):
        as_image_set(both("/away.csv")[1])
    bucket.put(f"{tmp_path.name}/none.csv", b"none.png\n")
    with pytest.raises(ImageError, match="nor the files of later rows exist"):
        as_image_set(both("/none.csv")[1])


def test_archives_and_arrays_in_a_bucket(both, bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", encoded(number))
    np.savez(tmp_path / "set.npz", images=np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8))
    for name in ("set.zip", "set.npz"):
        bucket.put(f"{tmp_path.name}/{name}", (tmp_path / name).read_bytes())
    for name in ("/set.zip", "/set.zip[1-2]", "/set.npz", "/set.npz[2]", "/set.npz[images]"):
        here, there = f"{tmp_path}{name}", bucket.uri(f"{tmp_path.name}{name}")
        assert listed(here) == listed(there)
        assert np.array_equal(as_batch(here, FIT).pixels, as_batch(there, FIT).pixels)
    before = as_image_set(bucket.uri(f"{tmp_path.name}/set.zip")).sources
    bucket.put(f"{tmp_path.name}/set.zip", (tmp_path / "set.npz").read_bytes())
    members.blocks.cache_clear()
    with pytest.raises(UnreachableError, match="has changed since"):
        before[0].read()


def test_what_cannot_be_read_now_and_what_never_can(both, bucket, tmp_path):
    sources = {one.name: one for one in as_image_set(both()[1]).sources}
    bucket.drop(f"{tmp_path.name}/top.png")
    with pytest.raises(UnreachableError, match=rf"{tmp_path.name}/top.png.*there is no such file"):
        sources["top.png"].read()
    bucket.put(f"{tmp_path.name}/top.png", b"no picture")
    with pytest.raises(ImageError, match="not a readable image") as caught:
        sources["top.png"].read()
    assert not isinstance(caught.value, UnreachableError)
    bucket.put(f"{tmp_path.name}/top.png", encoded(0))
    bucket.stop()
    with pytest.raises(UnreachableError, match="does not answer"):
        sources["top.png"].read()
    bucket.start()
    assert sources["top.png"].read()[1] == sources["cats/0.png"].read()[1]


def test_what_a_bucket_cannot_hold_for_the_library_is_told_not_left_out(bucket, tmp_path):
    for key in ("a//b.png", "a/../../b.png", "a/1.png"):
        bucket.put(f"{tmp_path.name}/{key}", encoded(0))
    nameless, plain = as_image_set(bucket.uri(tmp_path.name)).sources
    assert (nameless.name, plain.name) == ("a/", "a/1.png")
    with pytest.raises(ImageError, match="a folder without a name"):
        nameless.read()


BAD = {
    "foo://bucket/x.png": "not a store that convscope reads",
    "https://host/x.png?sig=s3cr3t": "Download it first",
    "s3://AKIA:s3cr3t@photos/x.png": "holds credentials",
    "s3://photos/x/../y.png": "empty, `.` or `..`",
}


@pytest.mark.parametrize("uri", BAD)
def test_what_is_not_a_place_is_one_sentence(uri):
    with pytest.raises(ImageError, match=BAD[uri]) as caught:
        as_image_set(uri)
    assert "s3cr3t" not in str(caught.value)


def test_what_is_not_there_is_one_sentence(bucket):
    with pytest.raises(ImageError, match=r"No file or folder `s3://photos/no.png.*`\. Expected"):
        as_image_set(bucket.uri("no.png"))
    with pytest.raises(ImageError, match="There is no bucket `nobodys-own`"):
        as_image_set(f"s3://nobodys-own/x.png?{bucket.options}")
    with pytest.raises(ImageError, match="No file matches"):
        as_image_set(bucket.uri("no*.png"))


def test_a_file_names_only_what_lies_in_its_bucket_by_the_same_endpoint(bucket, tmp_path):
    bucket.put("mine/a/1.png", encoded(1))
    folder, file = bucket.uri("mine"), bucket.uri("mine/a/1.png")
    with named_by("The picture `x.png`", tmp_path):
        for places in ([], ["s3://photos/mine"], [bucket.uri("mine/b")], [tmp_path]):
            with allowing(places), pytest.raises(ReachError, match="outside its folder"):
                as_image_set(file)
        for places in ([folder], [file]):
            with allowing(places):
                assert len(as_image_set(file)) == 1


def test_who_can_read_what(both, tmp_path):
    here, there = both()
    local, stored = as_image_set(here).sources[0], as_image_set(there).sources[0]
    array = as_image_set(np.zeros((2, 8, 8), np.uint8)).sources
    assert [one.reach for one in (local, stored, array[0])] == [MACHINE, EVERYWHERE, PROCESS]
    assert check_reach([local, stored, *array], EVERYWHERE) == (here,)
    assert check_reach([local, stored, *array], MACHINE) == ()
    assert missing([here, f"{tmp_path}/away"]) == [f"{tmp_path}/away"]
    assert "`node7` does not see `/data`" in unseen("node7", ["/data"])
    large = as_image_set(np.broadcast_to(np.uint8(0), (2, 2**15, 2**15 + 1))).sources
    with pytest.raises(ImageError, match="in the memory of this machine"):
        check_reach(large, EVERYWHERE)
    again = pickle.loads(pickle.dumps(stored))
    assert again.read()[1] == stored.read()[1]
