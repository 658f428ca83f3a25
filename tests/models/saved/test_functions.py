"""Which function a name in a file means."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from convscope.backend import keras, ops
from convscope.errors import ModelError
from convscope.models.saved.entries import Entry
from convscope.models.saved.functions import activation_named, note_of, old_words
from convscope.models.saved.trust import Custom
from fuzzing import old_configs

TESTS = Path(__file__).resolve().parents[2]
ENTRY = Entry("Conv2D", "conv", "conv", {})
NOBODY = Custom({})


@pytest.mark.parametrize(("writer", "slope"), [(1, 0.2), (2, 0.2), (3, 1 / 6)])
def test_hard_sigmoid_is_that_of_the_writer(writer, slope):
    x = np.linspace(-4, 4, 33, dtype="float32")
    function = activation_named("hard_sigmoid", ENTRY, NOBODY, writer)
    assert np.allclose(ops.convert_to_numpy(function(x)), np.clip(slope * x + 0.5, 0, 1), atol=1e-6)
    with old_words(writer, NOBODY):  # what a user's own class finds by that name
        assert np.allclose(ops.convert_to_numpy(keras.activations.get("hard_sigmoid")(x)), np.clip(slope * x + 0.5, 0, 1), atol=1e-6)
    assert keras.activations.get("hard_sigmoid") is keras.activations.hard_sigmoid


def test_a_function_that_the_user_names_comes_first():
    custom = Custom({"hard_sigmoid": np.sign})
    assert activation_named("hard_sigmoid", ENTRY, custom, 2) is np.sign
    with old_words(2, custom):
        assert keras.activations.get("hard_sigmoid") is keras.activations.hard_sigmoid


def test_what_tensorflow_called_otherwise():
    assert activation_named("softmax_v2", ENTRY, NOBODY, 2) is keras.activations.softmax


@pytest.mark.parametrize(
    ("name", "writer", "said"), [("hard_swish", 2, True), ("leaky_relu", 1, True), ("relu6", 2, False), ("hard_swish", 3, False)]
)
def test_a_name_that_old_kerases_did_not_have_is_said(name, writer, said):
    note = note_of(name, ENTRY, NOBODY, writer)
    assert (note is not None) == said
    assert not said or "--custom" in note
    assert note_of(name, ENTRY, Custom({name: abs}), writer) is None


def test_a_name_of_nobodys():
    with pytest.raises(ModelError, match=r"`conv` has the activation 'nobody', which Keras does not have"):
        activation_named("nobody", ENTRY, NOBODY)


def test_every_row_of_the_table_of_old_words_names_what_shows_it():
    text = (TESTS.parent / "docs" / "models.md").read_text(encoding="utf-8")
    table = text[text.index("## Words that meant something else") : text.index("What cannot be computed today")]
    rows = [row for row in table.splitlines() if row.startswith("| ") and not row.startswith("| in the file")]
    assert len(rows) > 20
    files = [line["file"] for line in json.loads((TESTS / "corpus" / "corpus.json").read_text())]
    files += [path.name for path in (TESTS / "corpus" / "faults").iterdir()]
    for row in rows:
        for shown in re.findall(r"`([^`]+)`", row.strip("| ").rsplit("|", 1)[1]):
            known = hasattr(old_configs, shown) or list((TESTS / "models").rglob(f"{shown}.py")) or any(shown in file for file in files)
            assert known, f"{shown}: {row}"
