"""The map of images."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ImageError, OptionError
from convscope.graph.addresses import graph_of
from convscope.methods.embedding.engines import lay_out, principal_components, quality
from convscope.methods.embedding.features import feature_call


@pytest.fixture(scope="module")
def fashion():
    return convscope.load("fashion")


def test_the_embedded_images_make_a_map_of_ten_classes(fashion):
    result = convscope.embed(fashion, "sample:fashion")
    assert result.points.shape == (2000, 2)
    assert result.features.shape == (2000, 128)
    assert result.layer == "dense1"
    assert len(set(result.labels)) == 10
    assert result.quality["label knn@10"] > 0.85
    agreement = np.mean([a == b for a, b in zip(result.labels, result.predictions, strict=True)])
    assert agreement > 0.92


def test_features_are_the_layers_output(fashion):
    result = convscope.embed(fashion, "sample:fashion[0-59]")
    direct = convscope.activations(fashion, "dense1", "sample:fashion[0-59]").maps
    assert np.allclose(result.features, direct, atol=1e-4)


def test_the_same_seed_gives_the_same_map(fashion):
    first, second = (convscope.embed(fashion, "sample:fashion[0-119]", seed=5) for _ in range(2))
    assert first.points.tobytes() == second.points.tobytes()


def test_maps_are_averaged_over_space(fashion):
    result = convscope.embed(fashion, "sample:fashion[0-9]", layer="block3_conv1")
    maps = convscope.activations(fashion, "block3_conv1", "sample:fashion[0-9]").maps
    assert np.allclose(result.features, maps.mean(axis=(1, 2)), atol=1e-4)


def test_few_images_are_drawn_by_pca_and_it_says_so(fashion):
    result = convscope.embed(fashion, "sample:fashion[0-9]")
    assert result.engine.startswith("PCA (10 images")
    expected, _ = principal_components(result.features)
    assert np.allclose(result.points, expected[:, :2])


def test_too_few_images_and_too_large_perplexities_are_refused(fashion):
    with pytest.raises(ImageError, match="at least 3"):
        convscope.embed(fashion, "sample:fashion[0-1]")
    with pytest.raises(OptionError, match="needs at least 151 images; received 100"):
        convscope.embed(fashion, "sample:fashion[0-99]", perplexity=50)


def test_principal_components_equal_the_singular_values():
    features = np.random.default_rng(0).normal(size=(40, 12)).astype(np.float32) * np.arange(1, 13, dtype=np.float32)
    found, share = principal_components(features, 5)
    left, values, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    assert np.allclose(np.abs(found), np.abs(left[:, :5] * values[:5]), atol=1e-2)
    assert share == pytest.approx((values[:5] ** 2).sum() / (values**2).sum(), abs=1e-5)


@pytest.mark.parametrize("engine", ["sklearnex", "sklearn"])
def test_engines_separate_clusters(engine):
    pytest.importorskip(engine)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 60)
    points = (rng.normal(size=(180, 8)) + 12 * np.eye(8)[labels]).astype(np.float32)
    layout = lay_out(points, 0, 15, engine)
    assert quality(points, layout.points, labels, 0)["label knn@10"] == 1.0
    assert engine.removesuffix("ex") in layout.engine.replace("scikit-learn", "sklearn")


def test_quality_of_the_identity_is_perfect():
    points = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    numbers = quality(points, points, None, 0)
    assert numbers["knn@10"] == 1.0
    assert numbers["trustworthiness"] == pytest.approx(1.0)


def layers(*items):
    return convscope.load(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, name="conv"), *items]))


def test_which_layer_is_mapped():
    flat, dense = keras.layers.Flatten(name="flat"), keras.layers.Dense
    hidden = layers(flat, dense(7, activation="relu", name="hidden"), dense(2, activation="softmax", name="out"))
    separate = layers(flat, dense(7, name="hidden"), dense(2, name="logits"), keras.layers.Softmax(name="softmax"))
    single = layers(keras.layers.GlobalAveragePooling2D(name="average"), dense(2, activation="softmax", name="out"))
    encoder = layers(flat, dense(7, name="code"))
    convolutional = layers()
    cases = ((hidden, "hidden"), (separate, "hidden"), (single, "average"), (encoder, "code"), (convolutional, "conv"))
    assert [feature_call(graph_of(bundle), None).address for bundle, _ in cases] == [name for _, name in cases]
