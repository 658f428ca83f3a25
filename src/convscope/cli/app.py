"""The program: its commands, and how it reports bad input."""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from .. import __version__, hints
from ..catalogue import COMMANDS, METHODS, summary
from ..errors import ConvscopeError, closest
from .current import current_desk
from .terminal import Unheard, say

# Set by the completion script of a shell.
COMPLETE = "_CONVSCOPE_COMPLETE"
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
EPILOG = """\b
Examples:
  convscope                                      a prompt: ? explains it, guide asks you step by step
  convscope model.h5                             the same, in your own model
  convscope demo                                 everything once, on embedded models and images
  convscope layers model.h5                      its layers, with their addresses
  convscope ascend block4_conv2:17 -m model.h5   what excites a unit in general
  convscope deconv block4_conv2:17 cat.jpg       what in this image excited it
  convscope tsne photos/ -m model.keras          a map of images
  convscope scan photos/ -m model.h5 -o run/     which of them excite each unit most
  convscope top block4_conv2 -r run/             ... and what in them excited it
  convscope dossier block4_conv2:17 -r run/      all that is known of a unit

Units are written layer:channel, layer:0-63, layer:3,17, layer:all or layer:channel@row,column.
Without -m the model is VGG16. `convscope COMMAND --help` says more.
"""


class Program(click.Group):
    """A group whose commands are those of the catalogue and every method that is plugged in. Each is loaded when it is used."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's own, but no word may be empty: it would mean the default model, or the folder that one stands in."""
        for place, word in enumerate(args):
            name, equals, value = word.partition("=")
            if not word.strip() or (name.startswith("--") and equals and not value.strip()):
                fact = f"`{name}` has no value" if equals else f"Word {place + 1} of the command is empty"
                raise click.UsageError(f"{fact}. An unset variable of the shell leaves such a word. Set it, or leave it out.", ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a user needs them, those of plug-ins last."""
        return list(dict.fromkeys((*COMMANDS, *METHODS)))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by name, None if there is none."""
        if name in COMMANDS and (COMMANDS[name].own or not COMMANDS[name].method):
            from .commands import fixed

            return fixed(name)
        if name not in METHODS:
            return None
        from .methods import method_command

        return method_command(METHODS.get(name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click's own, but with whole sentences, and without loading the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click's own, but an unknown command names what is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ..models.reading import SUFFIXES  # loads more than a command that is found should wait for

            # A model alone opens it: what follows are the options of `session`.
            if Path(args[0]).suffix.lower() in SUFFIXES and current_desk() is None:
                return super().resolve_command(ctx, ["session", *args])
            close = closest("the commands", args[0], self.list_commands(ctx))
            raise click.UsageError(f"No command `{args[0]}`. {close} List them with: convscope --help", ctx) from error


@click.group(cls=Program, context_settings=CONTEXT, invoke_without_command=True, epilog=EPILOG)
@click.version_option(__version__, "-V", "--version", prog_name="convscope")
@click.option("-o", "--out", type=click.Path(path_type=Path), hidden=True)
@click.pass_context
def program(ctx: click.Context, out: Path | None) -> None:
    """Show what a trained convolutional network has learned.

    Takes any CNN saved by Keras (.h5, .hdf5, .keras), or VGG16 if you name none. Without a command it is a prompt.
    """
    if ctx.invoked_subcommand is None:
        from ..files import OUT
        from .prompt import interact

        ctx.exit(interact(out or OUT))


def run(arguments: list[str] | None) -> int:
    """Run the program and return its exit code; bad input is one sentence on standard error."""
    if arguments is None and not sys.warnoptions:
        _keep_libraries_quiet()
    output = sys.stdout
    if COMPLETE in os.environ:
        from .bash import answer_bash

        answer_bash()
    try:
        with hints.in_shell():
            return int(program.main(args=arguments, prog_name="convscope", standalone_mode=False) or 0)
    except click.UsageError as error:
        if error.ctx is not None and current_desk() is None:
            say(error.ctx.get_usage())
            say(f"Try '{error.ctx.command_path} -h' for help.")
        say(f"Error: {error.format_message()}")
    except click.ClickException as error:
        say(f"Error: {error.format_message()}")
    except ConvscopeError as error:
        say(f"Error: {error.args[0]}")
    except SystemExit as error:  # click's own answer to a pipe that nobody reads: it puts another stream in its place
        if sys.stdout is not output:
            raise Unheard from error
        raise
    except (click.Abort, EOFError) as error:
        raise KeyboardInterrupt from error
    return 2


def _keep_libraries_quiet() -> None:
    """Leave what Keras and the frameworks warn a programmer of out of the terminal; `python -W default -m convscope` shows it."""
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", module=r"convscope\.")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
