"""The command `atlas`: a site of a whole network."""

from pathlib import Path
from typing import Any

import click

from ..catalogue import summary
from ..files import OUT
from ..hints import remember
from ..models import ModelBundle
from ..options import options_of
from ..reach import allowing
from .engines import worked_by
from .flags import flags
from .grouping import Command, grouped, quiet_option
from .methods import TAKEN_HELP, allow_option, is_model, load_model, model_options, run_words
from .terminal import agrees, put, put_json, say

HELP = (
    "Makes one folder that shows every unit of a network: its synthetic picture, its strongest images with their projections, its "
    "statistics, the units most alike, what it is made of and what it feeds. The folder opens from disk, without a server or a "
    "network, and from any static host.\n\n"
    "Images are scanned first; the run is kept beside the folder, as FOLDER-run. With -r the atlas shows that run. The most telling "
    "units of all layers come first. An interrupted atlas resumes with the same command. So does one whose images, layers or settings "
    "have changed: only what depends on them is made again."
)
EXAMPLES = (
    "\b\nExamples:\n"
    "  convscope atlas fashion sample:fashion -o atlas/\n"
    "  convscope atlas model.keras photos/\n"
    "  convscope atlas -r run/ --layers block4_*,block5_* --synthetic best\n"
    "  convscope atlas vgg16 photos/ --budget 30m   # the most telling units now, the rest the next time"
)


def _atlas(arguments: tuple[str, ...], run: Path | None, out: Path | None, as_json: bool, allow: tuple[str, ...], **given: Any) -> None:
    from ..atlases import atlas
    from ..images.sources import check_named
    from ..scanning import is_run

    model, images = model_before(arguments, given.pop("model"))
    if run is None and len(images) == 1 and is_run(images[0]):
        run = Path(images.pop())
    check_named(images)
    remember(run=run_words(run, model))
    with allowing(allow, agrees), worked_by(options_of(atlas), given):
        own = {option.name: given.pop(option.name) for option in options_of(atlas)}
        bundle = load_named(model, run, given)
        made = atlas(bundle, images or None, run=run, out=out, **own)
    if as_json:
        found = {"atlas": str(made.folder), "page": str(made.page), "run": str(made.run.path), "complete": made.complete}
        put_json(found | {"layers": made.layers, "units": made.units, "parts": made.parts, "of": made.of, "notes": list(made.notes)})
    else:
        say(f"{made.units:,} units of {made.layers:,} layers, {len(made.run):,} images.")
        for note in made.notes:
            say(note)
        put(made.page)
    if made.interrupted:
        say("Interrupted. The same command resumes.")
        raise click.exceptions.Exit(130)


def model_before(arguments: tuple[str, ...], model: str | None) -> tuple[str | None, list[str]]:
    """Return the model and the images of a command that takes MODEL before them, or behind -m."""
    images = list(arguments)
    return (images.pop(0) if model is None and images and is_model(images[0]) else model), images


def load_named(model: str | None, run: Path | None, given: dict[str, Any]) -> ModelBundle | None:
    """Return the network that a command names, or the default one; None where the run brings its own."""
    return load_model(model, **given) if run is None or model is not None or any(given.values()) else None


def atlas_command() -> click.Command:
    """Return the command, made from the signature of `atlas`, which loads what the command needs."""
    from ..atlases import atlas

    model, *model_settings = model_options()
    output = [
        click.Option(["-o", "--out"], type=click.Path(path_type=Path), help=f"Folder of the atlas  [default: {OUT}/atlas-MODEL]"),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON."),
        quiet_option(),
    ]
    return Command(
        "atlas",
        callback=_atlas,
        params=[
            click.Argument(["arguments"], nargs=-1, metavar="[MODEL] [IMAGE...]"),
            click.Option(["-r", "--run"], type=click.Path(path_type=Path), metavar="RUN", help="The folder of a scan, in place of images."),
            *flags(options_of(atlas)),
            model,
            allow_option("the run"),
            *grouped("Output", output),
            *model_settings,
        ],
        help=f"{summary('atlas')}\n\n{HELP}\n\n{TAKEN_HELP['images']}",
        epilog=EXAMPLES,
    )
