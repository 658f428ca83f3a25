"""Requests: one road for the command line, the session, the demo and replay."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import click
import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.ascent import jobs
from convscope.catalogue import DRAWINGS, METHODS
from convscope.cli.methods import method_command
from convscope.cli.sitting import Sitting
from convscope.errors import OptionError, OutputError
from convscope.images import as_batch
from convscope.method import Method, Pieces, Written, paged, provenance
from convscope.network.entering import fit_of
from convscope.options import Opt, check_options
from convscope.replaying import replay, same_bytes
from convscope.requests import Finished, Note, Request
from convscope.results import Result
from convscope.session.guide import Asking, answer, question
from convscope.session.place import Place

pytestmark = pytest.mark.once
QUICK = {"steps": 2, "size": 16, "precision": "float32"}


@dataclass(frozen=True, kw_only=True)
class Brightness(Result):
    means: Any


def brightness(
    model: Any, images: Any, *, times: Annotated[float, Opt("Multiply by this.", least=0, most=10, asked=True)] = 1.0
) -> Brightness:
    options = check_options(brightness, locals())
    batch = as_batch(images, fit_of(model))
    means = batch.pixels.mean(axis=(1, 2, 3)) * options.times
    return Brightness(provenance=provenance("brightness", model, batch.inputs, options.recorded()), notes=("bright",), means=means)


def pages(model: Any, images: Any, **options: Any) -> Pieces:
    return paged("brightness", {str(number): lambda one=one: brightness(model, [one], **options) for number, one in enumerate(images)})


def draw(result):
    level = int(255 * min(result.means[0], 1))
    return {"brightness.png": Image.new("L", (8, 8), level if result.theme == "light" else 255 - level)}


@pytest.fixture(scope="module")
def fashion():
    return convscope.load("fashion")


@pytest.fixture
def plugged(monkeypatch):
    """The method of a stranger, who wrote its option down once."""
    method = Method("brightness", brightness, summary="Draw how bright an image is.")
    for registry, entry in ((METHODS, method), (DRAWINGS, draw)):
        monkeypatch.setitem(registry._entries, "brightness", entry)
    return method


def events_of(request, out, folder=Path("unused"), **how):
    return list(request.write(out, folder=folder, **how))


def test_one_annotation_is_flag_help_question_check_and_record(plugged, fashion, tmp_path):
    command = method_command(plugged)
    shown = command.get_help(click.Context(command, terminal_width=200))
    assert "--times FLOAT" in shown and "Multiply by this.  [default: 1.0; from 0 to 10]" in shown
    assert shown.index("--times") < shown.index("Drawing and output:") < shown.index("--theme") < shown.index("Model options:")
    asking, place = Asking("method", whole=True), Place("fashion")
    for text in ("brightness", "sample:fashion[0]"):
        asking, _ = answer(asking, place, text)
    asked = question(asking, place)
    assert asked.text == "times: Multiply by this." and asked.default == "1.0"
    said = r"`times` is 11.0. Expected a number from 0 to 10."
    for ask in (
        lambda: brightness(fashion, "sample:fashion[0]", times=11.0),
        lambda: Request(plugged, ("sample:fashion[0]",), {"times": 11.0}),
        lambda: answer(asking, place, "11"),
        lambda: command.main(["sample:fashion[0]", "--times", "11"], standalone_mode=False),
    ):
        with pytest.raises(OptionError) as caught:
            ask()
        assert str(caught.value) == said
    _, line = answer(asking, place, "0.5")
    assert line == "brightness 'sample:fashion[0]' --times 0.5"
    sitting = Sitting(tmp_path)
    assert sitting.take(f"{line} -m fashion") == 0
    assert sitting.desk.last.result.provenance.parameters == {"times": 0.5, "theme": "light"}


def test_drawing_options_are_those_of_every_method_and_are_replayed(plugged, fashion, tmp_path):
    request = Request(plugged, (["sample:fashion[0]"],), {"theme": "dark"}, fashion)
    written, note, end = events_of(request, tmp_path / "dark.png")
    assert written.result.theme == "dark" and note == Note("bright") and end == Finished()
    light = brightness(fashion, ["sample:fashion[0]"])
    light.save(tmp_path / "light.png")
    light.save(tmp_path / "again.png", theme="dark")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "dark.png").read_bytes() != (tmp_path / "light.png").read_bytes()
    assert same_bytes(replay(tmp_path / "again.png"), tmp_path / "again.png")
    with pytest.raises(OptionError, match="No theme `pink`. Choose one of light, dark."):
        light.save(tmp_path / "pink.png", theme="pink")


def test_a_built_in_result_saved_dark_is_as_if_made_dark(fashion, tmp_path):
    request = ("block1_conv1", "sample:fashion[0]")
    convscope.activations(fashion, *request).save(tmp_path / "saved.png", theme="dark")
    convscope.activations(fashion, *request, theme="dark").save(tmp_path / "made.png")
    assert (tmp_path / "saved.png").read_bytes() == (tmp_path / "made.png").read_bytes()


def test_many_results_are_pages_and_an_interrupt_keeps_what_is_written(plugged, fashion, tmp_path, monkeypatch):
    method = Method("brightness", brightness, divide=pages)
    names = ["sample:fashion[0]", "sample:fashion[1]"]
    events = events_of(Request(method, (names,), {}, fashion), tmp_path / "all")
    assert [event.paths[0].name for event in events if isinstance(event, Written)] == ["0.png", "1.png"]
    assert events[-2:] == [Note("bright"), Finished(index=tmp_path / "all" / "index.html")] and events[-1].index.exists()
    with pytest.raises(OutputError, match="makes 2 pictures"):
        events_of(Request(method, (names,), {}, fashion), tmp_path / "one.png")

    def interrupted(model, images, **options):
        made = iter(["once"])
        return paged("b", {name: lambda: brightness(model, names[:1]) if next(made, None) else _raise() for name in "ab"})

    def _raise():
        raise KeyboardInterrupt

    *_, end = events_of(Request(Method("brightness", brightness, divide=interrupted), (names,), {}, fashion), tmp_path / "cut")
    assert end.interrupted and "a.png" in end.index.read_text() and "b.png" not in end.index.read_text()


@pytest.fixture
def small_chunks(monkeypatch):
    """Two units climb together, so that four are a large request."""
    monkeypatch.setattr("convscope.ascent.climb.PIXELS_AT_ONCE", 2 * 16 * 16)


def test_a_large_request_looks_its_units_up_once_and_resumes(fashion, small_chunks, tmp_path, monkeypatch):
    looked_up, as_targets = [], jobs.as_targets
    monkeypatch.setattr(jobs, "as_targets", lambda *given, **more: looked_up.append(given) or as_targets(*given, **more))
    request = Request(METHODS.get("ascend"), (["block1_conv1:0-3"],), QUICK, fashion)
    *pieces, end = [event for event in events_of(request, tmp_path) if not isinstance(event, Note)]
    assert len(looked_up) == 1
    assert [(piece.sheet, piece.new, len(piece.units)) for piece in pieces] == [(False, True, 2), (False, True, 2), (True, True, 4)]
    assert (end.made, end.kept) == (4, 0)
    (tmp_path / "block1_conv1-3.png").unlink()
    *pieces, end = events_of(Request(METHODS.get("ascend"), (["block1_conv1:0-3"],), QUICK, fashion), tmp_path)
    assert [piece.new for piece in pieces if isinstance(piece, Written) and not piece.sheet] == [False, True]
    assert (end.made, end.kept) == (2, 2)
    assert next(end.sentences()) == "2 of 4 units already exist with the same settings. They are kept."


@pytest.mark.long
def test_the_prompt_resumes_a_large_request_that_was_killed(small_chunks, tmp_path, monkeypatch, capsys):
    line = "ascend block1_conv1:0-3 --steps 2 --size 16 --precision float32"

    class Killed(BaseException):
        pass

    climbed = jobs.AscentJob._climbed

    def killed(job, chunks):
        yield next(climbed(job, chunks))
        raise Killed

    def sitting():
        found = Sitting(tmp_path)
        assert found.take("model fashion") == 0
        return found

    with monkeypatch.context() as patched:
        patched.setattr(jobs.AscentJob, "_climbed", killed)
        with pytest.raises(Killed):
            sitting().take(line)
    folder = tmp_path / "01-ascend-block1_conv1-0-3"
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    assert set(before) == {"block1_conv1-0.png", "block1_conv1-1.png"}
    again = sitting()
    assert again.take(line) == 0
    written = again.desk.last
    assert written.paths[0] == folder / "sheet.png" and written.result.images.shape[0] == 4
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert "2 of 4 units already exist with the same settings. They are kept." in capsys.readouterr().err
    assert json.loads((folder / "block1_conv1-3.json").read_text())["parameters"]["steps"] == 2
    assert again.desk.commands == [(*shlex.split(line), "--model", "fashion", "-o", str(folder))]
    assert sitting().take(line) == 0 and (tmp_path / "02-ascend-block1_conv1-0-3" / "sheet.png").exists()


def test_the_folder_that_is_read_is_never_the_target(tmp_path):
    request = Request(METHODS.get("tsne"), (["sample:fashion"],), {"onto": tmp_path / "map"})
    with pytest.raises(OutputError, match="holds the map"):
        request.check_target(tmp_path / "map", tmp_path)


def test_a_method_with_an_input_that_nobody_knows_is_refused():
    def odd(model: Any, paths: Any) -> Result:
        raise NotImplementedError

    with pytest.raises(OptionError, match="The method `odd` takes `paths` before its options"):
        Method("odd", odd)


def test_numbers_of_numpy_and_aliases_make_the_same_bytes(fashion, tmp_path):
    units, images = "block2_conv2:3", "sample:fashion[0]"
    convscope.deconv(fashion, units, images, contrast=np.float32(90), switches=False).save(tmp_path / "a.png")
    convscope.deconv(fashion, units, images, contrast=90, switches="spread").save(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_files_that_are_overwritten_are_named(fashion, tmp_path):
    request = Request(METHODS.get("saliency"), ("block2_conv2:3", ["sample:fashion[0]"]), {}, fashion)
    texts = [[event.text for event in request.write(tmp_path / "one.png", folder=tmp_path) if isinstance(event, Note)] for _ in range(2)]
    assert "Overwrote one.png." not in texts[0]
    assert "Overwrote one.png." in texts[1]
