"""docs/troubleshooting.md quotes the real messages: each heading is what the command below it says."""

import re
import shlex
from pathlib import Path

import pytest

from convscope.cli import main
from networks import model_of

pytestmark = pytest.mark.once

PAGE = Path(__file__).parent.parent / "docs" / "troubleshooting.md"
ENTRY = re.compile(r"^### (?P<said>.+)\n\n<!-- convscope (?P<words>.+) -->$", re.MULTILINE)
ENTRIES = [(found["said"], found["words"]) for found in ENTRY.finditer(PAGE.read_text("utf-8"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the commands of the page name: a weights-only file, two models that need code, a damaged image, a run."""
    from convscope.backend import keras

    made = tmp_path_factory.mktemp("trouble")
    layers = keras.layers

    class Blur(layers.Layer):
        def call(self, inputs):
            return inputs

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(made)
        model_of(layers.Conv2D(2, 3), shape=(8, 8, 1)).save_weights("mine.weights.h5")
        model_of(layers.Conv2D(2, 3), layers.Lambda(lambda x: 2 * x), shape=(8, 8, 1)).save("lambda.keras")
        model_of(layers.Conv2D(2, 3), Blur(), shape=(8, 8, 1)).save("own.keras")
        Path("broken.png").write_text("text")
        main(shlex.split("scan sample:fashion[0-59] -m fashion --layers dense1 -o run"))
    return made


def test_the_page_has_entries():
    assert len(ENTRIES) > 15


@pytest.mark.parametrize(("said", "words"), ENTRIES, ids=[said for said, _ in ENTRIES])
def test_a_heading_is_what_the_command_says(said, words, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(words))
    told = capsys.readouterr().err
    assert ended.value.code == 2, told
    parts = [re.escape(part.strip().replace("`", "")) for part in said.split("…")]
    assert re.search(".*".join(parts), told.replace("`", "").replace("\n", " ")), told
