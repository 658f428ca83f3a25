"""The questions of the guide in process: answers in, lines out; nothing printed, nothing read but the name of a run."""

import pytest

from convscope.cli.app import program
from convscope.cli.forms import Forms
from convscope.errors import ConvscopeError, OptionError
from convscope.network.listing import LayerInfo
from convscope.session.guide import BACK, WHOLE, Asking, Menu, answer, question
from convscope.session.lines import Command, Opening, advance, opened, split
from convscope.session.place import Place

pytestmark = pytest.mark.once

LAYERS = (
    LayerInfo("block1_conv1", "convolution", "Conv2D", (28, 28), 32, 3, 1, "relu"),
    LayerInfo("block2_conv2", "convolution", "Conv2D", (14, 14), 64, 14, 2, "relu"),
)
START = opened(Place(), Opening("fashion"), LAYERS, (), ("sample:fashion[0]",))
FORMS = Forms(program)


def asked(*answers, place=START):
    """Return the state, the place and all lines after some answers; what the lines draw is not drawn."""
    asking, lines = Asking(), []
    for text in answers:
        asking, line = answer(asking, place, text)
        lines += [line] if line else []
        for words in split(line):
            place, _ = advance(place, words, FORMS)
    return asking, place, lines


def choices(asking, place):
    return [choice.value for choice in question(asking, place).choices]


def test_enter_alone_leads_to_a_picture():
    asking, place, lines = asked("", "", "", "deconv", "", "")
    assert lines == [":0-7", "deconv"] and asking.stage == "again" and place.address == "block2_conv2:0-7"


def test_answers_become_the_lines_that_one_could_have_typed():
    _, place, lines = asked("fashion", "block1_conv1", "17", "deconv", "'a b.png' cat.jpg", "spread")
    assert lines == ["block1_conv1:0", ":17", "image 'a b.png' cat.jpg", "deconv --switches spread"]
    assert place.looks == (("deconv", "--switches", "spread"),) and place.images == ("a b.png", "cat.jpg")
    assert asked("'a model.h5'")[2] == ["model 'a model.h5'"]


def test_defaults_are_apart_from_the_answer():
    asking, place, _ = asked("", "")
    assert question(asking, place).default == "0-7"
    assert answer(asking, place, "17")[1] == ":17"


def test_layers_are_listed_with_what_is_known_of_them():
    asking, place, _ = asked("")
    titles = {choice.value: choice.title for choice in question(asking, place).choices}
    assert "14 x 14 x 64" in titles["block2_conv2"] and "sees 14 px" in titles["block2_conv2"]


def test_what_a_method_cannot_do_here_is_not_offered():
    assert choices(*asked("", "", "3")[:2]) == [
        "activations",
        "deconv",
        "saliency",
        "ascend",
        "top",
        "dossier",
        "trust",
        "facets",
        "weights",
        "lesion",
    ]
    assert "dossier" in choices(*asked("", "", "0-7")[:2])
    assert choices(*asked("", "", "strongest 3")[:2]) == ["deconv"]
    assert choices(*asked("", WHOLE)[:2]) == ["tsne", "explain"]


def test_a_method_that_needs_a_run_asks_for_images_to_scan_first():
    asking, place, _ = asked("", "", "3", "top")
    assert "Scans images first." in question(*asked("", "", "3")[:2]).choices[4].title
    assert question(asking, place).stage == "run" and question(asking, place).default == "sample:fashion"
    assert answer(asking, place, "photos/ more/")[1] == "scan photos/ more/"
    assert asked("", "", "3", "dossier", "photos/")[2][-1] == "scan photos/; dossier"
    scanned = START.moved(run="RUN")
    assert asked("", "", "3", "dossier", place=scanned)[2][-1] == "dossier"


def test_the_whole_network_is_a_map_of_many_images():
    asking, place, _ = asked("", WHOLE, "tsne")
    assert question(asking, place).default == "sample:fashion"
    assert answer(asking, place, "")[1] == "tsne sample:fashion"


def test_the_strongest_units_are_an_option_of_the_method():
    _, place, lines = asked("", "", "strongest 3", "deconv", "", "")
    assert lines == ["deconv --strongest 3"]
    (command,) = advance(place, ("deconv", "--strongest", "3"), FORMS)[1]
    assert isinstance(command, Command) and command.words[1] == "block2_conv2"


def test_again_goes_on_or_back_to_any_question():
    asking, place, _ = asked("", "", "3", "deconv", "", "")
    assert choices(asking, place) == ["next", "method", "units", "layer", "model", "leave"]
    assert answer(asking, place, "next") == (asking, "n; again")
    assert [answer(asking, place, stage)[0].stage for stage in ("method", "units", "layer", "model")] == [
        "method",
        "units",
        "layer",
        "model",
    ]
    stages = []
    for _ in range(4):
        asking, _ = answer(asking, place, BACK)
        stages.append(asking.stage)
    assert stages == ["method", "units", "layer", "model"]


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        (("",), "block9"),
        (("", ""), "99"),
        (("", ""), "?"),
        (("", ""), "1-"),
        (("", ""), "strongest many"),
        (("", ""), "strongest \u00b2"),
        (("", ""), "strongest 0"),
        (("", "", "0"), "tsne"),
        (("", "", "0", "deconv"), "it's.jpg"),
        (("", "", "0", "deconv", ""), "sideways"),
        (("", "", "0", "saliency", ""), "perhaps"),
        (("", "", "0", "deconv", "", ""), "more"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_at_its_question(answers, wrong):
    asking, place, _ = asked(*answers)
    with pytest.raises(ConvscopeError):
        answer(asking, place, wrong)


def test_a_search_without_match_shows_nothing_and_takes_nothing():
    asking, place, _ = asked("")
    menu = Menu(question(asking, place).choices)
    assert menu.search("zzz").found == () and menu.search("zzz").chosen is None
    assert menu.search("conv block2").chosen.value == "block2_conv2"
    assert menu.step(1).chosen.value == "block2_conv2" and menu.step(9).chosen.value == WHOLE and menu.step(-1).at == 0
    assert menu.step(2).window(2) == (1, menu.choices[1:3])
    with pytest.raises(OptionError):
        answer(asking, place, "zzz")
