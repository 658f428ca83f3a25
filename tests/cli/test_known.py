"""Completion in the shell and at the prompt: what is offered, and that no framework is loaded for it."""

import os
import shutil
import subprocess
import sys

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from convscope.assets import path as asset
from convscope.cli import main
from convscope.cli.completer import LineCompleter
from convscope.cli.known import recall, remember
from convscope.cli.sitting import Sitting
from convscope.models import as_bundle

pytestmark = pytest.mark.once
HEAVY = ("keras", "tensorflow", "torch", "jax")


@pytest.fixture(scope="module")
def sitting(tmp_path_factory):
    folder = tmp_path_factory.mktemp("known")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        found = Sitting(folder / "out")
        assert found.take("model fashion; layer block2_conv2; set steps 8") == 0
        yield found


def offered(sitting, line):
    return [completion.text for completion in LineCompleter(sitting).get_completions(Document(line), CompleteEvent())]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("layer block3", {"block3_conv1", "block3_pool"}),
        ("layer conv1", {"block1_conv1", "block2_conv1", "block3_conv1"}),
        ("d block3_c", {"block3_conv1:"}),
        ("n; d block3_c", {"block3_conv1:"}),
        ("predictions:Sn", {"predictions:Sneaker"}),
        ("predictions:t-", {"predictions:T-shirt/top"}),
        ("d predictions:Ankle", {"'predictions:Ankle boot'"}),
        (":a", {":all"}),
        ("m block3_", {"block3_conv1", "block3_pool"}),
        ("image sample:cu", {"sample:cup"}),
        ("d :3 sample:cu", {"sample:cup"}),
        ("model sq", {"squeezenet"}),
        ("model resnet50", {"resnet50", "resnet50v2"}),
        ("d --sw", {"--switches"}),
        ("d --switches s", {"switches", "spread"}),
        ("convscope deconv --ties f", {"first"}),
        ("set ste", {"steps"}),
        ("set switches c", {"center"}),
        ("unset ", {"steps"}),
        ("help dec", {"deconv"}),
        ("dec", {"deconv"}),
        ("d 'open", set()),
        ("zzz ", set()),
    ],
)
def test_the_prompt_completes(sitting, line, words):
    assert set(offered(sitting, line)) == words


def test_files_are_completed_and_quoted(sitting, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two words.jpg").touch()
    (tmp_path / "tour.convscope").touch()
    for line in ("image two", "d two", "d :3 'two wo"):
        assert offered(sitting, line) == ["'two words.jpg'"]
    assert offered(sitting, "replay to") == ["tour.convscope"]


def test_layers_have_their_shapes_beside_them(sitting):
    found = LineCompleter(sitting).get_completions(Document("layer block2_conv2"), CompleteEvent())
    assert [completion.display_meta_text for completion in found] == ["convolution 14 x 14 x 64, sees 14 px"]


def completed(line, folder, *shell):
    code = f"import sys; from convscope.cli import main\ntry: main()\nfinally: print([one for one in {HEAVY} if one in sys.modules])"
    environment = {"COMP_WORDS": line, "_CONVSCOPE_COMPLETE": "bash_complete", "XDG_CACHE_HOME": str(folder), "COMP_BREAKS": "\"'><=;|&(:"}
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False)
    *items, loaded = ended.stdout.splitlines()
    assert loaded == "[]", ended.stderr
    return items


def test_the_shell_completes_from_the_model_on_the_line_without_a_framework(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = shutil.copy(asset("fashion.keras"), tmp_path / "own.keras")
    main(["layers", str(own)])
    remember("fashion", as_bundle("fashion"))
    assert completed(f"convscope deconv -m {own} block3_c", tmp_path) == ["plain,block3_conv1:"]
    assert completed("convscope saliency -m fashion predictions:Sn", tmp_path) == ["plain,Sneaker"]  # bash has predictions: already
    assert completed("convscope deconv -m squeez", tmp_path)[0] == "plain,squeezenet"


def test_a_model_whose_file_changes_is_not_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own = tmp_path / "own.keras"
    shutil.copy(asset("fashion.keras"), own)
    remember(str(own), as_bundle("fashion"))
    assert [info.address for info in recall(str(own)).layers][:2] == ["block1_conv1", "block1_conv2"]
    assert recall(str(own)).classes[7] == "Sneaker"
    own.write_bytes(b"other")
    assert recall(str(own)).layers == ()
    for file in (tmp_path / "cache").rglob("*.json"):
        file.write_text("[]")
    assert recall(str(own)).layers == ()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_words_with_colons(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    remember("fashion", as_bundle("fashion"))
    program = tmp_path / "bin" / "convscope"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m convscope "$@"\n')
    program.chmod(0o755)
    line = "convscope deconv -m fashion predictions:Sn"
    typed = f'COMP_LINE="{line}"; COMP_POINT={len(line)}'
    call = f'compopt() {{ :; }}; source {tmp_path}/script; {typed}; _convscope_completion convscope; echo "${{COMPREPLY[@]}}"'
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-c", call], capture_output=True, text=True, env=environment, check=False)
    assert ended.stdout.split() == ["Sneaker"], ended.stderr
