"""The session in process: answers in, events out; nothing printed, nothing asked."""

import shlex
import shutil

import numpy as np
import pytest

import convscope
from convscope import session
from convscope.catalogue import METHODS
from convscope.cli import main
from convscope.errors import ConvscopeError, ModelError, OptionError, ReplayError, UnitError
from convscope.method import Written
from convscope.requests import Request
from convscope.session import BACK, QUIT, WHOLE, Ended, Question, Told


def answered(out, *answers):
    """Give the answers in turn; return the last state and its events."""
    state, events = session.start(out)
    for answer in answers:
        state, events = session.advance(state, answer)
    return state, events


def asked(events):
    assert isinstance(events[-1], Question)
    return events[-1]


def test_it_starts_by_asking_for_a_model_and_offers_the_default(tmp_path):
    _, events = session.start(tmp_path)
    assert asked(events).stage == "model"
    assert asked(events).default == "vgg16"


def test_layers_are_listed_with_shapes_counts_and_fields(tmp_path):
    _, events = answered(tmp_path, "fashion")
    titles = {choice.value: choice.title for choice in asked(events).choices}
    assert "14 x 14 x 64" in titles["block2_conv2"]
    assert "sees 14 px" in titles["block2_conv2"]
    assert any(isinstance(event, Told) and "Fashion-MNIST" in event.text for event in events)


def test_from_start_to_a_written_picture(tmp_path):
    state, events = answered(tmp_path, "fashion", "block2_conv2", "0-1", "deconv", "sample:fashion[0-1]", "center")
    written = next(event for event in events if isinstance(event, Written))
    assert written.paths[0].exists()
    assert written.result.pixels.shape == (2, 2, 28, 28, 1)
    assert written.result.variant == "center"
    assert asked(events).stage == "again"
    assert len(state.commands) == 1


def test_a_map_takes_a_run_or_features_and_then_no_network(tmp_path, run):
    np.save(tmp_path / "features 1.npy", np.random.default_rng(0).normal(size=(12, 4)).astype("float32"))
    state, _ = answered(tmp_path / "out", "fashion", WHOLE, "tsne")
    for images in (str(run.path), shlex.quote(str(tmp_path / "features 1.npy"))):
        after, events = session.advance(state, images)
        assert any(isinstance(event, Written) for event in events) and " -m " not in after.commands[-1]
        main(shlex.split(after.commands[-1])[1:])


def test_paths_may_stand_in_quotation_marks(tmp_path, run):
    shutil.copytree(run.path, tmp_path / "a run")
    state, _ = answered(tmp_path, f"'{tmp_path / 'a run'}'")
    assert state.bundle.name == "fashion" and state.run == str(tmp_path / "a run")


def test_the_saved_command_makes_the_same_picture(tmp_path):
    state, events = answered(tmp_path / "a", "fashion", "block1_conv2", "3", "saliency", "sample:fashion[2]", "yes")
    written = next(event for event in events if isinstance(event, Written))
    before = written.paths[0].read_bytes()
    written.paths[0].unlink()
    main(shlex.split(state.commands[0])[1:])
    assert written.paths[0].read_bytes() == before


def test_strongest_units_offer_the_methods_that_can_rank(tmp_path):
    _, events = answered(tmp_path, "fashion", "block2_conv2", "strongest 3")
    assert [choice.value for choice in asked(events).choices] == ["deconv"]
    _, events = answered(tmp_path, "fashion", "block2_conv2", "strongest 3", "deconv", "sample:cat", "switches")
    written = next(event for event in events if isinstance(event, Written))
    assert len(written.result.units) == 3


def test_the_whole_network_offers_the_map(tmp_path):
    _, events = answered(tmp_path, "fashion", WHOLE)
    assert [choice.value for choice in asked(events).choices] == ["tsne"]


def test_again_goes_on_with_other_units_layers_models(tmp_path):
    state, events = answered(tmp_path, "fashion", "block1_conv1", "0", "activations", "sample:cat")
    assert asked(events).stage == "again"
    for answer in ("method", "units", "layer", "model"):
        assert asked(session.advance(state, answer)[1]).stage == answer


def test_back_goes_one_question_back(tmp_path):
    state, _ = answered(tmp_path, "fashion", "block1_conv1", "0")
    for stage in ("units", "layer", "model", "model"):
        state, events = session.advance(state, BACK)
        assert asked(events).stage == stage


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return convscope.scan("fashion", "sample:fashion[0-29]", out=tmp_path_factory.mktemp("session") / "run", layers="block1_conv1")


