"""Networks by hand and by chance, whose answers are known; and what is kept beside the run."""

import json
import shutil

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.cli import main
from convscope.formats.trust_file import TABLE
from convscope.models.bundle import network_digest
from convscope.results.trust import CONTRADICTED, NUMBERS, SCALES, SUPPORTED
from convscope.trusting import trust as module
from convscope.trusting.measuring import Measuring
from edges_by_hand import EDGE, FOOLED, HONEST, KERNELS, SIDE, edge_image, with_pictures
from networks import model_of

CHECKERBOARD = (np.indices((SIDE, SIDE)).sum(axis=0) % 2).astype("float32")


def one_edge():
    return edge_image(0, 8, 0.1, 0.6, np.random.default_rng(1))[..., 0]


def by_name(unit):
    return {figure.name: figure for figure in unit.figures()}


def copied(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run", ignore=shutil.ignore_patterns(TABLE))
    return tmp_path / "run"


def test_a_branch_that_carries_the_picture_alone_is_caught(hand, edges, plain_judge, monkeypatch, tmp_path):
    bundle, run = hand
    run = convscope.open_run(copied(run, tmp_path), images=edges)
    with_pictures(monkeypatch, c0=one_edge(), c1=CHECKERBOARD)
    honest, fooled = convscope.trust(bundle, f"second:{HONEST}-{FOOLED}", run=run)
    # Both units have the same strongest images, so that only the picture tells them apart.
    assert run.top("second").images[HONEST].tolist() == run.top("second").images[FOOLED].tolist()
    assert by_name(honest)["Path check"].word == SUPPORTED and honest.numbers["path"] > 0.8
    assert by_name(fooled)["Path check"].word == CONTRADICTED and fooled.numbers["path"] < 0
    assert honest.curve("path_natural")[0] == ("first",) and honest.curve("path_natural")[1][0] > honest.curve("path_random")[1][0]


def test_projections_of_an_edge_detector_are_its_kernel_and_no_other(hand, edges, plain_judge, monkeypatch, tmp_path):
    bundle, run = hand
    run, before = convscope.open_run(copied(run, tmp_path), images=edges), network_digest(bundle.network)
    with_pictures(monkeypatch, c0=one_edge())
    (found,) = convscope.trust(bundle, "first:0", run=run)
    values = convscope.activations(bundle, "first", edges).maps
    top, cosines = run.top("first"), []
    for rank in range(3):
        here = values[top.images[0, rank], top.rows[0, rank], top.columns[0, rank]]
        cosines += [_cosine(EDGE, KERNELS[other]) for other in range(1, len(KERNELS)) if here[other] > 0]
    assert found.numbers["others"] == len(cosines) > 0
    assert found.numbers["like_gradient"] == pytest.approx(np.mean(cosines), abs=1e-5)
    assert found.numbers["like_switches"] == pytest.approx(found.numbers["like_gradient"], abs=1e-6)
    assert np.isnan(found.numbers["rank_spread"])  # no max pooling comes before
    assert network_digest(bundle.network) == before
    assert found.numbers["natural"] > 0.6 and found.numbers["images"] == 9 and found.numbers["places"] == 3


def _cosine(one, other):
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.once
def test_in_a_random_network_random_weights_leave_no_more_than_a_field_does(edges, plain_judge, monkeypatch, tmp_path):
    layers = keras.layers
    model = model_of(
        layers.Conv2D(6, 3, activation="relu", name="first"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Conv2D(24, 3, padding="same", activation="relu", name="second"),
        shape=(SIDE, SIDE, 1),
        seed=5,
    )
    bundle = convscope.load(model, preprocess="unit")
    run = convscope.scan(bundle, edges, out=tmp_path / "run", precision="float32")
    with_pictures(monkeypatch)
    found = convscope.trust(bundle, "second:all", run=run)
    assert len(found) == 24 and found.sampled == min(8, int((run.units("second").fires > 0).sum()))
    tallies = {one.name: one for one in found.tallies()}
    judged = [figure.judged for unit in found for figure in unit.figures() if figure.name == "Random weights: gradient"]
    assert np.nanmean(judged) < SCALES["randomised"].contradicted
    assert abs(tallies["Other units: gradient"].quartiles[1]) < 0.3
    assert {"Random weights: without switches", "Reach", "Border"} <= set(tallies)


@pytest.mark.once
def test_numbers_are_kept_and_not_measured_twice(hand, edges, plain_judge, monkeypatch, tmp_path):
    bundle, run = hand
    run = convscope.open_run(copied(run, tmp_path), images=edges)
    assert run.trust() == ()
    with_pictures(monkeypatch, c0=one_edge())
    first = convscope.trust(bundle, "second:0-1", run=run)
    calls, own = [], Measuring.of
    monkeypatch.setattr(Measuring, "of", lambda self, channels: calls.append(list(channels)) or own(self, channels))
    again = convscope.trust(bundle, "second:0-2", run=run)
    assert calls == [[2]] and [str(one.unit) for one in again] == ["second:0", "second:1", "second:2"]
    assert again.summary()["units"][:2] == first.summary()["units"]
    assert convscope.trust(bundle, "second:1", run=run, seed=4).units[0].seed == 4 and calls[1:] == [[1]]
    assert [str(one.unit) for one in run.trust("second", [0, 3])] == ["second:0"] and len(run.trust()) == 3
    table = run.trust("second:0")[0]
    assert {name: table.numbers[name] for name in NUMBERS} == pytest.approx(first.units[0].numbers, nan_ok=True, rel=1e-6)


@pytest.mark.once
def test_an_interruption_keeps_the_chunks_and_a_run_that_grew_is_noticed(hand, edges, plain_judge, monkeypatch, tmp_path):
    bundle, run = hand
    folder = copied(run, tmp_path)
    run = convscope.open_run(folder, images=edges)
    with_pictures(monkeypatch, c0=one_edge())
    own = Measuring.of

    def until_the_second(self, channels):
        if 4 in channels:
            raise KeyboardInterrupt
        return own(self, channels)

    with monkeypatch.context() as patched:
        patched.setattr(Measuring, "of", until_the_second)
        cut = convscope.trust(bundle, "first", run=run)
        with pytest.raises(KeyboardInterrupt):
            convscope.trust(bundle, "first:4", run=run)
    assert cut.interrupted and [one.unit.channel for one in cut] == [0, 1, 2, 3]
    assert not convscope.trust(bundle, "first", run=run).interrupted and len(run.trust()) == len(KERNELS)
    more = np.concatenate([edges, edges[:1, ::-1]])
    grown = convscope.scan(bundle, more, out=folder, precision="float32")
    assert grown.trust() == ()
    assert module.GROWN in convscope.trust(bundle, "second:0", run=grown).notes and len(grown.trust()) == 1


@pytest.mark.long
@pytest.mark.once
def test_the_command_measures_with_the_true_judge_and_its_picture_is_made_again(tmp_path, capsys):
    run = convscope.scan("fashion", "sample:fashion[0-59]", out=tmp_path / "run", layers=["block2_conv1"], precision="float32")
    words = ["trust", "block2_conv1:3,17", "-r", str(run.path), "--synthetic", "fast"]
    main([*words, "-o", str(tmp_path / "trust.png"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert [one["unit"] for one in said["units"]] == ["block2_conv1:3", "block2_conv1:17"]
    for figure in said["units"][0]["figures"]:
        assert figure["word"] in ("well supported", "doubtful", "contradicted", "cannot be told") and figure["meaning"].endswith(".")
    assert said["written"][0] == str(tmp_path / "trust.png")
    main(["replay", str(tmp_path / "trust.png"), "--allow", str(run.path)])
    assert "identical, byte for byte" in capsys.readouterr().out


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["second:9"], "has 4 channels, 0 to 3"),
        (["third:0"], "was not measured"),
        (["second:0", "--synthetic", "slow"], "slow"),
        (["second:0", "--seed", "-1"], "from 0 to"),
    ],
)
def test_bad_input_is_one_sentence(hand, capsys, arguments, said):
    with pytest.raises(SystemExit) as end:
        main(["trust", *arguments, "-r", str(hand[1].path)])
    error = capsys.readouterr().err
    assert end.value.code == 2 and "Traceback" not in error and error
    assert said in error or "memory" in error
