"""A run of what lies in a bucket is the run of the same on a disk."""

import json
import sys

import pytest

from buckets import encoded
from convscope import assets
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


def test_the_run_of_a_bucket_is_the_run_of_the_folder_also_if_a_key_vanishes_and_comes_back(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    for number in range(COUNT):
        place = folder / "ab"[number % 2] / f"{number} #?.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encoded(number))
    uri, lost = bucket.put_folder(folder, tmp_path.name), f"{tmp_path.name}/b/11 #?.png"
    network = load(bucket.put("models/fashion.keras", assets.path("fashion.keras").read_bytes()))
    assert (network.name, network.source, network.digest) == ("fashion", bucket.uri("models/fashion.keras"), load("fashion").digest)

    def scanned(images, out):
        return scan(network, str(images), layers="block3_*", out=tmp_path / out, precision="float32")

    here, module = scanned(folder, "here"), sys.modules["convscope.scanning.scan"]
    listed = module.as_image_set
    with monkeypatch.context() as patched:
        patched.setattr(module, "as_image_set", lambda images: (listed(images), bucket.drop(lost))[0])
        there = scanned(uri, "there")
    assert (there.complete, len(there), there.unreachable) == (False, COUNT - 1, 1)
    assert "there is no such file" in there.skipped.texts["reason"][0]
    bucket.put(lost, (folder / "b" / "11 #?.png").read_bytes())
    there = scanned(uri, "there")
    assert there.complete and tables(there) == tables(here)
    again = open_run(there.path)
    assert again.load_model().digest == network.digest
    assert (again.picture(3) == here.picture(3)).all()
