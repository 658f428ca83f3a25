"""What a line means at a place: as a table, without a network, a file or a terminal."""

import shlex
from random import Random

import pytest

from convscope.cli.app import program
from convscope.cli.forms import Forms
from convscope.errors import ConvscopeError, OptionError, UnitError
from convscope.network.listing import LayerInfo
from convscope.session.lines import Command, Doing, Opening, Told, advance, opened, split
from convscope.session.place import Place

pytestmark = pytest.mark.once

FORMS = Forms(program)
LAYERS = (
    LayerInfo("block1_conv1", "convolution", "Conv2D", (28, 28), 32, 3, 1, "relu"),
    LayerInfo("block2_conv1", "convolution", "Conv2D", (14, 14), 64, 10, 2, "relu"),
    LayerInfo("block2_pool", "max pooling", "MaxPooling2D", (7, 7), 64, 16, 4, None),
    LayerInfo("predictions", "dense", "Dense", (), 3, None, None, "softmax"),
)
START = opened(Place(), Opening("fashion"), LAYERS, ("Bag", "Ankle boot", "Dress"), ("sample:cat",))


def walked(*lines, place=START):
    """Return the place after some lines, and the events of the last."""
    events = ()
    for line in lines:
        events = ()
        for words in split(line):
            place, more = advance(place, words, FORMS)
            events += more
    return place, events


def commands(*lines):
    return [shlex.join(event.words) for event in walked(*lines)[1] if isinstance(event, Command)]


def test_a_model_opens_at_the_first_unit_of_its_last_convolution():
    assert str(START) == "fashion block2_conv1:0 · sample:cat"
    assert START.before == Place()


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("d", "deconv block2_conv1:0 sample:cat --model fashion"),
        ("convscope deconv", "deconv block2_conv1:0 sample:cat --model fashion"),
        ("a --steps 64", "ascend block2_conv1:0 --steps 64 --model fashion"),
        ("ascend --steps=64 -m vgg16", "ascend block2_conv1:0 --steps=64 -m vgg16"),
        ("s", "saliency block2_conv1:0 sample:cat --model fashion"),
        ("m", "activations block2_conv1 sample:cat --model fashion"),
        ("activations dog.jpg", "activations block2_conv1 dog.jpg --model fashion"),
        ("d :3 dog.jpg", "deconv block2_conv1:3 dog.jpg --model fashion"),
        ("d dog.jpg :3", "deconv block2_conv1:3 dog.jpg --model fashion"),
        ("d block1_conv1:3", "deconv block1_conv1:3 sample:cat --model fashion"),
        ("d --strongest 3", "deconv block2_conv1 sample:cat --strongest 3 --model fashion"),
        ("d 'two words.jpg'", "deconv block2_conv1:0 'two words.jpg' --model fashion"),
        ("ascend --layers all", "ascend --layers all --model fashion"),
        ("a -0.5*block1_conv1:3", "ascend '-0.5*block1_conv1:3' --model fashion"),
        ("deconv -x", "deconv block2_conv1:0 sample:cat -x --model fashion"),
        ("run r; t", "top block2_conv1:0 --run r --model fashion"),
        ("o -r other", "dossier block2_conv1:0 -r other --model fashion"),
        ("run r; atlas", "atlas --run r --model fashion"),
        ("scan photos/", "scan photos/ --model fashion"),
        ("layers", "layers --model fashion"),
        ("layers vgg16", "layers vgg16"),
        ("view folder", "view folder"),
        ("look", "look sample:cat --model fashion"),
        ("tsne", "tsne sample:cat --model fashion"),
        ("replay a.png", "replay a.png"),
        ("set steps 32; a", "ascend block2_conv1:0 --steps 32 --model fashion"),
        ("set steps 32; a --steps 8", "ascend block2_conv1:0 --steps 8 --model fashion"),
        ("set switches spread; d --no-switches", "deconv block2_conv1:0 sample:cat --no-switches --model fashion"),
        ("set raw; m", "activations block2_conv1 sample:cat --raw --model fashion"),
        ("set steps 32; d", "deconv block2_conv1:0 sample:cat --model fashion"),
        ("set steps=32; unset steps; a", "ascend block2_conv1:0 --model fashion"),
    ],
)
def test_a_line_is_a_command_with_what_the_place_knows(line, command):
    assert commands(line) == [command]


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("n", "block2_conv1:1"),
        ("n; n; p", "block2_conv1:1"),
        (":63", "block2_conv1:63"),
        ("unit 18", "block2_conv1:18"),
        (":0-7; n", "block2_conv1:8-15"),
        (":60-63; p", "block2_conv1:56-59"),
        (":56-62; n", "block2_conv1:63"),
        (":17@3,5; n", "block2_conv1:18@3,5"),
        (":", "block2_conv1"),
        ("block1_conv1:3", "block1_conv1:3"),
        ("layer block1*", "block1_conv1:0"),
        ("[", "block1_conv1:0"),
        ("]", "predictions:0"),
        ("]; :Dress; p", "predictions:1"),
        ("layer block2_pool; ]", "predictions:0"),
        (":5; n; back", "block2_conv1:5"),
        (":5; n; back; back; back", ""),
    ],
)
def test_a_line_moves(line, address):
    assert walked(line)[0].address == address


