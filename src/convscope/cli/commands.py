"""The commands that do not draw: layers, session, replay, view, demo, fetch, completion."""

import inspect
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from ..catalogue import summary
from ..files import OUT
from ..legible import legible
from ..method import told_words
from ..numerals import natural
from ..session.lines import SCRIPT
from .atlas import atlas_command
from .bash import BashWords
from .connections import connections_command
from .evolve import evolve_command
from .grouping import Command
from .look import look_command
from .methods import allow_option, code_options, load_model, model_options
from .naming import name_command
from .scanning import scan_command
from .terminal import agrees, put, put_json, put_lines, say
from .values import Number


def _layers(argument: str | None, model: str | None, as_json: bool, **options: Any) -> None:
    """Say what a model file holds, before any method runs: its layers, what was repaired, and what each method will mean on it."""
    if argument and model:
        raise click.UsageError(f"Received two models, `{argument}` and `{model}`. Name one.")
    bundle = load_model(argument or model, quiet=True, **options)
    from ..doctor import examine

    report = examine(bundle)
    if as_json:
        put_json({"model": bundle.identity(), **report.as_record()})
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    sides = " x ".join("?" if side is None else str(side) for side in report.input)
    for fact, words in (("model", f"{report.name} ({report.format})"), ("input", sides), *(("", note) for note in report.notes)):
        facts.add_row(fact, escape(legible(words)))
    for method, words in report.methods.items():
        facts.add_row(method, escape(legible(words)))
    table = Table("layer", "kind", "map", "channels", "field (px)", "stride", "activation", box=None, header_style="bold", pad_edge=False)
    for info in report.layers:
        shape = " x ".join("?" if side is None else str(side) for side in info.shape)
        style = None if info.learns else "dim"
        field = "image" if info.field is None else str(info.field)
        stride = "" if info.stride is None else str(info.stride)
        address = f"{info.address} (scores)" if info.address == report.scores else info.address
        table.add_row(escape(legible(address)), info.kind, shape, str(info.channels), field, stride, info.activation or "", style=style)
    with console.capture() as capture:
        console.print(facts, "", table, sep="\n")
    put_lines(capture.get().removesuffix("\n"))


def _session(argument: str | None, model: str | None, out: Path, **told: Any) -> None:
    """Open a prompt at a model: what `convscope` alone does, and `convscope MODEL.h5`, for a model that needs to be told something.

    At the prompt every command works without the word `convscope`, and takes from the place (model, unit, images, run) what it
    lacks: `n` is the next unit, `d` its deconvnet picture, `?` explains all. Where standard input is a file, its lines are a script.
    """
    from .prompt import interact

    if argument and model:
        raise click.UsageError(f"Received two models, `{argument}` and `{model}`. Name one.")
    click.get_current_context().exit(interact(out, argument or model, told_words(told)))


def _replay(file: Path, model: str | None, out: Path | None, allow: tuple[str, ...], custom: tuple[str, ...], unsafe: bool) -> None:
    """Make a written picture again from its own provenance, and say whether the bytes are the same.

    Takes a PNG, SVG or PDF that convscope wrote. On the same machine all three have the same bytes when they are made again. A JSON
    sidecar holds no picture to compare with. The exit code is 1 if the new picture differs.

    Of a script of the prompt (.convscope, .txt) it runs the lines, up to the first that fails. A script is a program: read it first.

    A picture may come from anybody. Of the files that it names, convscope opens only those in its folder or below, those of --allow,
    and those that you agree to.
    """
    from ..reach import allowing
    from ..replaying import differences, replay, same_bytes

    if file.suffix.lower() in (SCRIPT, ".txt"):
        from .sitting import Sitting

        click.get_current_context().exit(Sitting(OUT).take(shlex.join(("replay", str(file)))))
    with allowing(allow, agrees):
        result = replay(file, model=model, custom=custom, unsafe=unsafe)
    if out is not None:
        for path in result.save(out):
            put(path)
    if file.suffix.lower() == ".json":
        put(f"{file}: made again. To compare bytes, replay the picture beside it.")
    elif same_bytes(result, file):
        put(f"{file}: identical, byte for byte.")
    else:
        why = differences(result, file)
        then = f"Then: {why}." if why else "The versions are the same, so the machine differs or the picture was changed."
        say(f"{file}: made again, but the bytes differ. {then}")
        raise click.exceptions.Exit(1)


def _view(folder: Path, port: int, browse: bool) -> None:
    """Serve a page on this machine and open it in the browser; Ctrl-C ends it.

    Takes a folder with a page: of a map (`convscope tsne … --page`), of pictures, or of a demo. The page also opens by itself, from its
    index.html. This command is for browsers that read nothing from disk. It serves only this folder, only to this machine, and lets
    nobody change it.
    """
    from ..viewing import serve

    def ready(address: str) -> None:
        put(f"{address}  (Ctrl-C ends it)")
        if browse:
            click.launch(address)

    serve(folder, port, ready)


