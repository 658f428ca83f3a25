"""What units are made of, as a user asks for it: weighed by a run, as JSON, as a table."""

import json

import numpy as np
import pytest

import convscope
from convscope.cli import main
from convscope.errors import OptionError, UnitError
from convscope.network.network import as_network
from convscope.portraits.connections import activity_of

UNITS = ["block2_conv1:3", "predictions:Bag"]


def test_units_keep_their_order_and_have_their_names():
    found = convscope.connections("fashion", UNITS)
    assert repr(found) == "Connections(block2_conv1:3, predictions:8 in 'fashion', patterns alone)"
    assert [str(one.unit) for one in found] == ["block2_conv1:3", "predictions:8"] and found.names["predictions:8"] == "Bag"
    assert all(len(one.exciting) == len(one.inhibiting) == 5 for one in found)
    assert found.feeds[0].unit == found.units[0].unit and found.feeds[1].targets == ()
    record = json.loads(json.dumps(found.summary()))["units"]
    assert record[1]["class"] == "Bag" and record[0]["exact"] is False and len(record[0]["inputs"][0]["pattern"]) == 3


def test_inputs_are_weighed_by_their_mean_maxima_in_a_run(run):
    found = convscope.connections(None, "block3_conv1:3", run=run)
    means = run.units("block2_conv2").mean
    for one in found.units[0].inputs:
        assert one.source.layer == "block2_conv2"
        assert one.strength == pytest.approx(float(one.pattern.sum() * means[one.source.channel]), rel=1e-4)
    alone = convscope.connections("fashion", "block3_conv1:3")
    assert [one.strength for one in found.units[0].inputs] != [one.strength for one in alone.units[0].inputs]


def test_paths_end_at_the_layers_of_the_run_and_a_run_stands_for_its_model(run, fashion):
    found = convscope.connections(run, "block2_conv2")
    assert len(found) == 64 and {one.source.layer for made in found for one in made.inputs} == {"block1_conv1"}
    assert [sentence.split()[0] for sentence in found.units[0].remarks] == ["Activations", "Where"]
    assert repr(found).startswith("Connections(block2_conv2:0, block2_conv2:1, block2_conv2:2 and 61 more in 'fashion', weighed by ")
    np.testing.assert_array_equal(activity_of(as_network(fashion), run)("dense1"), run.units("dense1").mean)
    with pytest.raises(UnitError, match="was not measured"):
        convscope.connections(run, "block2_conv1:0")


@pytest.mark.once
def test_a_count_is_a_whole_number():
    for count in (0, -1, 2.5, True):
        with pytest.raises(OptionError, match="whole number at least 1"):
            convscope.connections("fashion", UNITS, count=count)


@pytest.mark.once
def test_the_command_prints_a_table_and_the_same_as_json(run, capsys):
    words = ["connections", "block3_conv1:3", "-r", str(run.path), "--count", "2"]
    main(words)
    said = capsys.readouterr().out
    found = convscope.connections(run, "block3_conv1:3", count=2)
    for one in found.units[0].inputs:
        assert f"{one.source} " in said and f"{one.strength:.3g}" in said
    for feed in found.feeds[0].targets:
        assert str(feed.target) in said
    assert "Where the largest of several values is taken" in said
    main([*words, "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found.summary()))


@pytest.mark.once
def test_a_wrong_unit_is_one_sentence(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["connections", "block2_conv1:99", "-m", "fashion"])
    assert "has 64 channels, 0 to 63" in capsys.readouterr().err
