"""What comes from outside reaches the terminal as plain text."""

import pytest

from convscope.errors import OptionError, alike, closest
from convscope.legible import LONGEST_NAME, LONGEST_SAID, first_line, legible, sentence, shortened

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain näme \N{SNOWMAN}", "plain näme \N{SNOWMAN}"),
        ("\x1b[2Jcleared", "\N{REPLACEMENT CHARACTER}[2Jcleared"),
        ("bell\a", "bell\N{REPLACEMENT CHARACTER}"),
        ("gnp.\N{RIGHT-TO-LEFT OVERRIDE}exe", "gnp.\N{REPLACEMENT CHARACTER}exe"),
        ("lone \udcff", "lone \N{REPLACEMENT CHARACTER}"),
        ("two\nlines\tand\u2028more\x85end", "two lines and more end"),
        ("\x9b31m", "\N{REPLACEMENT CHARACTER}31m"),
    ],
)
def test_says_what_a_terminal_does_not_obey(raw, shown):
    assert legible(raw) == shown


def test_every_error_is_one_legible_sentence():
    said = str(OptionError("No layer `\x1b]0;title\x07\n`. Closest: a."))
    assert said.isprintable()
    assert said.endswith("`. Closest: a.")


def test_the_middle_of_long_names_is_left_out():
    said = sentence(f"No layer `{'a' * 5000}z`. Closest: b.")
    assert len(said) < LONGEST_NAME + 40
    assert said.endswith("z`. Closest: b.")
    assert shortened("abcdefgh", 5) == "ab\N{HORIZONTAL ELLIPSIS}gh"
    assert len(sentence("`" * 9000)) <= 1500
    assert len(sentence("word " * 2000)) <= 1500


def test_names_of_5000_letters_are_compared_with_nothing():
    assert alike("a" * 5000, ["a" * 4999]) == []
    assert closest("the names", "a" * 5000, ["b", "c" * 5000]) == f"There are only b, {shortened('c' * 5000)}."


def test_what_a_library_says_is_one_short_line():
    assert first_line(ValueError("It broke.\nHere is why")) == "It broke"
    assert first_line(KeyError()) == "KeyError"
    assert len(first_line(ValueError("b" * 5000))) <= LONGEST_SAID