def _demo(out: Path) -> None:
    """Everything once, on embedded models and images: ascent, deconvnet both ways, activations, saliency, the t-SNE map, a scan.

    Writes a folder of pictures and an index.html that shows them.
    """
    from ..demo import run

    put(run(out, say))


def _fetch(name: str) -> None:
    """Download the full ImageNet weights of a keras.applications model into Keras' own cache.

    The only command that uses the internet. Without a connection it ends with an error within 15 seconds.
    """
    from ..errors import ModelError, closest
    from ..models import applications

    application = applications.find(name)
    if application is None:
        close = closest("its architectures", name, applications.names())
        raise ModelError(f"No architecture `{name}` in keras.applications. {close}")
    put(f"Fetching {application} into {applications.fetch(application)}")


def _completion(shell: str) -> None:
    r"""Print the completion script of a shell.

    \b
    bash:  convscope completion bash > ~/.local/share/bash-completion/completions/convscope
    zsh:   convscope completion zsh > "${fpath[1]}/_convscope"
    fish:  convscope completion fish > ~/.config/fish/completions/convscope.fish
    """
    from click.shell_completion import get_completion_class

    kind = BashWords if shell == "bash" else get_completion_class(shell)
    assert kind is not None
    put_lines(kind(click.get_current_context().find_root().command, {}, "convscope", "_CONVSCOPE_COMPLETE").source())


def _command(name: str, callback: Any, params: list[click.Parameter], example: str) -> click.Command:
    """Return a click command. Its help begins with the catalogue's sentence, in place of the first one of the docstring."""
    _, _, more = inspect.cleandoc(callback.__doc__ or "").replace(r"\b", "\b").partition("\n\n")
    return Command(name, callback=callback, params=params, help=f"{summary(name)}\n\n{more}", epilog=f"\b\nExamples:\n  {example}")


def _path(*names: str, **settings: Any) -> click.Option:
    return click.Option(list(names), type=click.Path(path_type=Path), **settings)


LAYERS = _command(
    "layers",
    _layers,
    [
        click.Argument(["argument"], required=False, metavar="[MODEL]", type=click.Path()),
        *model_options(),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the list as JSON."),
    ],
    "convscope layers model.h5\n  convscope layers fashion --json",
)
SESSION = _command(
    "session",
    _session,
    [
        click.Argument(["argument"], required=False, metavar="[MODEL]", type=click.Path()),
        *model_options(),
        _path("-o", "--out", default=OUT, show_default=True, help="The folder for pictures."),
    ],
    "convscope session model.keras --custom my_layers.py\n  convscope session fashion < tour.txt",
)
REPLAY = _command(
    "replay",
    _replay,
    [
        click.Argument(["file"], type=click.Path(path_type=Path), metavar="FILE"),
        click.Option(["-m", "--model"], metavar="MODEL", type=click.Path(), help="The model file, if it has moved."),
        _path("-o", "--out", help="Also write the picture there."),
        allow_option("the picture"),
        *code_options(),
    ],
    "convscope replay convscope-out/deconv-block4_conv2-17-cat.png\n  convscope replay tour.convscope",
)
VIEW = _command(
    "view",
    _view,
    [
        click.Argument(["folder"], type=click.Path(path_type=Path), metavar="FOLDER"),
        click.Option(["--port"], type=Number("port", natural, 0, 65535), default=0, help="Port to listen on [default: a free one]."),
        click.Option(["--open/--no-open", "browse"], default=True, show_default=True, help="Open the browser."),
    ],
    "convscope view convscope-out/tsne",
)
DEMO = _command(
    "demo", _demo, [_path("-o", "--out", default=Path("convscope-demo"), show_default=True, help="The folder.")], "convscope demo"
)
FETCH = _command("fetch", _fetch, [click.Argument(["name"], metavar="NAME")], "convscope fetch vgg16")
COMPLETION = _command(
    "completion", _completion, [click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]))], "convscope completion bash"
)

FIXED = {command.name: command for command in (LAYERS, SESSION, REPLAY, VIEW, DEMO, FETCH, COMPLETION)}
# Made from the signatures of functions, and only when they are used.
SIGNED = {
    "scan": scan_command,
    "atlas": atlas_command,
    "name": name_command,
    "connections": connections_command,
    "evolve": evolve_command,
    "look": look_command,
}


def fixed(name: str) -> click.Command:
    """Return a built-in command that is not a method."""
    return SIGNED[name]() if name in SIGNED else FIXED[name]
