"""The keys of the prompt, and the line below it that says what they do."""

from typing import Any

from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from ..catalogue import METHODS
from ..legible import legible
from ..session.lines import LETTERS
from .known import described
from .pictures import cut
from .sitting import Sitting

STYLE = Style.from_dict({"place": "bold", "mark": "", "bottom-toolbar": "noreverse", "bottom-toolbar.key": "bold"})


def bindings(sitting: Sitting) -> KeyBindings:
    """Return the keys that only the prompt has."""
    keys = KeyBindings()

    def is_empty() -> bool:
        return not get_app().current_buffer.text

    empty = Condition(is_empty)

    def step(line: str) -> Any:
        def press(event: KeyPressEvent) -> None:
            event.current_buffer.text = f"{line}; again" if sitting.place.looks or sitting.place.last else line
            event.current_buffer.validate_and_handle()

        return press

    keys.add("right", filter=empty)(step("n"))
    keys.add("left", filter=empty)(step("p"))

    @keys.add("c-c")
    @keys.add("c-d")
    def _leave(event: KeyPressEvent) -> None:
        """Clear the line, or leave where it is empty."""
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=EOFError, style="class:exiting")

    @keys.add("c-l")
    def _draw(event: KeyPressEvent) -> None:
        """Clear the window and draw the last picture in it."""
        event.app.renderer.clear()
        if sitting.desk.last is not None:
            run_in_terminal(lambda: sitting.take("show"))

    return keys


def toolbar(sitting: Sitting) -> FormattedText:
    """Return where one stands and what the keys do, for the line below the prompt."""
    place = sitting.place
    info = next((info for info in place.layers if info.address == place.layer), None)
    letters = "  ".join(f"{letter} {name}" for letter, name in LETTERS.items() if name in METHODS)
    here = f"{info.address}: {described(info)}" if info is not None else "no layer"
    settings = ", ".join(f"{name} {' '.join(values)}" for name, values in place.settings.items())
    wide = get_app().output.get_size().columns - 1
    rows = (
        here + (f"   set: {settings}" if settings else ""),
        f"? help  {letters}  n p next, previous unit  ] [ layer  arrows: n, p and again",
    )
    return FormattedText([("class:bottom-toolbar", "\n".join(cut(legible(row), wide) for row in rows))])
