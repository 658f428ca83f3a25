"""The questions of the guide in a terminal: a field with the default greyed in it, or a list that is searched while one types."""

import shutil
from collections.abc import Iterator
from typing import Any

from ..errors import ConvscopeError
from ..legible import legible
from ..session.guide import BACK, LEAVE, Asking, Menu, Question, answer, question
from .pictures import cut
from .sitting import Sitting
from .terminal import put, say

HELP = (
    "Enter takes the grey answer or the marked row, Escape or `back` goes one question back, Ctrl-C, Ctrl-D or `quit` leads to the prompt."
)
MOST_ROWS = 16
LEAVING = (LEAVE, "quit", "exit", ":quit")


def guide(sitting: Sitting) -> Iterator[str]:
    """Ask until the user leaves, and yield the lines that the answers mean; where one was not done, its question is asked again."""
    put(HELP, dim=True)
    asking = Asking(stage="layer" if sitting.place.layers and not sitting.asks_model else "model")
    while True:
        asked = question(asking, sitting.place)
        try:
            text = _ask(asked)
        except (EOFError, KeyboardInterrupt):
            return
        if text.strip() in LEAVING or (asked.stage == "again" and not text and asked.default == LEAVE):
            return
        try:
            following, line = answer(asking, sitting.place, text)
        except ConvscopeError as error:
            say(error, fg="red")
            continue
        if line:
            yield line
            if sitting.failed:
                continue
        asking = following


def _ask(asked: Question) -> str:
    """Return the answer, "" for the default. Raises EOFError and KeyboardInterrupt to leave."""
    from prompt_toolkit.utils import is_dumb_terminal

    if not asked.choices:
        return _field(asked)
    if is_dumb_terminal():
        return _numbered(asked)
    return _list(asked)


def _field(asked: Question) -> str:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import PathCompleter
    from prompt_toolkit.formatted_text import FormattedText
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("c-d")
    @keys.add("c-c")
    def _leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError, style="class:aborting")

    @keys.add("escape", eager=True)
    def _back(event: KeyPressEvent) -> None:
        event.app.exit(result=BACK)

    put(asked.text)
    session: PromptSession[str] = PromptSession(
        completer=PathCompleter(expanduser=True) if asked.files else None, complete_while_typing=False, key_bindings=keys
    )
    return session.prompt("> ", placeholder=FormattedText([("fg:ansibrightblack", legible(asked.default))]))


def _numbered(asked: Question) -> str:
    """Ask for the number of a choice, for a terminal that cannot move its cursor."""
    for number, choice in enumerate(asked.choices, 1):
        put(f"{number}: {choice.title}")
    text = input(f"{asked.text} [{asked.default}]: ").strip()
    if text.isdecimal() and 1 <= int(text) <= len(asked.choices):
        return asked.choices[int(text) - 1].value
    return text


def _list(asked: Question) -> str:
    """Show the choices, the default marked; what is typed leaves those that hold it."""
    from prompt_toolkit.application import Application
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.keys import Keys
    from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window

    at = next((number for number, choice in enumerate(asked.choices) if choice.value == asked.default), 0)
    menu = [Menu(asked.choices, at=at)]
    keys = KeyBindings()

    def moving(key: str, rows: int) -> None:
        @keys.add(key)
        def _move(event: KeyPressEvent) -> None:
            menu[0] = menu[0].step(rows)

    for key, rows in (("up", -1), ("down", 1), ("pageup", -MOST_ROWS), ("pagedown", MOST_ROWS), ("home", -(10**6)), ("end", 10**6)):
        moving(key, rows)

    @keys.add("enter")
    def _take(event: KeyPressEvent) -> None:
        typed, chosen = menu[0].typed.strip(), menu[0].chosen
        if typed in (*LEAVING, BACK):
            event.app.exit(result=typed)
        elif chosen is not None:
            event.app.exit(result=chosen.value)

    @keys.add("backspace")
    def _erase(event: KeyPressEvent) -> None:
        menu[0] = menu[0].search(menu[0].typed[:-1])

    @keys.add("escape", eager=True)
    def _back(event: KeyPressEvent) -> None:
        event.app.exit(result=BACK)

    @keys.add("c-c")
    @keys.add("c-d")
    def _leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)

    @keys.add(Keys.Any)
    def _type(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            menu[0] = menu[0].search(menu[0].typed + event.data)

    window = Window(FormattedTextControl(lambda: _rows(asked, menu[0]), focusable=True, show_cursor=False), dont_extend_height=True)
    app: Application[str] = Application(Layout(HSplit([window])), key_bindings=keys, erase_when_done=True)
    chosen = app.run()
    title = next((choice.title for choice in asked.choices if choice.value == chosen), chosen)
    put(f"{asked.text}: {title}")
    return chosen


def _rows(asked: Question, menu: Menu) -> Any:
    from prompt_toolkit.formatted_text import FormattedText

    size = shutil.get_terminal_size()
    height = max(1, min(MOST_ROWS, size.lines - 4))
    first, shown = menu.window(height)
    head = f"{asked.text}: {menu.typed}" if menu.typed else f"{asked.text}  (type to search)"
    rows = [("bold", cut(legible(head), size.columns - 1) + "\n")]
    for number, choice in enumerate(shown, first):
        mark = "> " if number == menu.at else "  "
        rows.append(("reverse" if number == menu.at else "", cut(mark + legible(choice.title), size.columns - 1) + "\n"))
    if not shown:
        rows.append(("", "  nothing matches; Backspace widens the search\n"))
    elif len(shown) < len(menu.found):
        rows.append(("fg:ansibrightblack", f"  {first + 1} to {first + len(shown)} of {len(menu.found)}\n"))
    return FormattedText(rows)
