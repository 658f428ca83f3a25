"""The prompt in a real terminal, from start to a written picture and a saved script."""

import sys

import pytest

pexpect = pytest.importorskip("pexpect", exc_type=ImportError)
DOWN = "\x1b[B"
CLEAR = "\x15"


@pytest.fixture
def terminal(tmp_path):
    child = pexpect.spawn(sys.executable, ["-m", "convscope"], cwd=str(tmp_path), dimensions=(50, 160), encoding="utf-8", timeout=90)
    yield child
    child.close(force=True)


def test_from_start_to_a_written_picture_in_a_terminal(terminal, tmp_path):
    terminal.expect("Model file")
    terminal.send(CLEAR + "fashion\r")
    terminal.expect("Layer")
    terminal.send("block2_conv2")
    terminal.expect("14 x 14 x 64")
    terminal.send("\r")
    terminal.expect("Units of block2_conv2, 0 to 63")
    terminal.send(CLEAR + "strongest 2\r")
    terminal.expect("Method")
    terminal.send("\r")
    terminal.expect("Images: ")
    terminal.send(CLEAR + "sample:nope\r")
    terminal.expect("No sample `nope`")
    terminal.send(CLEAR + "sample:cat\r")
    terminal.expect("switches: ")
    terminal.send(DOWN + "\r")
    terminal.expect("01-deconv-block2_conv2-strongest-2.png")
    terminal.expect("the same again: convscope deconv block2_conv2 sample:cat --switches spread --strongest 2 -m fashion")
    terminal.expect("What next")
    terminal.send("quit\r")
    terminal.expect("The session as commands: convscope-out/session.sh")
    terminal.expect(pexpect.EOF)
    assert (tmp_path / "convscope-out" / "01-deconv-block2_conv2-strongest-2.png").stat().st_size > 10_000
    assert "convscope deconv block2_conv2" in (tmp_path / "convscope-out" / "session.sh").read_text()


def test_control_c_at_the_first_question_quits(terminal):
    terminal.expect("Model file")
    terminal.send("\x03")
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 0
