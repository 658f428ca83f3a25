"""A run stands where a model can."""

import shutil

import numpy as np
import pytest

import convscope
from convscope.cli import main
from convscope.errors import ConvscopeError, ModelError, OptionError, ReplayError
from convscope.formats.checksums import CHECKSUM, sealed
from convscope.models import as_bundle


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return convscope.scan("fashion", "sample:fashion[0-9]", layers="block1_conv1", out=tmp_path_factory.mktemp("source") / "run")


def test_a_run_is_the_network_that_was_scanned(run):
    bundle, own = as_bundle(run), convscope.load("fashion")
    assert (bundle.digest, bundle.name, bundle.source) == (own.digest, "fashion", "fashion")
    assert convscope.layers(run) == convscope.layers(own)
    shown, expected = (convscope.deconv(one, "block1_conv1:3", "sample:fashion[0]") for one in (run, own))
    assert np.array_equal(shown.pixels, expected.pixels) and shown.provenance == expected.provenance


def test_a_run_takes_no_options_that_it_records(run):
    assert as_bundle(run, preprocess=None, custom=(), inputs=(), unsafe=False).digest
    with pytest.raises(OptionError, match='Received preprocess="unit" with a run'):
        as_bundle(run, preprocess="unit")


def test_what_is_no_model_is_refused():
    with pytest.raises(ModelError, match="Received int as a model. Expected .* or the run of a scan"):
        as_bundle(3)


def test_the_folder_of_a_run_stands_for_it(run, tmp_path, monkeypatch):
    bundle = as_bundle(run.path)
    assert bundle.identity() == convscope.load("fashion").identity()
    assert bundle.notes[0] == f"`{run.path}` is a run: this is fashion, the network that was scanned"
    with pytest.raises(OptionError, match='Received labels="names.txt" with a run'):
        as_bundle(str(run.path), labels="names.txt")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run.path, "squeezenet")
    assert as_bundle("squeezenet/").name == "fashion"
    assert as_bundle("squeezenet", weights="embedded").name == "squeezenet"  # a name is a name, whatever folder is called so
    (tmp_path / "squeezenet" / "manifest.json").unlink()
    with pytest.raises(ReplayError, match="is not finished"):
        as_bundle("squeezenet/")


def test_a_run_whose_model_changed_or_needs_code_is_refused(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    model = run.manifest["model"]
    for change, said in (
        ({"digest": "0" * 32}, "has changed, or is a different one"),
        ({"load": {"custom": ["own.py"]}}, "needs its own code.*`custom=.own.py"),
        ({"source": str(copy), "weights": "file"}, "."),  # a run that names itself
    ):
        manifest = {name: value for name, value in run.manifest.items() if name != CHECKSUM} | {"model": model | change}
        (copy / "manifest.json").write_bytes(sealed(manifest))
        with pytest.raises(ConvscopeError, match=said):
            as_bundle(copy)


def test_commands_take_a_run_as_the_model(run, tmp_path, capsys):
    main(["deconv", "block1_conv1:3", "sample:fashion[0]", "-m", str(run.path), "-o", str(tmp_path / "a.png")])
    captured = capsys.readouterr()
    assert "is a run: this is fashion" in captured.err
    main(["replay", str(tmp_path / "a.png")])
    assert "identical, byte for byte" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["deconv", "block1_conv1:3", "sample:fashion[0]", "-m", str(run.path), "--preprocess", "caffe"])
    assert ended.value.code == 2 and "Received --preprocess caffe with a run" in capsys.readouterr().err
