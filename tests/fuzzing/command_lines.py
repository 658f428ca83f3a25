"""Whole command lines: every command with options, values and files that fit, and with others; each ends in a known code and a sentence."""

import contextlib
import functools
import io
import os
import random
from unittest import mock

import click
import numpy as np
from PIL import Image

from convscope.catalogue import COMMANDS
from convscope.cli import app, main

from .running import unsound

SHORT = 60
CODES = (0, 1, 2)
MOST_LINES = 6
UNITS = (
    "block1_conv1:0",
    "block1_conv1:0-3",
    "block2_conv1:1@2,3",
    "predictions:Sneaker",
    "block1_conv1",
    "blok:0",
    "a:1 - b:2",
    "dense1:all",
    ":",
    "x:" + "9" * 5000,
)
IMAGES = (
    "sample:cat",
    "sample:fashion[0-4]",
    "sample:nobody",
    "cat.png",
    "folder",
    "list.csv",
    "five.npy",
    "*.png",
    "absent.png",
    "absent/cat.png",
    "cat.png[0]",
)
FILES = (
    "cat.png",
    "folder",
    "list.csv",
    "five.npy",
    "words.txt",
    "broken.h5",
    "model.json",
    "absent",
    "absent/x",
    "/dev/null",
    "/proc/self/mem",
    "..",
    "~nobody",
    "",
)
NUMBERS = ("0", "1", "2", "-1", "3.5", "1_000", "nan", "inf", "1e400", "٣", "²", "9" * 30, "9" * 5000, "0x10", " 2 ", "")
WORDS = (
    "",
    " ",
    "-",
    "--",
    "-x",
    "--nothing",
    "@",
    "a" * 20_000,
    "\x1b[2J",
    "\u202e",
    "\udc80",
    "`",
    "%s",
    "{0}",
    "*" * 3000,
    "[" * 3000,
    "=",
    "a=b",
    "a=1",
    "/",
)
MODELS = (*("fashion",) * 9, "broken.h5", "absent.h5", "resnet5", "folder", "", "cat.png", "vgg99")
# What takes long, opens a port or a browser, or needs the network is not begun: only what comes before is tried.
IDLE = ("convscope.demo.run", "convscope.viewing.serve", "convscope.models.applications.fetch", "click.launch")


@functools.cache
def options(name):
    """Return a command's options: their flags and what may be written behind them, None for a switch."""
    command = app.program.get_command(None, name)
    return [(flag, one) for one in command.params if isinstance(one, click.Option) for flag in (*one.opts, *one.secondary_opts)]


def attempt(number, folder):
    """Run one command line in a folder with a few files; nothing outside may change."""
    rng = random.Random(number)
    fill(folder)
    inside = folder / "inside"
    words = command_line(rng)
    before = seen(folder)
    code, said = ended(words, inside)
    what = f"{words!r:.600} -> {code}\n{said[-2500:]}"
    assert code in CODES or (code == 130 and "--stop" in "".join(words)), what  # as Ctrl-C would end it
    assert code != 2 or said.strip(), f"no word: {what}"
    lines = [line for line in said.splitlines() if line.strip()]
    assert code != 2 or len(lines) <= MOST_LINES, what
    assert not any(map(unsound, lines)), what
    assert seen(folder) == before, f"something outside changed: {what}"
    assert not list(inside.rglob(".convscope-*")), f"left over: {what}"
    return f"{words[0] if words and words[0] in COMMANDS else 'no command'} {code}"


def fill(folder):
    inside = folder / "inside"
    (inside / "folder").mkdir(parents=True)
    Image.new("L", (28, 28), 90).save(inside / "cat.png")
    Image.new("L", (28, 28), 30).save(inside / "folder" / "dog.png")
    (inside / "list.csv").write_text("path,label\ncat.png,cat\nfolder/dog.png,dog\n")
    np.save(inside / "five.npy", np.zeros((2, 28, 28, 5), np.float32))
    (inside / "words.txt").write_text("one\ntwo\n")
    (inside / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (inside / "model.json").write_text("{")
    (folder / "outside.txt").write_text("stays")


def seen(folder):
    return sorted((path.name, path.stat().st_size) for path in folder.iterdir() if path.name != "inside")


def ended(words, folder):
    """Run the program in this process; return its exit code and what it said."""
    errors = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(mock.patch.dict(os.environ, {"CONVSCOPE_DEBUG": "1"}))
        for name in IDLE:
            stack.enter_context(mock.patch(name, side_effect=lambda *_, **__: folder))
        stack.enter_context(contextlib.redirect_stderr(errors))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        try:
            main(words)
            code = 0
        except SystemExit as end:
            code = end.code
    return code, errors.getvalue()


def command_line(rng):
    """Return words: mostly a command with what it takes, perhaps spoilt."""
    name = rng.choice(tuple(COMMANDS))
    words = [name, *taken(rng, name)]
    if any(flag == "-m" for flag, _ in options(name)):  # the default models take seconds and a gigabyte
        words += ["-m", rng.choice(MODELS)]
    for _ in range(rng.choice((0, 1, 1, 2, 3)) if options(name) else 0):
        words += option(rng, name)
    if name == "ascend":
        words += ["--steps", "1", "--size", "28"]
    while rng.random() < 0.25:
        place = rng.randrange(len(words) + 1)
        words[place : place + rng.choice((0, 1))] = [rng.choice((*WORDS, *FILES, *NUMBERS, *UNITS, rng.choice(words or [""])))]
    return words


def taken(rng, name):
    sound = rng.random() < 0.5
    images = [rng.choice(IMAGES[:2] if sound else IMAGES) for _ in range(rng.choice((1, 1, 2)))]
    unit = rng.choice(UNITS[:4] if sound else UNITS)
    made = {
        "activations": [unit, *images],
        "deconv": [unit, *images],
        "saliency": [unit, *images],
        "ascend": [unit],
        "tsne": images,
        "scan": images,
    }
    made |= {"top": [unit], "dossier": [unit], "completion": [rng.choice(("bash", "zsh", "fish", "csh"))], "fetch": [rng.choice(MODELS)]}
    return made.get(name, [rng.choice(FILES)])


def option(rng, name):
    flag, one = rng.choice(options(name))
    if one.is_flag and rng.random() < 0.9:
        return [flag]
    if rng.random() < 0.1:
        return [flag]
    fitting = one.type.choices if isinstance(one.type, click.Choice) else FILES if isinstance(one.type, click.Path) else NUMBERS
    value = rng.choice((*fitting, *fitting, *WORDS))
    if one.name == "workers":  # these processes may have no children
        value = rng.choice(("1", "0", "-1", "x", "9" * 18, "1_0"))
    if one.name == "out" and value == "..":  # who asks for it may write there
        value = "."
    return [f"{flag}={value}"] if rng.random() < 0.2 and flag.startswith("--") else [flag, value]
