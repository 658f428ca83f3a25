"""What nobody raised on purpose ends in one sentence."""

import errno
import sys

import pytest

from convscope.cli import main
from convscope.errors import OutputError

SENTENCES = {
    "memory": (MemoryError(), 2, "Memory ran out"),
    "framework's memory": (RuntimeError("OOM when allocating tensor"), 2, "Memory ran out"),
    "depth": (RecursionError("maximum recursion depth exceeded"), 2, "nested too deeply"),
    "denied": (PermissionError(errno.EACCES, "Permission denied", "secret"), 2, "`secret`: permission denied"),
    "disk": (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
    "input and output": (OSError(errno.EIO, "Input/output error", "disk"), 2, "Cannot use `disk`: "),
    "processes": (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), 2, "temporarily unavailable"),
    "surrogate": (UnicodeEncodeError("utf-8", "a\udc80", 1, 2, "surrogates not allowed"), 2, "utf-8 cannot write"),
    "fault": (AttributeError("'NoneType' object has no attribute 'x'"), 70, "a fault of convscope, not of your input: AttributeError"),
}


@pytest.fixture
def raising(monkeypatch):
    def set_up(error):
        def load(*_, **__):
            raise error

        monkeypatch.setattr("convscope.models.as_bundle", load)

    return set_up


@pytest.mark.parametrize(("error", "code", "said"), SENTENCES.values(), ids=list(SENTENCES))
def test_an_error_that_nobody_raised_on_purpose_is_one_sentence(raising, capsys, error, code, said):
    raising(error)
    with pytest.raises(SystemExit) as ended:
        main(["layers", "fashion"])
    printed = capsys.readouterr().err
    assert ended.value.code == code
    assert said in printed
    assert printed.count("\n") == 1


def test_a_fault_names_its_place_and_a_traceback_is_shown_on_request(raising, capsys, monkeypatch):
    monkeypatch.setattr("convscope.cli.methods.hints.remember", lambda **_: 1 / 0)
    with pytest.raises(SystemExit):
        main(["layers", "fashion"])
    assert "(at cli/methods.py:" in capsys.readouterr().err
    monkeypatch.setenv("CONVSCOPE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["layers", "fashion"])


def test_words_that_cannot_be_written_at_the_end_are_bad_input_too(capsys, monkeypatch):
    def closed():
        raise OutputError("Cannot write to standard output: it is closed")

    monkeypatch.setattr("convscope.cli.terminal.flush", closed)
    with pytest.raises(SystemExit) as ended:
        main(["completion", "bash"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "Error: Cannot write to standard output: it is closed\n"


def test_help_that_nobody_reads_ends_as_any_other_output(monkeypatch):
    def gone(_):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("click.Context.get_help", gone)
    monkeypatch.setattr("sys.stdout", sys.stdout)  # click replaces both, for good
    monkeypatch.setattr("sys.stderr", sys.stderr)
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 141
