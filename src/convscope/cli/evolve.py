"""The command `evolve`: units at each checkpoint of a training."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..catalogue import METHODS, summary
from ..files import OUT
from ..method import DRAWING
from ..models import ModelBundle
from ..requests import Request
from .current import current_desk
from .flags import flags
from .grouping import Command, grouped, quiet_option
from .methods import TAKEN_HELP, is_model, load_model, told_options
from .showing import show

HELP = (
    "CHECKPOINT is a model file, or a pattern of files such as 'epoch-*.keras' in quotes, in the order of training. For each unit and "
    "checkpoint it draws the image that excites the unit most and its projection, as Figure 4 of Zeiler & Fergus 2014. A bar marks where "
    "another image takes the place of the strongest. Weights-only files need --architecture."
)
NEEDED = "Expected checkpoints, then units: convscope evolve epoch-01.keras epoch-05.keras block2_conv1:0-7 --images photos/"


def _evolve(arguments: tuple[str, ...], images: tuple[str, ...], out: Path | None, raw: bool, as_json: bool, **given: Any) -> None:
    method = METHODS.get("evolve")
    checkpoints, units = _divided(arguments)
    options = {option.name: given.pop(option.name) for option in method.options if option.name in given}
    request = Request(method, (units, list(images)), options)
    at = current_desk()
    request.check_target(out, OUT if at is None else at.folder)
    request = request.on(_loaded(checkpoints, given))
    show(request.write(out, folder=OUT, raw=raw) if at is None else at.write(request, out, raw=raw), as_json)


def _loaded(checkpoints: list[str], told: dict[str, Any]) -> Iterator[ModelBundle]:
    """Yield the networks one by one, so that one is in memory at a time; what `load` says of the first holds for all."""
    for number, name in enumerate(checkpoints):
        yield load_model(name, quiet=number > 0, **told)


def _divided(arguments: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the checkpoints and the units among the words. Raises UsageError."""
    checkpoints: list[str] = []
    units: list[str] = []
    for word in arguments:
        if not units and any(sign in word for sign in "*?["):
            names = sorted(glob.glob(word))  # noqa: PTH207 (a pattern may be absolute)
            if not names:
                raise click.UsageError(f"No file matches `{word}`. {NEEDED}")
            checkpoints += names
        elif not units and (is_model(word) or Path(word).exists()):
            checkpoints.append(word)
        else:
            units.append(word)
    if not checkpoints or not units:
        missing = "checkpoint" if not checkpoints else "unit"
        raise click.UsageError(f"Received no {missing}. {NEEDED}")
    return checkpoints, units


def evolve_command() -> click.Command:
    """Return the command, made from the signature of `evolve`."""
    method = METHODS.get("evolve")
    drawing = [option for option in method.options if option.name in {one.name for one in DRAWING}]
    output = [
        *flags(drawing),
        click.Option(["-o", "--out"], type=click.Path(path_type=Path), help=f"A .png, .svg or .pdf file, or a folder  [default: {OUT}/]"),
        click.Option(["--raw"], is_flag=True, help="Also write the arrays as .npz."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the results and the files as JSON."),
        quiet_option(),
    ]
    return Command(
        "evolve",
        callback=_evolve,
        params=[
            click.Argument(["arguments"], nargs=-1, required=True, metavar="CHECKPOINT... UNIT..."),
            click.Option(
                ["--images"], multiple=True, required=True, metavar="IMAGE", help="The images, the same for all. May be repeated."
            ),
            *flags(option for option in method.options if option not in drawing),
            *grouped("Drawing and output", output),
            *grouped("Model options", told_options()),
        ],
        help=f"{summary('evolve')}\n\n{HELP}\n\n{TAKEN_HELP['units']} A bare layer means all its units.",
        epilog="\b\nExamples:\n" + "\n".join(f"  {example}" for example in method.examples),
    )
