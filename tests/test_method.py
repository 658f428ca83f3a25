"""A method as its function tells it: inputs, options, and the words of the shell for what `load` was told."""

from typing import Annotated, Any

import pytest

from convscope.method import DRAWING, Method, Pieces, paged, told_words
from convscope.options import RUN, Opt

pytestmark = pytest.mark.once


def look(
    model: Any, units: Any, images: Any, *, run: Annotated[str, Opt("A run.", names=RUN)] = "", steps: Annotated[int, Opt("Steps.")] = 3
):
    """A method's function."""


def many(model: Any, units: Any, images: Any, *, layers: Annotated[str | None, Opt("Layers.")] = None, **options: Any) -> Pieces:
    """Its division."""


def test_inputs_and_options_are_those_of_the_signatures():
    method = Method("look", look)
    assert method.takes == ("units", "images")
    assert [option.name for option in method.options] == ["run", "steps", *(option.name for option in DRAWING)]
    assert method.large_options == () and method.names_files and not method.has_page
    divided = Method("look", look, divide=many)
    assert [option.name for option in divided.large_options] == ["layers"] and divided.options[2].name == "layers"


def test_one_result_is_whole_and_several_are_pages():
    one = paged("title", {"a": lambda: 1})
    assert one.whole() == 1 and one.write is None
    assert paged("title", {"a": lambda: 1, "b": lambda: 2}).whole is None


def test_what_load_was_told_in_the_words_of_the_shell():
    told = {
        "labels": ["cat"],
        "inputs": {"age": 0.5},
        "input_shape": (None, 64, 3),
        "custom": ("a.py", "b.py"),
        "unsafe": True,
        "weights": None,
    }
    words = ["--input", "age=0.5", "--input-shape", "?,64,3", "--custom", "a.py", "--custom", "b.py", "--unsafe"]
    assert list(told_words(told)) == words
