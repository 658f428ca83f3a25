"""All that is known of one unit: every number is that of brute force."""

import importlib

import numpy as np
import pytest

import convscope
from convscope.errors import ModelError, OptionError, UnitError
from convscope.portraits.dossier import NATURAL, pages
from convscope.render.dossier import draw
from convscope.replaying import replay, same_bytes
from convscope.requests import Finished, Request
from convscope.results import UnitTrust
from convscope.results.trust import CURVES, NUMBERS

dossier_module = importlib.import_module("convscope.portraits.dossier")

IMAGES = "sample:fashion[0-119]"
UNIT = "block3_conv1:5"


@pytest.fixture(scope="module")
def found(fashion, run):
    return convscope.dossier(fashion, UNIT, run=run, steps=4, size=28, seed=3, precision="float32")


@pytest.fixture(scope="module")
def maxima():
    return convscope.activations("fashion", "block3_conv1", IMAGES).maps[..., 5].max(axis=(1, 2))


def test_the_patches_are_those_of_top_with_projections_both_ways(fashion, run, found):
    with_switches, without = (convscope.top(run, "block3_conv1:5", switches=one) for one in ("switches", "spread"))
    assert np.array_equal(found.patches.pixels, with_switches.patches[0].pixels)
    assert np.array_equal(found.patches.projections, with_switches.patches[0].projections)
    # Without switches the image gives a signal its size alone: here it comes down once for several places, which rounds otherwise.
    assert np.abs(found.spread - without.patches[0].projections).max() <= 1e-6 * np.abs(found.spread).max()
    assert np.abs(found.spread - found.patches.projections).max() > 0


def test_the_synthetic_image_is_that_of_ascend_with_its_score(fashion, run, found):
    real = np.stack([run.picture(int(image)) for image in found.patches.images])
    climbed = convscope.ascend(fashion, UNIT, steps=4, size=28, seed=3, precision="float32", real=real)
    assert np.array_equal(found.synthetic, climbed.images[0]) and found.score == climbed.scores[0]
    again = convscope.activations(fashion, "block3_conv1", found.synthetic[np.newaxis])
    assert np.array_equal(again.images[0], found.synthetic)
    assert found.score == pytest.approx(again.maps[..., 5].max(), rel=1e-5)


def test_the_percentile_is_that_of_brute_force(fashion, run, found, maxima):
    assert found.percentile == pytest.approx(100 * (maxima < found.score).mean(), abs=2)
    assert found.percentile == run.percentile(UNIT, found.score)


