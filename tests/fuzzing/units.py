"""Addresses of units, ranges, expressions, patterns of layers and numbers: what is accepted means what a slow parser says."""

import functools
import random

import numpy as np

import convscope
from convscope.backend import keras
from convscope.errors import ConvscopeError
from convscope.expressions import Objective
from convscope.network.addresses import as_candidates, as_units
from convscope.network.listing import layers, matching
from convscope.network.network import as_network
from convscope.network.targets import as_targets, recorded_as
from convscope.numerals import real, whole
from convscope.scanning.maxima import chosen_layers
from slow_grammar import ANY, Grammar, integer, layers_of, rational

from .running import unsound

SHORT = 200
LABELS = ("tabby", "Crane", "crane", "maillot", "maillot", "a - b", "café", "12", "all", "x@y", "great  white", "٣")
BLANKS = (" ", "  ", "\t", "\u00a0", "\n", " " * 3000)
SIGNS = (
    ":", "@", ",", "-", "+", "*", "(", ")", "odds(", "#", "/", ".", "e", "_", "٣", "²", "\0", "\udc80", "\u0301", "\u202e", "\x1b[2J", "`",
    "%s", "{0}", " + ", " - ", "0.5*", "1e400*", "nan*", "9" * 5000, "0-999999999", "(" * 2000, "*a" * 500, "all", ".npy", "[", "]", "?",
    "!", "~", "\\", "'",
)  # fmt: skip


@functools.cache
def bundle():
    """A network with a nested model, a shared layer, odd names, and classes of which some share a name."""
    pixels = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(5, 1, name="conv")], name="base")
    shared = keras.layers.Conv2D(4, 1, name="shared")
    hidden = keras.layers.Conv2D(4, 3, padding="same", name="block1_conv-2")(pixels)
    hidden = inner(shared(shared(hidden)))
    hidden = keras.layers.Conv2D(6, 1, name="cafe\u0301 one")(hidden)
    hidden = keras.layers.Flatten(name="flat")(hidden)
    hidden = keras.layers.Dense(len(LABELS), name="same_size")(hidden)
    output = keras.layers.Dense(len(LABELS), activation="softmax", name="classes")(hidden)
    return convscope.load(keras.Model(pixels, output), labels=LABELS, preprocess="unit")


@functools.cache
def known():
    return {info.address: (info.channels, len(info.shape)) for info in layers(bundle())}


@functools.cache
def slow():
    return Grammar(known(), ("classes",), LABELS)


def attempt(number, folder):
    """Make a text of one kind, and compare what convscope reads with the slow reading."""
    rng = random.Random(number)
    make = rng.choice((addresses, addresses, expressions, expressions, patterns, numbers))
    return f"{make.__name__} {make(rng, folder)}"


def compared(read, expected):
    """Return a word for what was read, after comparing it; None as `expected` means that it must be refused."""
    try:
        found = read()
    except ConvscopeError as error:
        assert not unsound(str(error)), unsound(str(error))
        assert expected is None or expected is ANY, f"refused: {error}; expected {expected}"
        return "refused"
    assert expected is not None, f"read as {found}"
    assert expected is ANY or found == expected, f"read as {found}; expected {expected}"
    return "right"


def addresses(rng, folder):
    text, bare = spoilt(rng, address(rng)), rng.random() < 0.3
    read = as_candidates if bare else as_units
    return compared(lambda: [(one.layer, one.channel, one.position) for one in read(bundle(), text)], slow().units_of(text, bare))


def expressions(rng, folder):
    np.save(folder / "v.npy", np.arange(1.0, 5.0))
    parts = [term(rng, folder) for _ in range(rng.choice((1, 1, 2, 3)))]
    text = rng.choice((" + ", " - ", "  -  ", " +\t")).join(parts)
    text = spoilt(rng, text)

    def read():
        return sums(recorded_as(as_targets(as_network(bundle()), text, start=False)))

    return compared(read, slow().meaning(text))


def sums(targets):
    """Return targets as the units or the weighted terms that they are."""
    if not all(isinstance(one, Objective) for one in targets):
        return [(one.layer, one.channel, one.position) for one in targets]
    return {(term.layer, str(term.channel), term.position, term.odds): term.weight for one in targets for term in one.terms}


def patterns(rng, folder):
    names = list(known())
    parts = (*rng.sample(names, 2), "*", "block*", "*conv*", "[b,s]*", "?hared", "sh*d#2", "*" * 40 + "x", "all", "convolutions", "[!b]*")
    pattern = spoilt(rng, rng.choice((",", ", ", " ,")).join(rng.choices(parts, k=rng.choice((1, 1, 2, 3)))))
    learned = [info.address for info in layers(bundle()) if info.learns]
    words = {"all": learned, "convolutions": [name for name in learned if known()[name][1] == 2]}
    expected = layers_of(pattern, names, words)
    if rng.random() < 0.5:
        return compared(lambda: [info.address for info in matching(bundle(), pattern)], expected)
    return compared(lambda: chosen_layers(as_network(bundle()), pattern), expected)


def numbers(rng, folder):
    text = rng.choice(
        (
            "17",
            "-3",
            "0",
            "007",
            "1e3",
            ".5",
            "5.",
            "-0.25",
            "1_000",
            "nan",
            "inf",
            "-inf",
            "1e400",
            "1e-400",
            "0x10",
            "",
            "9" * 18,
            "9" * 19,
        )
    )
    text = spoilt(rng, text)
    body = text.strip()
    for read, expected in ((whole, integer(body)), (real, rational(body))):
        try:
            found = read(text)
        except ValueError:
            assert expected is None, f"{text!r} is refused"
        else:
            assert found == expected, f"{text!r} is read as {found}"
    return "right"


# Texts.


def address(rng):
    layer = rng.choice((*known(), "conv", "café one", "nowhere", "", "block1_conv-2", "classes"))
    channel = rng.choice(
        ("0", "1", "3", "0-2", "1, 3", "3,1,0-2", "all", "2-1", "99", "-1", "", "0-", *LABELS, "CRANE", "TABBY", "cafe\u0301")
    )
    place = rng.choice(("", "", "", "@0,1", " @ 2 , 3 ", "@1", "@-1,0", "@1,2,3", "@x,y", "@" + "9" * 30 + ",0"))
    return rng.choice((f"{layer}:{channel}{place}", f"{layer}:{channel}{place}", layer, f" {layer}:{channel} "))


def term(rng, folder):
    one = rng.choice((address(rng), address(rng), f"odds({address(rng)})", f"shared:{folder}/v.npy", f"shared:{folder}/none.npy"))
    return rng.choice(("", "", "", "-", "+ ", "0.5*", "-2 * ", "1e-3*", ".5*", "1e400*", "0*", "1_0*")) + one


def spoilt(rng, text):
    """Return the text, perhaps with signs put in, letters left out or blanks made long."""
    while rng.random() < 0.4:
        place = rng.randrange(len(text) + 1)
        stay = place + rng.choice((0, 0, 1, 3))
        text = text[:place] + rng.choice((*SIGNS, *BLANKS, "")) + text[stay:]
    return text
