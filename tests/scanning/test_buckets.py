"""A run of what lies in a bucket is the run of the same on a disk."""

import json
import sys
import threading

import pytest

from buckets import encoded, tar
from convscope import assets
from convscope.images import source
from convscope.models import load
from convscope.scanning import open_run, scan

pytestmark = pytest.mark.once

COUNT = 12
# What says where the images lie.
WHERE = ("given", "checksum")


def tables(run):
    """What the run holds, without where its images lie."""
    manifest = json.loads((run.path / "manifest.json").read_text("utf-8"))
    files = {path.name: path.read_bytes() for path in run.path.iterdir() if path.suffix in (".parquet", ".npy")}
    return files | {"manifest": {name: value for name, value in manifest.items() if name not in WHERE}}


@pytest.fixture
def both(bucket, tmp_path, monkeypatch):
    """A folder, the URI of the same, the embedded network from a file in the bucket, and its run of the folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    for number in range(COUNT):
        place = folder / "ab"[number % 2] / f"{number} #?.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encoded(number))
    network = load(bucket.put("models/fashion.keras", assets.path("fashion.keras").read_bytes()))
    return folder, bucket.put_folder(folder, tmp_path.name), network, scanned(network, folder, tmp_path / "here")


def scanned(network, images, out):
    return scan(network, str(images), layers="block3_conv1", out=out, precision="float32")


@pytest.fixture
def listing(monkeypatch):
    """Set what happens between the listing of the images and their reading."""
    module = sys.modules["convscope.scanning.scan"]
    as_image_set, happening = module.as_image_set, []
    monkeypatch.setattr(module, "as_image_set", lambda images: (as_image_set(images), [one() for one in happening])[0])
    return happening


def test_the_run_of_a_bucket_is_the_run_of_the_folder_also_if_a_key_vanishes_and_comes_back(both, listing, bucket, tmp_path):
    folder, uri, network, here = both
    assert (network.name, network.source, network.digest) == ("fashion", bucket.uri("models/fashion.keras"), load("fashion").digest)
    lost = f"{tmp_path.name}/b/11 #?.png"
    listing.append(lambda: bucket.drop(lost))
    there = scanned(network, uri, tmp_path / "there")
    assert (there.complete, len(there), there.unreachable) == (False, COUNT - 1, 1)
    assert "there is no such file" in there.skipped.texts["reason"][0]
    bucket.put(lost, (folder / "b" / "11 #?.png").read_bytes())
    listing.clear()
    there = scanned(network, uri, tmp_path / "there")
    assert there.complete and tables(there) == tables(here)
    again = open_run(there.path)
    assert again.load_model().digest == network.digest
    assert (again.picture(3) == here.picture(3)).all()


@pytest.mark.long
def test_a_store_that_is_away_for_a_while_costs_no_image(both, listing, bucket, tmp_path, monkeypatch):
    _, uri, network, here = both
    faults, unopened = [], source.unopened
    monkeypatch.setattr(source, "unopened", lambda path, error: faults.append(path) or unopened(path, error))
    back = threading.Timer(3, bucket.start)
    listing.append(lambda: (bucket.stop(), back.start()))
    there = scanned(network, uri, tmp_path / "there")
    back.join()
    assert 2 <= len(faults) < COUNT
    assert there.complete and tables(there) == tables(here)


def test_the_run_of_tars_in_a_bucket_is_the_run_of_the_tars(both, bucket, tmp_path):
    _, _, network, _ = both
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(3):
        pictures = [(f"{number}.png", encoded(4 * shard + number)) for number in range(4)]
        members = [*pictures, *((f"{number}.cls", b"%d" % shard) for number in range(4))]
        (folder / f"{shard}.tar").write_bytes(tar(members))
    there = scanned(network, bucket.put_folder(folder, f"{tmp_path.name}-tars"), tmp_path / "there")
    assert tables(there) == tables(scanned(network, folder, tmp_path / "here-too"))
    assert (there.name(5), there.label(5), there.classes) == ("1.tar/1", "1", ("0", "1", "2"))
