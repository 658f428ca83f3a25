"""Numbers in text from outside."""

import pytest

from convscope.numerals import natural, real, whole


@pytest.mark.parametrize(("text", "value"), [("0", 0), (" 17 ", 17), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_whole_numbers_are_read(text, value):
    assert natural(text) == whole(text) == value
    assert whole(f"-{text.strip()}") == -value


@pytest.mark.parametrize(
    "text", ["", " ", "-", "--1", "- 1", "+1", "1.0", "1_000", "٣", "²", "Ⅳ", "0x1", "1e3", "nan", "1 2", "9" * 5000, "1\0"]
)
def test_what_only_python_takes_for_a_whole_number_is_not_one(text):
    with pytest.raises(ValueError, match="is not a whole number"):
        whole(text)


def test_a_natural_number_has_no_sign():
    with pytest.raises(ValueError, match="is not a whole number"):
        natural("-1")


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3.0), ("-0.5", -0.5), (".5", 0.5), ("5.", 5.0), ("+2", 2.0), (" 1e-3 ", 1e-3), ("1E+2", 100.0)]
)
def test_numbers_are_read(text, value):
    assert real(text) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-Infinity", "1_0", "\u0663.\u0665", "1e", ".", "0x1p3", "1,5", "1e400", "-1e400", "1" * 100_000]
)
def test_what_only_python_takes_for_a_number_is_not_one(text):
    with pytest.raises(ValueError, match=r"is not a number|is larger than every number"):
        real(text)
