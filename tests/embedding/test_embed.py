"""The map of images."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.backend import keras
from convscope.embedding.pca import principal_axes
from convscope.errors import ImageError, OptionError
from convscope.network.features import feature_call
from convscope.network.network import as_network
from convscope.replaying import same_bytes
from convscope.results import CAUTION_TSNE

embedding = importlib.import_module("convscope.embedding.embed")  # the package's own name for it is the function


@pytest.fixture(scope="module")
def fashion():
    return convscope.load("fashion")


@pytest.mark.long
def test_the_embedded_images_make_a_map_of_ten_classes(fashion):
    result = convscope.tsne(fashion, "sample:fashion")
    assert result.points.shape == (2000, 2)
    assert result.features.shape == (2000, 128)
    assert result.layer == "dense1"
    assert len(set(result.labels)) == 10
    assert result.quality["label knn@10"] > 0.85
    agreement = np.mean([a == b for a, b in zip(result.labels, result.predictions, strict=True)])
    assert agreement > 0.92


def test_features_are_the_layers_output(fashion):
    result = convscope.tsne(fashion, "sample:fashion[0-59]")
    direct = convscope.activations(fashion, "dense1", "sample:fashion[0-59]").maps
    assert np.allclose(result.features, direct, atol=1e-4)


def test_the_same_seed_gives_the_same_map(fashion):
    first, second = (convscope.tsne(fashion, "sample:fashion[0-119]", seed=5) for _ in range(2))
    assert first.points.tobytes() == second.points.tobytes()


def test_maps_are_averaged_over_space(fashion):
    result = convscope.tsne(fashion, "sample:fashion[0-9]", layer="block3_conv1")
    maps = convscope.activations(fashion, "block3_conv1", "sample:fashion[0-9]").maps
    assert np.allclose(result.features, maps.mean(axis=(1, 2)), atol=1e-4)


def test_few_images_are_drawn_by_pca_and_it_says_so(fashion):
    result = convscope.tsne(fashion, "sample:fashion[0-9]")
    assert result.engine.startswith("PCA (10 images")
    expected = principal_axes(result.features).project(result.features)
    assert np.allclose(result.points, expected[:, :2])


def test_too_few_images_and_too_large_perplexities_are_refused(fashion):
    with pytest.raises(ImageError, match="at least 3"):
        convscope.tsne(fashion, "sample:fashion[0-1]")
    with pytest.raises(OptionError, match="needs at least 151 images; received 100"):
        convscope.tsne(fashion, "sample:fashion[0-99]", perplexity=50)


def test_features_pass_through_a_file_and_give_the_same_map(fashion, tmp_path):
    direct = convscope.tsne(fashion, "sample:fashion[0-99]")
    labels = np.array(direct.labels)
    np.savez(tmp_path / "features.npz", features=direct.features, labels=labels, predictions=np.array(direct.predictions))
    again = convscope.tsne(None, [tmp_path / "features.npz", "sample:fashion[0-99]"])
    assert again.points.tobytes() == direct.points.tobytes()
    assert again.labels == direct.labels and again.predictions == direct.predictions
    assert (again.thumbnails == direct.thumbnails).all()
    assert again.provenance.model == {}


def test_a_map_has_neighbours_cells_and_probabilities(fashion):
    result = convscope.tsne(fashion, "sample:fashion[0-59]")
    components = principal_axes(result.features).project(result.features).astype(np.float64)
    distances = np.linalg.norm(components[:, None] - components, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert result.neighbours.shape == (60, 8) and result.neighbours.dtype == np.int32
    found = np.take_along_axis(distances, result.neighbours, axis=1)
    assert np.allclose(found, np.sort(distances, axis=1)[:, :8], rtol=1e-3)
    assert len(np.unique(result.cells, axis=0)) == 60
    assert (result.cells < result.grid).all()
    assert ((result.probabilities > 0.1) & (result.probabilities <= 1)).all()


def test_a_model_has_no_place_beside_features(fashion, tmp_path):
    np.save(tmp_path / "features.npy", np.ones((9, 2), np.float32))
    with pytest.raises(OptionError, match="so a model or layer"):
        convscope.tsne(fashion, tmp_path / "features.npy")
    with pytest.raises(OptionError, match="`dimensions` is 0"):
        convscope.tsne(None, tmp_path / "features.npy", dimensions=0)
    with pytest.raises(OptionError, match="auto, all, seeds"):
        convscope.tsne(None, tmp_path / "features.npy", quality="some")


def test_two_seeds_are_compared_on_request(tmp_path):
    np.save(tmp_path / "features.npy", np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32))
    numbers = convscope.tsne(None, tmp_path / "features.npy", quality="seeds").quality
    assert 0 < numbers["procrustes of two seeds"] <= 1


def layers(*items):
    return convscope.load(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, name="conv"), *items]))


def test_which_layer_is_mapped():
    flat, dense = keras.layers.Flatten(name="flat"), keras.layers.Dense
    hidden = layers(flat, dense(7, activation="relu", name="hidden"), dense(2, activation="softmax", name="out"))
    separate = layers(flat, dense(7, name="hidden"), dense(2, name="logits"), keras.layers.Softmax(name="softmax"))
    single = layers(keras.layers.GlobalAveragePooling2D(name="average"), dense(2, activation="softmax", name="out"))
    encoder = layers(flat, dense(7, name="code"))
    convolutional = layers()
    cases = ((hidden, "hidden"), (separate, "hidden"), (single, "average"), (encoder, "flat"), (convolutional, "conv"))
    assert [feature_call(as_network(bundle).graph, None).address for bundle, _ in cases] == [name for _, name in cases]


def clusters(count=80, width=6):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(count, width)) + 5 * np.eye(width)[np.arange(count) % 3]).astype(np.float32)


def test_an_array_of_features_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "as_bundle", None)  # must not be asked for
    np.save(tmp_path / "features.npy", clusters())
    from_array, from_file = convscope.tsne(None, clusters()), convscope.tsne(None, tmp_path / "features.npy")
    assert from_array.points.tobytes() == from_file.points.tobytes()
    assert from_array.provenance.inputs[0]["given"] is None
    pictured = convscope.tsne(None, [clusters(), "sample:fashion[0-79]"])
    assert pictured.thumbnails.shape == (80, 28, 28, 1) and len(set(pictured.labels)) == 10


def test_equal_features_make_no_map():
    for shape in ((60, 1000), (700, 1000), (60, 10)):
        with pytest.raises(ImageError, match="have the same features"):
            convscope.tsne(None, np.full(shape, 0.1, np.float32))


@pytest.mark.parametrize("factor", [1e-25, 1e25])
def test_very_small_and_very_large_features_make_the_same_map(factor):
    numbers = convscope.tsne(None, clusters() * np.float32(factor)).quality
    assert numbers["knn@10"] == pytest.approx(convscope.tsne(None, clusters()).quality["knn@10"], abs=0.05)


def test_only_a_map_by_tsne_warns_of_it():
    assert CAUTION_TSNE in convscope.tsne(None, clusters()).notes
    assert CAUTION_TSNE not in convscope.tsne(None, clusters(20)).notes


def test_the_divergence_is_kept():
    assert 0 < convscope.tsne(None, clusters()).quality["kl"] < 2
    assert "kl" not in convscope.tsne(None, clusters(20)).quality


def test_ctrl_c_during_the_second_seed_keeps_the_first(monkeypatch):
    whole = convscope.tsne(None, clusters())
    lay_out = embedding.lay_out

    def second_ends(components, found, settings):
        layout = lay_out(components, found, settings)
        return layout if settings.seed == 0 else replace(layout, interrupted=True)

    def second_never_begins(components, found, settings):
        if settings.seed:
            raise KeyboardInterrupt
        return lay_out(components, found, settings)

    for ended in (second_ends, second_never_begins):
        monkeypatch.setattr(embedding, "lay_out", ended)
        result = convscope.tsne(None, clusters(), quality="seeds")
        assert result.interrupted and "procrustes of two seeds" not in result.quality
        assert result.points.tobytes() == whole.points.tobytes()


def test_a_map_without_an_unreadable_picture_is_made_again_to_the_byte(fashion, tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for index in range(4):
        Image.new("L", (28, 28), 60 * index).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "photos" / "2.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    result = convscope.tsne("fashion", "photos")
    assert result.notes[-1] == "1 image could not be read and was skipped: 2.png."
    result.save("map.png")
    assert same_bytes(convscope.replay("map.png"), "map.png")


def test_theme_and_colour_are_of_the_map_and_come_back(fashion, tmp_path):
    result = convscope.tsne("fashion", "sample:fashion[0-29]", theme="dark", colour="prediction")
    plain = convscope.tsne("fashion", "sample:fashion[0-29]")
    result.save(tmp_path / "dark.png")
    assert result.picture().getpixel((1, 1)) < (60, 60, 60) < plain.picture().getpixel((1, 1))
    assert same_bytes(convscope.replay(tmp_path / "dark.png"), tmp_path / "dark.png")
    swapped = replace(plain, colour="prediction", predictions=plain.labels, labels=plain.predictions)
    assert swapped.picture().tobytes() != replace(swapped, colour="label").picture().tobytes()
    with pytest.raises(OptionError, match="No theme `blue`. Choose one of light, dark"):
        convscope.tsne(None, clusters(), theme="blue")
    with pytest.raises(OptionError, match="no predictions"):
        convscope.tsne(None, clusters(), colour="prediction")


def test_fewer_than_three_features_are_said(tmp_path):
    np.save(tmp_path / "features.npy", np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32))
    assert any("only one feature" in note for note in convscope.tsne(None, tmp_path / "features.npy").notes)
    found = convscope.tsne(layers(keras.layers.Dense(2)), np.random.default_rng(0).random((60, 8, 8, 1), np.float32), layer="conv")
    assert not any("only" in note for note in found.notes)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_said_and_not_called_equal(tmp_path, value):
    values = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    values[[7, 9], 1] = value
    np.save(tmp_path / "features.npy", values)
    with pytest.raises(ImageError, match=r"2 of the 60 images are NaN or infinite, first those of `features\[7\]`"):
        convscope.tsne(None, tmp_path / "features.npy")


NUMBERS = (float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, -0.0, 0.5, -1, 10**400, -(10**400), True, "3", b"3", [3], 1j)


@pytest.mark.parametrize("option", ["perplexity", "exaggeration", "dimensions", "seed"])
@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: f"{type(value).__name__} {str(value)[:8]}")
def test_a_number_outside_an_options_sense_is_one_sentence(option, value):
    with pytest.raises(OptionError) as raised:
        convscope.tsne(None, np.random.default_rng(0).random((20, 3)), **{option: value})
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300
