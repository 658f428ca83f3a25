"""The golden files: what a convscope writes, for the tests of later ones. `python tests/golden/make.py FOLDER` writes them anew.

The files here were written by 0.1.0 at commit 9f972c3, on TensorFlow. They are never made again: a later release reads them as they are.
A new schema gets files of its own beside these: `run_2.1` was written by the first version whose runs have a sample, `trust` by the first
that measured how far pictures can be trusted, on 60 images.
"""

import sys
from pathlib import Path

import convscope

IMAGES = "sample:fashion[0-11]"


def make(folder: Path) -> None:
    picture = convscope.deconv("fashion", "block3_conv1:5", "sample:fashion[3]")
    for suffix in ("png", "svg", "pdf"):
        picture.save(folder / f"picture.{suffix}")
    convscope.scan("fashion", IMAGES, layers=["block1_conv1", "dense1"], top=3, precision="float32", out=folder / "run")
    mapped = convscope.tsne("fashion", IMAGES)
    mapped.save(folder / "map")
    mapped.save_page(folder / "map" / "page")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
