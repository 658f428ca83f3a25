"""A sitting: lines in, what they mean done, one after the other. The prompt and scripts are its front ends."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import click

from ..errors import ConvscopeError, OptionError
from ..files import as_path
from ..images.sources import as_image_set
from ..method import Written
from ..models.loading import DEFAULT
from ..models.sources import is_run
from ..network.listing import layers
from ..reach import allowing
from ..scanning import open_run
from ..session.lines import SCRIPT, Command, Doing, Event, Opening, advance, opened, split
from ..session.place import Place, Words
from . import unexpected
from .current import working_at
from .desk import Desk
from .forms import Forms
from .helping import command_of, overview, own_help
from .methods import load_model
from .terminal import agrees, put, put_lines, say

# What is looked at first, by the channels of the input.
FIRST_IMAGES: dict[int, Words] = {3: ("sample:cat",), 1: ("sample:fashion[0]",)}
MOST_NESTED = 8
BAD_INPUT = 2
# Of the commands that are not methods, those that make something.
MAKING = ("scan", "atlas", "demo")


class Sitting:
    """Takes lines at a place. `shown` is told of each picture that was written; without it nobody watches, as for a script.

    `guide` asks questions and yields lines, `history` yields the lines of all sittings.
    """

    def __init__(
        self,
        folder: Path,
        shown: Callable[[Written], None] | None = None,
        guide: Callable[["Sitting"], Iterable[str]] | None = None,
        history: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        from .app import program

        self.place = Place()
        self.desk = Desk(folder, keeps=shown is not None)
        self.forms = Forms(program)
        self.shown, self.guide, self.history = shown, guide, history
        self.asks_model = True  # whether the guide begins with the model
        self.failed = False  # whether the last line was not done
        self._depth = 0

    def take(self, line: str) -> int:
        """Do what a line says; return its exit code, 0 if all is done. Bad input is a sentence on standard error. EOFError: leave."""
        code = 0
        with working_at(self.desk):
            try:
                for words in split(line):
                    code = code or self._do(words)
            except click.ClickException as error:
                code = self._refused(error.format_message())
            except ConvscopeError as error:
                code = self._refused(error)
        self.failed = code == BAD_INPUT
        return code

    def _refused(self, text: object) -> int:
        say(f"Error: {text}", fg=None if self.shown is None else "red")
        return BAD_INPUT

    def _do(self, words: Words) -> int:
        place, events = advance(self.place, words, self.forms)
        # What cannot be looked at is refused when it is named.
        with allowing((), agrees):
            if place.images and place.images != self.place.images:
                as_image_set(list(place.images))
            if place.run and place.run != self.place.run:
                open_run(place.run)
        self.place = place
        code = 0
        for event in events:
            code = code or self._handle(event)
        return code

    def _handle(self, event: Event) -> int:
        if isinstance(event, Command):
            return self._run(event.words)
        if isinstance(event, Doing):
            return _DOINGS[event.name](self, event.argument) or 0
        if isinstance(event, Opening):
            self._open(event)
        else:
            say(event.text)
        return 0

    def _run(self, words: Words) -> int:
        """Run a command of the command line, as the shell would, and return its exit code."""
        from .app import run

        before, self.desk.last = self.desk.last, None
        self.desk.begin(words)
        try:
            code = run([*words])
        except Exception as error:
            if unexpected.is_debugged():
                raise
            told, code = unexpected.told(error)
            self._refused(told)
        written, self.desk.last = self.desk.last, self.desk.last or before
        if self.desk.run:
            self.place = replace(self.place, run=self.desk.run)
        if written is not None or (words[0] in MAKING and code == 0):
            again = Command(self.desk.end())
            if self.shown is not None and written is not None:
                self.shown(written)
                put(f"the same again: {again}", dim=True)
        return code

    def _open(self, opening: Opening) -> None:
        """Load a model and go there. Raises ConvscopeError, and UsageError for options that its command line does not have."""
        model = opening.model or DEFAULT
        flags = {one.option: (flag, one.valued) for flag, one in self.forms["layers"].flags.items() if flag.startswith("--")}
        told: list[str] = []
        for name, values in opening.told.items():
            flag, valued = flags[name]
            told += [word for value in values for word in ((flag, value) if valued else (flag,))]
        context = self.forms.command("layers").make_context("layers", [model, *told])
        given = {name: value for name, value in context.params.items() if name not in ("argument", "model", "as_json")}
        with allowing((), agrees):
            bundle = load_model(model, **given)
        known, classes = layers(bundle), bundle.labels or ()
        place = opened(self.place, replace(opening, model=model), known, classes, FIRST_IMAGES.get(bundle.channels, ()))
        self.place = replace(place, run=model if is_run(model) else place.run)

    def _leave(self, argument: str) -> None:
        raise EOFError

    def _help(self, topic: str) -> int:
        if topic and (name := command_of(topic, self.forms)):
            return self._run((name, "--help"))
        put_lines(own_help(topic) if topic else overview(self.forms))
        return 0

    def _save(self, argument: str) -> None:
        if not self.desk.commands:
            raise OptionError("Nothing was made yet, so there is nothing to save. `d` draws this unit.")
        path = as_path(argument or f"tour{SCRIPT}")
        overwritten = " (overwritten)" if path.exists() else ""
        self.desk.save(path)
        put(f"{path}{overwritten}: {len(self.desk.commands)} commands. Run them again: convscope replay {path}")

    def _last(self) -> Written:
        if self.desk.last is None or not self.desk.last.paths:
            raise OptionError("No picture was made yet. `d` draws this unit, `?` explains the other methods.")
        return self.desk.last

    def _open_last(self, argument: str) -> None:
        paths = self._last().paths
        path = next((path for path in paths if path.suffix == ".html"), paths[0])
        put(path)
        click.launch(str(path))

    def _show(self, argument: str) -> None:
        written = self._last()
        if self.shown is not None:
            self.shown(written)
        put(written.paths[0])

    def _history(self, word: str) -> None:
        for line in self.history():
            if word in line:
                put(line)

    def _guide(self, argument: str) -> int:
        if self.guide is None:
            raise OptionError("The questions need a terminal. Expected a command, such as: deconv block1_conv1:0 sample:cat")
        for line in self.guide(self):
            put(f"{self.place} > {line}", dim=True)
            self.take(line)
        return 0

    def _replay(self, argument: str) -> int:
        try:
            lines = as_path(argument).read_text("utf-8", "surrogateescape").splitlines()
        except OSError as error:
            raise OptionError(f"Cannot read the script `{argument}`: {error.strerror}. Expected a file that `save` wrote.") from error
        if self._depth >= MOST_NESTED:
            raise OptionError(
                f"`{argument}` runs scripts that run scripts, more than {MOST_NESTED} deep. Remove `replay` from one of them."
            )
        self._depth += 1
        try:
            return self.follow(lines, argument)
        finally:
            self._depth -= 1

    def follow(self, lines: Iterable[str], name: str) -> int:
        """Take the lines of a script until one fails, which is named; return its exit code."""
        for number, line in enumerate(lines, 1):
            if self.shown is not None and line.strip():
                put(f"{self.place} > {line.strip()}", dim=True)
            try:
                code = self.take(line)
            except EOFError:
                break
            if code:
                say(f"{name} ended at line {number}: {line.strip()}")
                return code
        return 0


_DOINGS: dict[str, Callable[[Sitting, str], int | None]] = {
    "open": Sitting._open_last,
    "show": Sitting._show,
    "history": Sitting._history,
    "save": Sitting._save,
    "guide": Sitting._guide,
    "help": Sitting._help,
    "quit": Sitting._leave,
    "replay": Sitting._replay,
}
