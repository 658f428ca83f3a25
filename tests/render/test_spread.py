from typing import Any

import numpy as np
import pytest
import records

from convscope.catalogue import DRAWINGS
from convscope.render.figures import raster
from convscope.render.sheet import Sheet
from convscope.render.spread import spread
from convscope.render.writer import spread_of

SHEETS = {
    "activations": lambda: records.activations(8),
    "activations, many": lambda: records.activations(1400),
    "deconv": lambda: records.projections(2, images=3),
    "saliency": lambda: records.saliency(2, method="guided"),
    "ascend": lambda: records.ascent(5),
    "top": lambda: records.top(3, silent=(1,)),
}


def sheet_of(result: Any) -> Sheet:
    sheet = next(iter(DRAWINGS.get(result.provenance.method)(result).values()))
    assert isinstance(sheet, Sheet)
    return sheet


@pytest.mark.once
@pytest.mark.parametrize("kind", SHEETS)
def test_the_parts_are_the_sheet_without_its_words(kind: str) -> None:
    sheet = sheet_of(SHEETS[kind]())
    parts = spread(sheet).parts
    sheet.words.clear()
    drawn = np.asarray(raster(sheet))
    assert len(parts) == len(sheet.panels) > 0
    covered = np.zeros(drawn.shape[:2], bool)
    if sheet.key is not None:  # the notes say it in words
        left, top, right, bottom = sheet.key
        covered[top:bottom, left:right] = True
    for part, panel in zip(parts, sheet.panels, strict=True):
        left, top, right, bottom = panel.box
        opaque = part.pixels[..., 3:] == 255
        np.testing.assert_array_equal(np.where(opaque, part.pixels[..., :3], sheet.theme.page), drawn[top:bottom, left:right])
        assert opaque.any() and not covered[top:bottom, left:right].any()
        covered[top:bottom, left:right] = True
    assert (drawn[~covered] == sheet.theme.page).all(), "each picture belongs to a part"


@pytest.mark.once
@pytest.mark.parametrize("kind", SHEETS)
def test_no_word_of_the_sheet_is_lost(kind: str) -> None:
    result = SHEETS[kind]()
    found = spread_of(result)
    assert found is not None
    said = " ".join((found.title, found.subtitle, *found.notes, *found.columns, *(word for part in found.parts for word in part.words)))
    on_sheet = {word for line in sheet_of(result).words for word in line.text.replace(":", " ").split()}
    assert on_sheet <= set(said.replace(":", " ").split())


@pytest.mark.once
def test_plain_pictures_charts_and_maps_have_no_parts() -> None:
    for result in (records.ascent(1), records.activations(5, side=0), records.embedding(3)):
        assert spread_of(result) is None