def test_the_distribution_is_that_of_brute_force(run, found, maxima):
    fired = maxima[maxima > 0]
    assert found.fires == pytest.approx((maxima > 0).mean()) and found.images == 120
    assert np.array_equal(found.counts, np.histogram(fired.astype(np.float64), found.edges)[0])
    assert found.counts.sum() == len(fired)
    for name, share in (("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)):
        assert found.quantiles[name] == pytest.approx(np.quantile(maxima, share, method="inverted_cdf"), rel=1 / 31)


def test_the_classes_are_those_of_the_images(run, found, maxima):
    labels = np.asarray([run.label(image) for image in range(120)])
    for name in run.classes:
        assert found.class_means[name] == pytest.approx(maxima[labels == name].mean(), abs=1e-4)
    strongest = labels[found.patches.images]
    assert found.class_top == {name: pytest.approx((strongest == name).mean()) for name in set(strongest)}


def test_field_and_example(fashion, run, found):
    assert found.field == (24, 24)
    assert np.array_equal(found.example, run.picture(int(found.patches.images[0])))
    whole = convscope.dossier(fashion, "predictions:Bag", run=run, steps=2, precision="float32")
    assert whole.field is None and whole.patches.pixels.shape[1:3] == (28, 28)
    assert whole.legend(whole.unit) == "predictions:8 (Bag)"
    assert whole.edges[0] < 0 and whole.counts.sum() == 120  # scores are signed: all images are in the histogram


def test_what_is_to_be_said_honestly_is_said(found):
    assert NATURAL in found.notes and any("Nie et al. 2018" in note for note in found.notes)


def test_a_silent_unit_is_said_to_be_silent(fashion, run, tmp_path):
    channel = int(np.flatnonzero(run.units("dense1").fires == 0)[0])
    found = convscope.dossier(fashion, f"dense1:{channel}", run=run, steps=2, precision="float32")
    assert found.patches.count == 0 and found.fires == 0 and found.summary()["silent"]
    assert not any("deconvnet" in note for note in found.notes)
    found.save(tmp_path / "silent")
    page = (tmp_path / "silent" / "dossier.html").read_text()
    assert "silent: fires on none of the 120 images" in page and page.count("<img") == 1


def test_it_is_written_as_picture_and_page_and_made_again_to_the_byte(run, found, tmp_path):
    written = found.save(tmp_path / "dossier", raw=True)
    assert [path.name for path in written] == ["dossier.png", "dossier.json", "dossier.html", "dossier.npz"]
    again = replay(tmp_path / "dossier" / "dossier.png", allow=run.path)
    assert same_bytes(again, tmp_path / "dossier" / "dossier.png")
    again.save(tmp_path / "again")
    assert (tmp_path / "again" / "dossier.html").read_bytes() == (tmp_path / "dossier" / "dossier.html").read_bytes()
    with np.load(tmp_path / "dossier" / "dossier.npz") as arrays:
        assert np.array_equal(arrays["spread"], found.spread) and np.array_equal(arrays["pixels"], found.patches.pixels)


def test_how_far_it_can_be_trusted_is_shown_where_it_was_measured(fashion, run, found, tmp_path, monkeypatch):
    assert found.trust is None and "convscope.trust(run" in found.remarks()[0] and found.summary()["trust"] is None
    numbers = dict.fromkeys(NUMBERS, 0.5) | {"places": 3.0}
    curves = {name: np.linspace(0, 1, 2).astype("float32") for name in CURVES}
    kept = {"unit": found.unit, "layers": ("first", "second"), "numbers": numbers, "curves": curves, "synthetic": "best", "effort": "unit"}
    monkeypatch.setattr(type(run), "trust", lambda self, layer, channels: (UnitTrust(**kept),))
    trusted = convscope.dossier(fashion, UNIT, run=run, steps=1, size=28, precision="float32")
    assert trusted.trust.unit == found.unit and trusted.remarks() == () and len(trusted.provenance.inputs) == 2
    trusted.save(tmp_path / "dossier")
    page = (tmp_path / "dossier" / "dossier.html").read_text("utf-8")
    assert "How far these pictures can be trusted" in page and page.count('class="histogram curves"') == 2
    assert page.count('<div><svg class="histogram curves"') == 2  # a panel has one cell below its caption: curves and legend share it
    assert page.count('class="word') == len(trusted.trust.figures()) == 11
    heights = [next(iter(draw(one).values())).height for one in (found, trusted)]
    assert heights[1] > heights[0] + 300


def test_several_are_divided_one_unit_each(fashion, run):
    parts = pages(fashion, ["block3_conv1:5-6", "dense1:1"], run=str(run.path), steps=2).results
    assert list(parts) == ["block3_conv1-5", "block3_conv1-6", "dense1-1"]
    assert [str(part.args[1]) for part in parts.values()] == ["block3_conv1:5", "block3_conv1:6", "dense1:1"]
    assert {part.keywords["options"].steps for part in parts.values()} == {2}
    assert all(len({id(part.keywords[name]) for part in parts.values()}) == 1 for name in ("run", "climbs"))
    assert pages(fashion, ["predictions:Bag"], run=run).write is None
    assert [str(part.args[1]) for part in pages(run, "predictions").results.values()] == [f"predictions:{channel}" for channel in range(10)]


@pytest.mark.parametrize(
    ("unit", "more", "error", "said"),
    [
        ("block1_conv2:1", {}, UnitError, "`block1_conv2` was not measured in the run"),
        ("block3_conv1:0-1", {}, UnitError, "A dossier shows one unit, but `block3_conv1:0-1` names 2"),
        ("block3_conv1:128", {}, UnitError, "received channel 128"),
        ("block3_conv1:5@1,2", {}, UnitError, "one position of a unit"),
        ("block3_conv1:5", {"theme": "pink"}, OptionError, "No theme `pink`"),
        ("block3_conv1:5", {"seed": -1}, OptionError, "`seed` is -1"),
    ],
)
def test_what_makes_no_sense_is_said(fashion, run, unit, more, error, said):
    with pytest.raises(error, match=said):
        convscope.dossier(fashion, unit, run=run, **more)


def test_another_model_is_refused(run):
    from networks import small

    with pytest.raises(ModelError, match="its digest"):
        convscope.dossier(convscope.load(small(side=28, channels=1)), UNIT, run=run)


@pytest.mark.long
@pytest.mark.once
def test_dossiers_of_a_request_are_those_of_their_units_and_resume(fashion, run, tmp_path, monkeypatch):
    options = {"run": run, "steps": 4, "size": 28, "precision": "float32"}
    request = Request(dossier_module.METHOD, ("block3_conv1:5-6",), options, fashion)
    made, own = [], dossier_module.portraits_of

    def until_the_second(*given, **more):
        if made:
            raise KeyboardInterrupt
        made.append(given[3])
        yield from own(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(dossier_module, "portraits_of", until_the_second)
        assert [*request.write(tmp_path, folder=tmp_path)][-1] == Finished(True, 1, 0, tmp_path / "index.html")
    assert [*request.write(tmp_path, folder=tmp_path)][-1] == Finished(False, 1, 1, tmp_path / "index.html")
    assert same_bytes(convscope.dossier(fashion, "block3_conv1:6", **options), tmp_path / "block3_conv1-6.png")
    page = (tmp_path / "index.html").read_text()
    assert all(f'href="./block3_conv1-{channel}.html"' in page for channel in (5, 6))
    (tmp_path / "block3_conv1-6.html").unlink()
    assert [*request.write(tmp_path, folder=tmp_path)][-1].kept == 1
