"""The sheet of plain weights: all norms below, dead units named, a kernel of zeros in words."""

import dataclasses

import numpy as np
import pytest
from records import provenance

from convscope.render.weights import draw
from convscope.results import Weights

pytestmark = pytest.mark.once


def weights(units=6, inputs=5, **more):
    kernels = np.random.default_rng(0).normal(size=(units, 3, 3, inputs)).astype(np.float32)
    settings = {
        "of_image": False,
        "count": 3,
        "inputs": np.tile(np.arange(inputs), (units, 1)),
        "bias": np.zeros(units, np.float32),
        "norms": np.sqrt((kernels**2).sum(axis=(1, 2, 3))),
        "dead": np.arange(units) == 1,
        "weak": np.zeros(units, bool),
        "nearest": np.full(units, 0),
        "likeness": np.where(np.arange(units) == 4, 0.99, 0.1).astype(np.float32),
    } | more
    made = {"layer": "conv", "source": "pool", "kind": "Conv2D", "order": "index", "most": 64}
    return Weights(provenance=provenance("weights"), kernels=kernels, **made, **settings)


def test_dead_units_and_duplicates_are_named_and_zeros_are_words():
    found = weights()
    found.norms[2] = 0
    sheet = draw(found)["weights.png"]
    notes = " ".join(sheet.notes)
    assert "never opens: :1." in notes and "0.95 or more: :4 and :0." in notes
    assert "all zero" in [one.text for one in sheet.words] and "red: 1 dead by their weights" in [one.text for one in sheet.words]
    assert [one.words[0] for one in sheet.panels] == [f"conv:{unit}" for unit in range(6)]


def test_a_layer_on_the_image_has_one_tile_for_each_unit_and_both_themes():
    found = weights(inputs=3, of_image=True, count=6)
    light, dark = (draw(dataclasses.replace(found, theme=theme))["weights.png"] for theme in ("light", "dark"))
    assert (light.width, light.height) == (dark.width, dark.height)
    assert sum(getattr(mark, "pixels", None) is not None for mark in light.marks()) == 6
