"""Files that real old Kerases wrote (tests/corpus, by tools/make_corpus.py) load, and answer as the version that wrote them did."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ConvscopeError, ModelError
from sampling import sampled

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
LINES = json.loads((CORPUS / "corpus.json").read_text())
ACCEPTED = [line for line in LINES if "refused" not in line]
REFUSED = [line for line in LINES if "refused" in line]
# One file of each kind: what the methods do with a network does not depend on who wrote it.
KINDS = {(line["exercises"], line["layout"], line["archive"].startswith("k3")): line for line in ACCEPTED}.values()
FIRST = keras.backend.backend() == "tensorflow"
# What the methods do with these networks is tried on the first backend; on the others their outputs are enough.
IMAGES = [line for line in KINDS if line["image"]] if FIRST else []
OTHERS = [line for line in KINDS if not line["image"]]
# What a file says is read alike on every backend; where networks are slow to run for the first time, one file of each kind is run.
COMPARED = ACCEPTED if FIRST else list({line["exercises"]: line for line in ACCEPTED}.values())
# Theano padded "same" layers with strides or even windows on other sides; such a file loads, with a sentence that says so.
SHIFTED = [line for line in ACCEPTED if "theano" in line["file"] and line["file"].endswith("_same.h5")]
COMPARED = [line for line in COMPARED if line not in SHIFTED]


def each(lines):
    return pytest.mark.parametrize("line", sampled(lines, 24), ids=[line["file"] for line in lines])


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    """Return the folder with the files of a line; each archive is unpacked once."""
    folders = {}

    def folder_of(line):
        name = line["archive"]
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name.removesuffix(".tar.xz"))
            with tarfile.open(CORPUS / name) as archive:
                archive.extractall(folders[name], filter="data")
        return folders[name]

    return folder_of


def options_of(line, folder):
    """Return what a user has to say for this file, as arguments of load; the preprocessing only to save the time of a guess."""
    options = {"preprocess": "unit", **line["load"]}
    if "architecture" in options:
        options["architecture"] = str(folder / options["architecture"])
    if "custom" in options:
        options["custom"] = [str(CORPUS / "custom_layers.py")]
    return options


@pytest.fixture(scope="session")
def loaded(unpacked):
    """Return the bundle of a line; each file is loaded once."""
    bundles = {}

    def bundle_of(line):
        if line["file"] not in bundles:
            folder = unpacked(line)
            bundles[line["file"]] = convscope.load(folder / line["file"], **options_of(line, folder))
        return bundles[line["file"]]

    return bundle_of


def with_inputs_fixed(bundle, line, folder):
    """Return the bundle, loaded again with a value for each input that takes no picture if there are any."""
    names = [tensor._keras_history.operation.name for tensor in bundle.network.inputs]
    fixed = {name: 0.5 for name in names if name != bundle.image_input}
    return convscope.load(folder / line["file"], inputs=fixed, **options_of(line, folder)) if fixed else bundle


def arrays_of(line, folder):
    """Return the inputs, channels last, and the outputs that the writing version computed."""
    with np.load(folder / line["data"]) as data:
        inputs = [data[name] for name in sorted(data.files) if name.startswith("x")]
        outputs = [data[name] for name in sorted(data.files) if name.startswith("y")]
    if line["layout"] == "channels_first":
        inputs = [np.moveaxis(array, 1, -1) if array.ndim > 2 else array for array in inputs]
    return inputs, outputs


def answers(network, inputs):
    found = network(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [keras.ops.convert_to_numpy(keras.ops.cast(one, "float32")) for one in keras.tree.flatten(found)]


def relative_error(found, expected):
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@each(COMPARED)
def test_outputs_equal_those_of_the_version_that_wrote_the_file(line, unpacked, loaded, record_error):
    folder = unpacked(line)
    before = (folder / line["file"]).read_bytes()
    bundle = loaded(line)
    inputs, expected = arrays_of(line, folder)
    found = answers(bundle.network, inputs)
    assert [one.shape for one in found] == [one.shape for one in expected]
    error = max(relative_error(one, other) for one, other in zip(found, expected, strict=True))
    kind = "old files" if line["tolerance"] == 1e-5 else "old files in half precision"
    assert record_error(f"{kind} ({line['archive'].removesuffix('.tar.xz')})", error) <= line["tolerance"]
    assert any(info.learns for info in convscope.layers(bundle))
    assert (folder / line["file"]).read_bytes() == before


def pictures(bundle, count=1):
    height, width = bundle.fixed_size or (16, 16)
    return np.random.default_rng(5).integers(0, 256, (count, height, width, bundle.channels), dtype=np.uint8)


@each(IMAGES)
def test_units_of_an_old_file_answer(line, unpacked, loaded):
    bundle = with_inputs_fixed(loaded(line), line, unpacked(line))
    listed = [info for info in convscope.layers(bundle) if info.learns and info.shape]
    layer = listed[len(listed) // 2].address
    images = pictures(bundle)
    maps = convscope.activations(bundle, layer, images).maps
    assert np.isfinite(maps).all()
    channel = int(maps.max(axis=(0, 1, 2)).argmax())
    pixels = convscope.deconv(bundle, f"{layer}:{channel}", images).pixels
    assert pixels.shape[2:] == images.shape[1:]
    assert np.isfinite(pixels).all()


@each(OTHERS)
def test_sequences_and_volumes_have_activations_and_a_sentence_for_the_rest(line, unpacked, loaded):
    bundle = loaded(line)
    layer = next(info.address for info in convscope.layers(bundle) if info.learns)
    data = arrays_of(line, unpacked(line))[0][0]
    data = (data - data.min()) / np.ptp(data)
    assert np.isfinite(convscope.activations(bundle, layer, data).maps).all()
    with pytest.raises(ConvscopeError):
        convscope.deconv(bundle, f"{layer}:0", data)


@each(REFUSED)
def test_what_cannot_be_had_in_keras_3_is_refused_by_name(line, loaded):
    with pytest.raises(ModelError, match=f"(?i){line['refused']}"):
        loaded(line)


@each(SHIFTED)
def test_where_theano_padded_otherwise_a_note_says_so(line, loaded):
    assert any("Theano padded" in note for note in loaded(line).notes)
