"""A run stands where a model can."""

import numpy as np
import pytest

import convscope
from convscope.errors import ModelError, OptionError
from convscope.models import as_bundle


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return convscope.scan("fashion", "sample:fashion[0-9]", layers="block1_conv1", out=tmp_path_factory.mktemp("source") / "run")


def test_a_run_is_the_network_that_was_scanned(run):
    bundle, own = as_bundle(run), convscope.load("fashion")
    assert (bundle.digest, bundle.name, bundle.source) == (own.digest, "fashion", "fashion")
    assert convscope.layers(run) == convscope.layers(own)
    shown, expected = (convscope.deconv(one, "block1_conv1:3", "sample:fashion[0]") for one in (run, own))
    assert np.array_equal(shown.pixels, expected.pixels) and shown.provenance == expected.provenance


def test_a_run_takes_no_options_that_it_records(run):
    assert as_bundle(run, preprocess=None, custom=(), inputs=(), unsafe=False).digest
    with pytest.raises(OptionError, match='Received preprocess="unit" with a run'):
        as_bundle(run, preprocess="unit")


def test_what_is_no_model_is_refused():
    with pytest.raises(ModelError, match="Received int as a model. Expected .* or the run of a scan"):
        as_bundle(3)
