"""Pictures of an atlas are those of its sheets, unit by unit."""

import base64

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import PageError
from convscope.formats.atlas import read_data
from convscope.look.climbing import Climbing
from convscope.look.synthetic import AtlasPictures

pytestmark = pytest.mark.once


@pytest.mark.long
def test_a_unit_has_the_picture_of_the_atlas(sight, run_of_fashion, tmp_path):
    made = convscope.atlas(run=run_of_fashion, out=tmp_path / "atlas", projections=0)
    bundle = convscope.load("fashion")
    pictures = AtlasPictures(made.folder, bundle.digest)
    seen = [pictures.picture("block2_conv2", channel) for channel in range(64)]
    assert all(one is not None and np.ptp(one) > 20 for one in seen) and len({one.tobytes() for one in seen}) == 64
    assert pictures.picture("block1_conv1", 0) is None and pictures.picture("block2_conv2", 64) is None
    n = next(one["n"] for one in read_data(made.folder, "start")["layers"] if one["address"] == "block2_conv2")
    for channel in (0, 17, 63):  # as the page of the atlas cuts it, from the columns that it reads
        known = read_data(made.folder, f"units-{n}")["order"]
        place = np.frombuffer(base64.b64decode(known["data"]), {"u1": np.uint8, "u2": np.uint16}[known["type"]]).tolist().index(channel)
        with Image.open(made.folder / "data" / f"synthetic-{n}-{place // 16}.webp") as sheet:
            side = sheet.width // 4
            column, row = place % 4 * side, place % 16 // 4 * side
            assert (np.asarray(sheet.convert("RGB").crop((column, row, column + side, row + side))) == seen[channel]).all()
    assert Climbing(sight, pictures).made("block2_conv2:5")["picture"].startswith("data:image/png")
    with pytest.raises(PageError, match="another network"):
        AtlasPictures(made.folder, "0" * 32)


def test_without_an_atlas_there_is_no_picture_yet(sight, tmp_path):
    assert Climbing(sight).made("block2_conv2:5") == {"picture": None}
    with pytest.raises(PageError, match="not an atlas"):
        AtlasPictures(tmp_path, "0")
