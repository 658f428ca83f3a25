"""The engines behind one function."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import convscope
from convscope.embedding import engines, packages
from convscope.embedding.engines import lay_out, settle
from convscope.embedding.neighbours import nearest
from convscope.embedding.quality import quality
from convscope.errors import ImageError, OptionError

LABELS = np.repeat([0, 1, 2], 60)
POINTS = (np.random.default_rng(0).normal(size=(180, 8)) + 12 * np.eye(8)[LABELS]).astype(np.float32)
NAMES = {"sklearnex": "scikit-learn-intelex", "openTSNE": "openTSNE", "sklearn": "scikit-learn"}


def laid(engine, points=POINTS, **asked):
    return lay_out(points, nearest(points, 45), settle(len(points), engine=engine, **{"perplexity": 15} | asked))


@pytest.mark.parametrize("engine", NAMES)
def test_engines_separate_clusters(engine):
    pytest.importorskip(engine)
    with threadpool_limits(1):  # threads that wait for one another cost scikit-learn a minute on a busy machine
        layout = laid(engine)
    assert quality(POINTS, layout.points, nearest(POINTS, 10), LABELS, 0)["label knn@10"] == 1.0
    assert layout.engine.startswith(NAMES[engine] + " ")
    assert "perplexity 15" in layout.engine and not layout.interrupted


def test_without_its_descent_intelex_is_used_by_its_class(monkeypatch):
    pytest.importorskip("sklearnex")
    monkeypatch.setattr(packages, "can_descend", lambda: False)
    layout = laid("sklearnex")
    assert quality(POINTS, layout.points, nearest(POINTS, 10), LABELS, 0)["label knn@10"] == 1.0
    assert layout.engine.startswith("scikit-learn-intelex")


def test_a_descent_that_takes_something_else_is_done_without(monkeypatch):
    pytest.importorskip("daal4py")

    def refuse(*given, **named):
        raise TypeError("takes 7 positional arguments")

    monkeypatch.setattr(packages, "descend", refuse)
    layout = laid("sklearnex", exaggeration=2)
    assert np.isfinite(layout.points).all() and "exaggeration" not in layout.engine


def test_a_fall_back_is_said(monkeypatch):
    pytest.importorskip("sklearnex")
    from sklearnex.manifold import TSNE

    fit = TSNE.fit_transform
    monkeypatch.setattr(TSNE, "fit_transform", lambda self, values: fit(self.set_params(method="exact", max_iter=250), values))
    _, name = packages.sklearnex_tsne(POINTS[:60], POINTS[:60, :2] * 1e-4, 5, 0)
    assert "fell back" in name


@pytest.mark.parametrize("engine", ["sklearnex", "openTSNE"])
def test_ctrl_c_keeps_the_map_that_was_reached(engine, monkeypatch):
    pytest.importorskip(engine)
    strides = iter(range(3))

    def until_two(items, label):
        del items, label
        for number in strides:
            if number == 2:
                raise KeyboardInterrupt
            yield number

    monkeypatch.setattr(engines, "track", until_two)
    layout = laid(engine)
    assert layout.interrupted
    assert np.isfinite(layout.points).all() and layout.points.std() > 1e-3


def test_maps_that_fill_the_plane_stay_whole():
    pytest.importorskip("daal4py")
    # 2,000 points spread evenly hold more cells than daal4py's tree has room for; without its guard this ends the process.
    even = np.stack(np.meshgrid(np.arange(64), np.arange(64)), axis=-1).reshape(-1, 2).astype(np.float32)
    assert packages._top_cells(even) == 1365
    drawn = engines.affinities(nearest(even, 15), 5)
    reached = even
    for _ in range(3):
        reached = packages.descend(drawn, reached, 10, 50.0)
    assert reached.shape == even.shape and np.isfinite(reached).all()


def test_equal_images_lie_together():
    points = laid(settle(360).engine, np.concatenate([POINTS, POINTS])).points
    assert np.linalg.norm(points[:180] - points[180:], axis=1).max() < 0.05 * points.std()


def test_exaggeration_draws_clusters_together():
    pytest.importorskip("sklearnex")
    sizes = []
    for exaggeration in (1, 4):
        points = laid("sklearnex", exaggeration=exaggeration).points
        within = np.mean([points[one == LABELS].std(axis=0).mean() for one in range(3)])  # of each axis, or where a cluster lies counts
        sizes.append(within / points.std())
    assert sizes[1] < 0.5 * sizes[0]


def test_defaults_follow_from_the_number_of_images():
    assert [settle(count).perplexity for count in (31, 1000, 60_000)] == [10, 30, 15]
    assert settle(60_000).exaggeration == 1
    assert settle(200_000, engine="sklearn").exaggeration == 1


def test_what_makes_no_map_is_refused(monkeypatch):
    with pytest.raises(ImageError, match="at least 3"):
        settle(2)
    with pytest.raises(OptionError, match="needs at least 151 images"):
        settle(100, perplexity=50)
    with pytest.raises(OptionError, match="no late exaggeration"):
        settle(100, exaggeration=2, engine="sklearn")
    monkeypatch.setattr(packages, "installed", lambda name: name == "sklearn")
    with pytest.raises(OptionError, match="not installed"):
        settle(100, engine="openTSNE")
    assert settle(100).engine == "sklearn"


def test_impossible_numbers_are_refused_in_words_that_agree():
    with pytest.raises(OptionError, match="needs at least 102 images; received 100"):
        settle(100, perplexity=33.5)
    with pytest.raises(OptionError, match="needs at least 4 images; received 3. Leave it out"):
        settle(3, perplexity=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "x"},
        {"exaggeration": 0.5},
        {"exaggeration": 12.5},
        {"seed": -1},
        {"seed": 2**32},
        *({"perplexity": value} for value in (np.nan, np.inf, -3.0)),
    ],
)
def test_each_value_is_checked_before_anything_is_read(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(OptionError, match=f"{name}.*{value}"):
        convscope.tsne(None, "absent.npy", **wrong)
