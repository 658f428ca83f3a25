"""Every command that many can work on takes the same options, and hands on the engine that they mean."""

import click
import pytest

from convscope.cli import main
from convscope.cli.engines import engine_options, worked_by
from convscope.engines import Processes
from convscope.options import options_of
from convscope.scanning import scan

pytestmark = pytest.mark.once
COMMANDS = (
    ("scan", "sample:fashion", "-m", "fashion"),
    ("ascend", "block1_conv1:all", "-m", "fashion"),
    ("atlas", "fashion", "sample:fashion"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_workers_that_an_engine_has_not_are_refused_before_anything_is_loaded(words, monkeypatch, capsys):
    monkeypatch.setattr("convscope.models.as_bundle", None)
    with pytest.raises(SystemExit) as ended:
        main([*words, "--engine", "local", "--address", "head:6379"])
    assert ended.value.code == 2 and "takes no --address" in capsys.readouterr().err


def test_the_engine_takes_the_place_of_its_words_and_ends_with_the_command():
    def command(**given):
        with worked_by(options_of(scan), given):
            return given

    def values(*words):
        return (
            click.Command("scan", params=[*engine_options(next(o for o in options_of(scan) if o.name == "engine"))])
            .make_context("scan", list(words))
            .params
        )

    assert command(**values()) == {"engine": None}
    (engine,) = command(**values("--workers", "2")).values()
    assert isinstance(engine, Processes) and repr(engine) == "Processes(2)"
    assert values("--worker-memory", "1.5GiB")["worker_memory"] == 3 * 2**29
