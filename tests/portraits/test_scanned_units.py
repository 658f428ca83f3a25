"""Units of a run: what addresses mean there, how they are divided, and which network stands behind them."""

import pytest

from convscope.errors import OptionError, UnitError
from convscope.portraits.scanned_units import scanned_units
from convscope.units import Unit


def test_units_keep_their_order_and_are_divided_by_layer(run):
    found = scanned_units(run, ["dense1:3", "block3_conv1:0-2", Unit("dense1", 1)], None)
    assert found.layers == ("dense1", "block3_conv1") and found.channels == [3, 0, 1, 2, 1]
    parts = found.pages(2)
    assert [(part.layer, part.channels) for part in parts] == [("dense1", [3, 1]), ("block3_conv1", [0, 1]), ("block3_conv1", [2])]


def test_a_bare_layer_means_all_its_units_and_a_class_goes_by_its_name(run):
    assert len(scanned_units(run, "dense1", None).units) == 128
    found = scanned_units(run, "predictions:Bag", None)
    assert found.units == (Unit("predictions", 8),) and found.class_names == {"predictions:8": "Bag"}


def test_the_network_of_a_run_is_loaded_once(run, fashion):
    own = scanned_units(run, "dense1:1", None).network
    assert scanned_units(run, "dense1:2", None).network is own
    assert scanned_units(fashion, "dense1:2", run).network.bundle is fashion


@pytest.mark.parametrize(
    ("model", "units", "error", "said"),
    [
        ("run", "block9:1", UnitError, "`block9` was not measured in the run"),
        ("run", "dense1:1@0,0", UnitError, "dense1"),
        ("run", [3], UnitError, "Received 3 as a unit"),
        (None, "dense1:1", OptionError, "no run"),
    ],
)
def test_what_makes_no_sense_is_refused(run, model, units, error, said):
    with pytest.raises(error, match=said):
        scanned_units(run if model == "run" else None, units, None)