def test_a_pattern_of_several_layers_takes_the_first_and_names_all():
    _, (told,) = walked("layer block*")
    assert told == Told("The first of 3 layers: block1_conv1, block2_conv1, block2_pool.")


def test_what_was_run_at_a_unit_is_run_again_at_the_next():
    place, events = walked(":17", "d", "a --steps 8", "a --steps 8", "scan photos/", "d :3", "n; again")
    assert [shlex.join(event.words) for event in events] == [
        "deconv block2_conv1:18 sample:cat --model fashion",
        "ascend block2_conv1:18 --steps 8 --model fashion",
    ]
    first = walked("n; again", place=place)[1][0]
    assert str(first) == "convscope deconv block2_conv1:19 sample:cat --model fashion"
    assert isinstance(walked("again")[1][0], Told)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("model my.h5", Opening("my.h5")),
        (
            "session 'my model.h5' --custom a.py --custom b.py --unsafe",
            Opening("my model.h5", {"custom": ("a.py", "b.py"), "unsafe": ("yes",)}),
        ),
        ("model -m vgg16", Opening("vgg16")),
        ("open", Doing("open")),
        ("? deconv", Doing("help", "deconv")),
        ("save tour.convscope", Doing("save", "tour.convscope")),
        ("replay tour.convscope", Doing("replay", "tour.convscope")),
        ("q", Doing("quit")),
    ],
)
def test_what_only_a_front_end_can_do_is_an_event(line, event):
    assert walked(line)[1] == (event,)


def test_a_run_alone_opens_its_network():
    place, events = walked("run RUN", place=Place())
    assert place.run == "RUN" and events == (Opening("RUN"),)


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("decnov", OptionError, "Closest of the commands: deconv"),
        (":64", UnitError, "has 64 units, 0 to 63, but received 64"),
        (":x", UnitError, "none called `x`"),
        ("block9:3", UnitError, "Closest of its layers"),
        ("layer block9", UnitError, "No layer of `fashion`"),
        (":63; n", OptionError, "the last of 64 units"),
        ("p", OptionError, "the first of 64 units"),
        ("[; [", OptionError, "the first layer"),
        ("n d", OptionError, "Divide commands by a semicolon"),
        ("image", OptionError, "No image"),
        ("run", OptionError, "No run"),
        ("set stepps 3", OptionError, "Closest of the options: steps"),
        ("set model x", OptionError, "a command of its own"),
        ("unset steps", OptionError, "not set"),
        ("model a b", OptionError, "Received 2 models"),
        ("model a --costum b", OptionError, "Closest of the options"),
        ("d 'open", OptionError, "open quotation mark"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(line, error, said):
    with pytest.raises(error, match=said):
        walked(line)


def test_before_a_model_is_open_a_unit_needs_one():
    with pytest.raises(ConvscopeError, match="No layer is chosen"):
        walked(":3", place=Place())
    assert commands_of(Place(), "deconv block1_conv1:3 sample:cat") == ["deconv block1_conv1:3 sample:cat"]


def commands_of(place, line):
    return [shlex.join(event.words) for event in walked(line, place=place)[1]]


def test_remarks_and_empty_lines_are_nothing():
    assert split("# a tour") == split("   ") == split(";") == []
    assert split("layer conv1#2") == [("layer", "conv1#2")]
    assert split("n;d 'a;b'") == [("n",), ("d", "a;b")]


def test_whatever_is_typed_leads_somewhere_or_is_refused_in_a_sentence():
    """Random lines from pieces of the grammar: only ConvscopeError comes out, and each command begins with its name."""
    pieces = [
        "d",
        "deconv",
        ":",
        ":3",
        ":0-7",
        "block1_conv1",
        "@1,2",
        "--steps",
        "=",
        "-m",
        "-",
        "--",
        ";",
        "'",
        '"',
        "\\",
        "#",
        "\0",
        "é\u202e",
    ]
    pieces += [
        "n",
        "p",
        "[",
        "]",
        "again",
        "back",
        "set",
        "unset",
        "image",
        "run",
        "model",
        "layer",
        "*",
        "?",
        "9" * 30,
        "sample:cat",
        " ",
        " ",
    ]
    random, place = Random(0), START
    for _ in range(3000):
        line = "".join(random.choice(pieces) + random.choice(("", " ")) for _ in range(random.randrange(1, 7)))
        try:
            for words in split(line):
                place, events = advance(place, words, FORMS)
                assert all(event.words[0] in FORMS for event in events if isinstance(event, Command))
                assert str(place).isprintable() and place.layers == LAYERS
        except ConvscopeError:
            pass
