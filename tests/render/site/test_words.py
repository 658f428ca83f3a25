import pytest

from convscope.render.site import words

pytestmark = pytest.mark.once


def test_markup_is_words():
    assert words("<script>\"&'") == "&lt;script&gt;&quot;&amp;&#x27;"


def test_nothing_is_hidden_and_letters_of_all_scripts_stay():
    assert words("a\u202eb\x00c\u2028") == "a\u25a1b\u25a1c\u25a1"
    assert words("katze 猫 קט 👩‍🔬") == "katze 猫 קט 👩‍🔬"


def test_names_that_cannot_be_decoded_can_be_sent():
    assert words("\udcff.png") == "\ufffd.png"
