"""Linear CKA equals the formula of the paper in float64, by both ways, and is what the paper says of it."""

import numpy as np
import pytest

from convscope.comparing import cka as room
from convscope.comparing.cka import cka, cka_of_products, products

pytestmark = pytest.mark.once


def formula(first, second):
    """Kornblith et al. 2019, by the centring matrix, one step after the other."""
    count = len(first)
    centre = np.eye(count) - np.ones((count, count)) / count
    first, second = centre @ first.astype(np.float64), centre @ second.astype(np.float64)
    crossed = np.linalg.norm(second.T @ first, "fro") ** 2
    return crossed / (np.linalg.norm(first.T @ first, "fro") * np.linalg.norm(second.T @ second, "fro"))


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(40, 12)).astype(np.float32)
    return [base + 5, (base @ rng.normal(size=(12, 7))).astype(np.float32), rng.normal(size=(40, 90)).astype(np.float32)]


def test_it_equals_the_formula_by_products_of_images_and_of_features(layers, monkeypatch, record_error):
    expected = np.array([[formula(one, other) for other in layers] for one in layers])
    assert record_error("CKA", np.abs(cka(layers, layers) - expected).max()) < 1e-12
    monkeypatch.setattr(room, "MOST_IMAGES", 8)
    assert np.abs(cka(layers, layers) - expected).max() < 1e-9


def test_rotation_and_scale_change_nothing_and_a_constant_has_none(layers):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))[0]
    turned = (3 * (layers[0] - 5) @ rotation).astype(np.float32)
    found = cka([layers[0], np.ones((40, 3), np.float32)], [turned])
    assert found[0, 0] == pytest.approx(1, abs=1e-6) and np.isnan(found[1, 0])


def test_blocks_hold_every_pair_of_images_once():
    seen = np.zeros((11, 11), int)
    for block, others in room.blocks(11, 4):
        for other in others:
            seen[block, other] += 1
    assert (np.triu(seen) == np.triu(np.ones_like(seen))).all()
    table = products(np.eye(3, 5, dtype=np.float32))
    assert np.array_equal(table, np.eye(3)) and cka_of_products([table], [table])[0, 0] == pytest.approx(1)
