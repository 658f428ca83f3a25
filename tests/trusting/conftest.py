"""The network by hand, scanned on images that hold one edge each."""

import numpy as np
import pytest

import convscope
from convscope.trusting import trust as module
from edges_by_hand import PlainJudge, by_hand, edge_image


@pytest.fixture(scope="session")
def edges():
    rng = np.random.default_rng(0)
    return np.stack([edge_image(one % 4, rng.integers(5, 12), rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.6), rng) for one in range(48)])


@pytest.fixture(scope="session")
def hand(edges, tmp_path_factory):
    bundle = convscope.load(by_hand(), preprocess="unit")
    run = convscope.scan(bundle, edges, out=tmp_path_factory.mktemp("hand") / "run", precision="float32")
    return bundle, run


@pytest.fixture
def plain_judge(monkeypatch):
    monkeypatch.setattr(module, "Judge", PlainJudge)
