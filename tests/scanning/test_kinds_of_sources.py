"""The same pictures give the same run, whether they lie in a folder, a list or an archive."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

import convscope


@pytest.fixture(scope="module")
def network():
    return convscope.load("fashion")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """30 pictures of three classes, one of them large, and one that is cut."""
    top = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(30):
        path = top / f"class{number % 3}" / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(path)
    Image.fromarray(rng.integers(0, 256, (15, 20, 3), dtype=np.uint8)).resize((800, 600)).save(top / "class1" / "30.jpg")
    (top / "class2" / "31.jpg").write_bytes((top / "class1" / "30.jpg").read_bytes()[:5000])
    return top


@pytest.fixture(scope="module")
def expected(network, folder):
    return convscope.scan(network, folder, layers="block1_conv1", out=folder.parent / "expected", precision="float32")


def given_as(kind, folder, to):
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    path = to / f"set.{kind}"
    if kind == "csv":
        path.write_text("".join(f"{folder / name},{name.split('/')[0]}\n" for name in names))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(folder / name, name)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            for name in names:
                data = (folder / name).read_bytes()
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["csv", "zip", "tar", "tar.gz"])
def test_a_run_is_the_same_from_every_kind_of_source(network, folder, expected, tmp_path, kind):
    run = convscope.scan(network, given_as(kind, folder, tmp_path), layers="block1_conv1", out=tmp_path / "run", precision="float32")
    found, wanted = run.top("block1_conv1"), expected.top("block1_conv1")
    assert np.array_equal(found.images, wanted.images)
    assert np.array_equal(found.values, wanted.values)
    assert [run.label(int(image)) for image in run.ids] == [expected.label(int(image)) for image in expected.ids]
    assert len(run.skipped.texts["name"]) == 1
    assert "31.jpg" in run.skipped.texts["reason"][0]
    for image in (30, 0, 17):  # read again in any order
        assert np.array_equal(run.picture(image), expected.picture(image))
