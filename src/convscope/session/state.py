"""Where a session is, and what it says: questions, sentences, files, the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..method import Method, Written
from ..models import ModelBundle
from ..network.listing import LayerInfo
from ..numerals import natural

OUT = Path("convscope-out")
WHOLE = "whole network"
BACK, QUIT = ":back", ":quit"


@dataclass(frozen=True)
class Choice:
    """One answer that a question offers."""

    value: str
    title: str


@dataclass(frozen=True)
class Question:
    """What to ask next. With `choices` one of them is the answer; `free` says that any text is (paths complete where `paths`)."""

    stage: str
    text: str
    default: str
    choices: tuple[Choice, ...] = ()
    free: bool = False
    paths: bool = False


@dataclass(frozen=True)
class Told:
    """A sentence for the user."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The session is over."""


Event = Question | Told | Written | Ended


@dataclass(frozen=True)
class State:
    """Where the session is and what has been answered; `commands` are the command lines that would have done the same.

    `told`: what `load` is told beside the model's name. `run`: the folder of the scan that was looked at last.
    """

    stage: str = "model"
    bundle: ModelBundle | None = None
    model: str = "vgg16"
    told: Mapping[str, Any] = field(default_factory=dict)
    layer: LayerInfo | None = None
    units: str = "0-7"
    method: Method | None = None
    images: str = "sample:cat"
    options: dict[str, Any] = field(default_factory=dict)
    run: str = ""
    commands: tuple[str, ...] = ()
    out: Path = OUT


Step = tuple[State, list[Event]]


def strongest(answer: str) -> int:
    """Return how many of the strongest units an answer means. Raises OptionError."""
    try:
        count = natural(answer.removeprefix("strongest"))
    except ValueError as error:
        raise OptionError(f"`{answer}` is not a selection. Write for example `strongest 6`.") from error
    if count < 1:
        raise OptionError(f"`{answer}` selects no unit. Write a number from 1.")
    return count