def test_a_scan_is_asked_for_once_and_a_whole_layer_is_written_as_pages(tmp_path, run):
    state, events = answered(tmp_path, "fashion", "block1_conv1", "all", "top")
    assert asked(events).text.startswith("run: ") and asked(events).paths
    with pytest.raises(OptionError, match="No value for run"):
        session.advance(state, "")
    state, _ = session.advance(state, str(run.path))
    state, events = session.advance(state, "spread")
    written = next(event for event in events if isinstance(event, Written))
    assert [path.name for path in written.paths if path.suffix != ".json"] == [
        "index.html",
        "block1_conv1-00-15.png",
        "block1_conv1-16-31.png",
    ]
    assert written.result.provenance.parameters["switches"] == "spread" and all(path.exists() for path in written.paths)
    before = written.paths[1].read_bytes()
    written.paths[1].unlink()
    main(shlex.split(state.commands[0])[1:])
    assert written.paths[1].read_bytes() == before
    state, _ = session.advance(state, "units")
    state, _ = session.advance(state, "3")
    state, events = session.advance(state, "dossier")
    assert asked(events).default == str(run.path)
    state, events = session.advance(state, "")
    written = next(event for event in events if isinstance(event, Written))
    assert {path.suffix for path in written.paths} == {".png", ".json", ".html"}
    assert str(written.result.unit) == "block1_conv1:3"


def test_a_run_that_cannot_be_used_is_refused_when_it_is_named(tmp_path, run):
    damaged = shutil.copytree(run.path, tmp_path / "damaged")
    (damaged / "top.parquet").write_bytes(b"PAR1" + bytes(40))
    state, _ = answered(tmp_path, str(damaged), "block1_conv1", "0", "top")
    for folder in (damaged, tmp_path / "absent"):
        with pytest.raises(ReplayError):
            session.advance(state, str(folder))
    other, _ = answered(tmp_path, "fashion", "block2_conv1", "0", "top")
    with pytest.raises(UnitError, match="was not measured"):
        session.advance(other, str(run.path))


def test_a_run_that_stands_for_its_model_is_offered_as_the_run(tmp_path, run):
    _, events = answered(tmp_path, str(run.path), "block1_conv1", "0", "top")
    assert asked(events).default == str(run.path)


def test_the_default_of_a_choice_is_left_out_of_the_command(tmp_path):
    state, events = answered(tmp_path, "fashion", "block1_conv1", "0", "deconv", "sample:fashion[0]")
    assert asked(events).default == "switches"
    state, _ = session.advance(state, "switches")
    assert "--switches" not in state.commands[0]


def test_quit_ends_and_the_script_holds_the_commands(tmp_path):
    state, events = answered(tmp_path, "fashion", "block1_conv1", "0", "activations", "sample:cat", QUIT)
    assert isinstance(events[-1], Ended)
    assert session.script(state).splitlines()[2].startswith("convscope activations block1_conv1 sample:cat -m fashion")


@pytest.mark.parametrize(
    ("answers", "wrong", "error"),
    [
        ((), "absent.h5", ModelError),
        (("fashion",), "block9", OptionError),
        (("fashion", "block1_conv1"), "99", OptionError),
        (("fashion", "block1_conv1"), "1-", ConvscopeError),
        (("fashion", "block1_conv1"), "strongest many", OptionError),
        (("fashion", "block1_conv1"), "strongest \u00b2", OptionError),
        (("fashion", "block1_conv1"), "9" * 5000, ConvscopeError),
        (("fashion", "block1_conv1", "0", "deconv"), "it's.jpg", OptionError),
        (("fashion", "block1_conv1", "0"), "tsne", OptionError),
        (("fashion", "block1_conv1", "0", "deconv"), "absent.jpg", ConvscopeError),
        (("fashion", "block1_conv1", "0", "deconv", "sample:cat"), "sideways", OptionError),
    ],
)
def test_an_unusable_answer_raises_and_the_state_stays(tmp_path, answers, wrong, error):
    state, _ = answered(tmp_path, *answers)
    with pytest.raises(error):
        session.advance(state, wrong)
    assert asked(session.advance(state, BACK)[1]).stage in ("model", "layer", "units", "method", "images")


def test_what_the_model_must_be_told_is_told_and_written_down(tmp_path):
    told = {"input_shape": (8, 8, 3), "custom": (), "unsafe": False, "preprocess": "127/128", "inputs": ()}
    state, _ = session.start(tmp_path, "fashion", told={"preprocess": "0/255"})
    state, _ = session.advance(state, "fashion")
    assert state.bundle.preprocessing.name == "0/255"
    line = Request(METHODS.get("ascend"), (["conv:0"],)).command_line(model="chain.keras", told=told)
    assert line == "convscope ascend conv:0 -m chain.keras --input-shape 8,8,3 --preprocess 127/128"


def test_a_method_that_looks_at_more_or_less_than_the_units_says_so(tmp_path):
    def texts(*answers):
        return [event.text for event in answered(tmp_path, "fashion", *answers)[1] if isinstance(event, Told)]

    assert any("draws the whole layer `block2_conv2`" in one for one in texts("block2_conv2", "3", "activations", "sample:fashion[0]"))
    assert any("takes one unit: `block2_conv2:2`" in one for one in texts("block2_conv2", "2-5", "saliency", "sample:fashion[0]", ""))
    assert not any("takes one unit" in one for one in texts("block2_conv2", "2", "saliency", "sample:fashion[0]", ""))


def test_strongest_none_is_refused_at_once(tmp_path):
    with pytest.raises(OptionError, match="selects no unit"):
        answered(tmp_path, "fashion", "block2_conv2", "strongest 0")
