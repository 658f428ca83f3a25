"""The prompt in a real terminal: a whole session by keys, and what is left of it."""

import io
import os
import re
import shutil
import signal
import sys

import pytest

from convscope.assets import path as asset
from convscope.cli import main

pytestmark = pytest.mark.once
pexpect = pytest.importorskip("pexpect", exc_type=ImportError)
LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"


def opened(folder, *arguments, dimensions=(40, 120), **environment):
    environment = {"TERM": "xterm-256color", "XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")} | environment
    child = pexpect.spawn(
        sys.executable,
        ["-m", "convscope", *arguments],
        cwd=str(folder),
        dimensions=dimensions,
        encoding="utf-8",
        timeout=180,
        env=os.environ | environment,
    )
    child.delaybeforesend = 0.1
    return child


@pytest.fixture
def started(tmp_path):
    """A user's folder in which the prompt was used before."""
    (tmp_path / "state" / "convscope").mkdir(parents=True)
    (tmp_path / "state" / "convscope" / "history").write_text("\n# then\n+:18\n")
    return tmp_path


def ready(child, place):
    child.expect(re.escape(place) + r"[^\r\n]* >")


@pytest.mark.long
def test_a_whole_session_by_keys(started):
    child = opened(started, "session", "fashion")
    ready(child, "fashion block3_conv1:0 · sample:fashion[0]")
    child.send("layer block2_conv2\r:17\rd; s\r")
    child.expect("01-deconv-block2_conv2-17-fashion-0.png")
    child.expect("\N{UPPER HALF BLOCK}")
    child.expect("the same again: convscope deconv block2_conv2:17")
    child.expect("02-saliency-block2_conv2-17-fashion-0.png")
    ready(child, "fashion block2_conv2:17")
    child.send(RIGHT)  # one key: the next unit, and the same methods
    child.expect("03-deconv-block2_conv2-18-fashion-0.png")
    child.expect("04-saliency-block2_conv2-18-fashion-0.png")
    ready(child, "fashion block2_conv2:18")
    child.send("decnov\r")
    child.expect("Closest of the commands: deconv")
    ready(child, "fashion block2_conv2:18")
    child.send("\x17a --steps 1\r")  # the line stayed, and its word is taken back
    child.expect("05-ascend-block2_conv2-18.png")
    ready(child, "fashion block2_conv2:18")
    child.send("image sam\t")
    child.expect("sample:")
    child.send("\x03layer block1_c\t\t")
    child.expect("28 x 28 x 32")
    child.send("\x03\x04")
    child.expect(r"The session as commands: (\S+\.convscope)")
    script = started / child.match[1]
    child.expect(pexpect.EOF)
    assert child.wait() == 0
    assert len(re.findall("^convscope ", script.read_text(), re.MULTILINE)) == 5
    history = (started / "state" / "convscope" / "history").read_text()
    assert "+d; s" in history and "+n; again" in history


@pytest.mark.long
def test_the_first_start_asks_and_leaves_a_session_behind_if_it_is_killed(tmp_path):
    child = opened(tmp_path, "session", "fashion")
    child.expect("type to search")
    child.send("zzz\r")
    child.expect("nothing matches")
    child.send("\x7f\x7f\x7fblock2_conv2\r")
    child.expect("Units of block2_conv2, 0 to 63")
    child.send("17\r")
    child.expect("> activations")
    child.send("dec\r")
    child.expect("Images: ")
    child.send("sample:nope\r")
    child.expect("No sample `nope`")
    child.send("\r")
    child.expect("switches: ")
    child.send(DOWN + "\r")
    child.expect("the same again: convscope deconv block2_conv2:17 'sample:fashion\\[0\\]' --switches spread")
    child.expect("What next")
    child.send("quit\r")
    ready(child, "fashion block2_conv2:17")
    child.kill(signal.SIGKILL)
    (script,) = (tmp_path / "convscope-out").glob("session-*.convscope")
    assert "convscope deconv block2_conv2:17" in script.read_text()


@pytest.mark.long
def test_a_dumb_terminal_gets_words_and_paths(started):
    child = opened(started, "session", "fashion", dimensions=(20, 60), TERM="dumb")
    child.expect(" >")
    child.send("s block3_conv1:3\r")
    child.expect("01-saliency-block3_conv1-3-fashion-0.png")
    child.expect("score 0")
    child.expect("the same again")
    assert "\x1b[" not in child.before and "\N{UPPER HALF BLOCK}" not in child.before
    child.expect(" >")
    child.send("quit\r")
    child.expect(pexpect.EOF)
    assert child.wait() == 0


def test_a_script_at_standard_input_runs_without_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("# a tour\nlayer block2_conv2\n:3; s\nn; again\nabsent\ns\n"))
    with pytest.raises(SystemExit) as ended:
        main(["session", "fashion"])
    captured = capsys.readouterr()
    assert ended.value.code == 2 and "standard input ended at line 5: absent" in captured.err
    assert captured.out.split() == [f"convscope-out/0{number}-saliency-block2_conv2-{number + 2}-fashion-0.png" for number in (1, 2)]
    assert sorted(path.suffix for path in (tmp_path / "convscope-out").iterdir()) == [".json", ".json", ".png", ".png"]


def test_a_model_alone_is_opened(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(asset("fashion.keras"), tmp_path / "own.keras")
    monkeypatch.setattr(sys, "stdin", io.StringIO("dense1:3\nlayers\n"))
    main(["own.keras", "--preprocess", "unit"])
    assert "preprocessing unit, as given" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO("layers\n"))
    with pytest.raises(SystemExit) as ended:
        main(["absent.keras"])
    assert ended.value.code == 2 and "absent.keras" in capsys.readouterr().err
