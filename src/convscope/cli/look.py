"""The command `look`: the live page."""

from pathlib import Path
from typing import Any

import click

from ..catalogue import summary
from ..errors import OptionError
from ..files import OUT
from ..hints import remember
from ..look import MISSING
from ..numerals import natural
from ..reach import allowing
from .atlas import load_named, model_before
from .grouping import Command, grouped
from .methods import TAKEN_HELP, allow_option, model_options, run_words
from .terminal import agrees, put, say
from .values import Number

HELP = (
    "Every layer shows its strongest units on an image, and every unit its map, what in the image excited it, and a picture that grows "
    "while you watch. Drop an image on the page, or choose one of IMAGE... with its keys; `?` lists them. Each view has a link, and the "
    "command that draws it.\n\n"
    "The page is served on this machine, to this machine alone, at an address that nobody can guess. Nothing leaves it. Ctrl-C ends it."
)
EXAMPLES = (
    "\b\nExamples:\n  convscope look fashion\n  convscope look model.keras photos/\n  convscope look -m squeezenet sample:cat -r run/"
)


def _look(
    arguments: tuple[str, ...],
    run: Path | None,
    atlas: Path | None,
    out: Path,
    layers: str,
    port: int,
    browse: bool,
    allow: tuple[str, ...],
    **told: Any,
) -> None:
    from ..images.sources import check_named

    try:
        from ..look.live import open_live
    except ModuleNotFoundError as error:
        raise OptionError(MISSING) from error
    model, images = model_before(arguments, told.pop("model"))
    check_named(images)
    remember(run=run_words(run, model))
    with allowing(allow, agrees):
        bundle = load_named(model, run, told)
        server = open_live(bundle, images, run=run, atlas=atlas, layers=layers, out=out, port=port, name=model, told=told)
    put(f"{server.address}  (Ctrl-C ends it)")
    if browse:
        click.launch(server.address)
    server.run()
    say("The page is closed.")


def look_command() -> click.Command:
    """Return the command."""
    model, *model_settings = model_options()
    settings = [
        click.Option(["-o", "--out"], type=click.Path(path_type=Path), default=OUT, show_default=True, help="The folder for pictures."),
        click.Option(["--port"], type=Number("port", natural, 0, 65535), default=0, help="Port to listen on [default: a free one]."),
        click.Option(["--open/--no-open", "browse"], default=True, show_default=True, help="Open the browser."),
    ]
    return Command(
        "look",
        callback=_look,
        params=[
            click.Argument(["arguments"], nargs=-1, metavar="[MODEL] [IMAGE...]"),
            click.Option(["-r", "--run"], type=click.Path(path_type=Path), metavar="RUN", help="Also show what this scan knows of units."),
            click.Option(["--atlas"], type=click.Path(path_type=Path), metavar="FOLDER", help="Show the synthetic pictures of this atlas."),
            click.Option(["--layers"], default="all", metavar="PATTERN", show_default=True, help="The layers of the page."),
            model,
            allow_option("the run"),
            *grouped("Page and output", settings),
            *model_settings,
        ],
        help=f"{summary('look')}\n\n{HELP}\n\n{TAKEN_HELP['images']}",
        epilog=EXAMPLES,
    )
