"""The sample of a run: which images, and their values; the same however the scan went."""

import contextlib
import hashlib
import shutil
from pathlib import Path

import arithmetic
import numpy as np
import pytest

import convscope
from convscope.engines import Serial
from convscope.errors import ImageError, OptionError
from convscope.formats.sample_file import packed, unpacked
from convscope.images import as_image_set
from convscope.scanning import open_run, sample
from convscope.scanning.completion import complete_run
from convscope.scanning.shards import SHARD

pytestmark = pytest.mark.once
COUNT = 4 * SHARD + 88
GOLDEN = Path(__file__).parents[1] / "golden" / "run"


@pytest.fixture
def few(monkeypatch):
    """Let a sample hold 100 images."""
    monkeypatch.setattr(sample, "MOST_SAMPLED", 100)


def chosen(names, most):
    return sorted(
        sorted(range(len(names)), key=lambda image: (hashlib.blake2b(names[image].encode(), digest_size=16).digest(), image))[:most]
    )


def values_of(count):
    measure, pictures = arithmetic.Arithmetic(), arithmetic.pictures(count).astype(np.float32) / 255
    batches = np.zeros((-(-count // arithmetic.BATCH) * arithmetic.BATCH, *pictures.shape[1:]), np.float32)
    batches[:count] = pictures
    return np.concatenate([measure(one).values for one in batches.reshape(-1, arithmetic.BATCH, *pictures.shape[1:])])[:count]


def whole(run):
    return np.concatenate([run.sample(layer) for layer in run.layers], axis=1)


def test_it_holds_what_ranks_all_units_on_the_images_with_the_smallest_hashes(tmp_path, few):
    arithmetic.scan(tmp_path / "run", COUNT)
    run = open_run(tmp_path / "run")
    names = list(run.images.texts["name"])
    assert run.has_sample and run.sample_images.tolist() == chosen(names, 100)
    assert np.array_equal(whole(run), unpacked(packed(values_of(COUNT)[run.sample_images])))
    assert np.array_equal(run.sample("maps:3,1"), run.sample("maps")[:, [3, 1]])
    raw = np.load(tmp_path / "run" / "sample.npy")
    assert np.array_equal((raw.astype("<u4") << 16).view("<f4"), whole(run))


def test_a_small_set_is_kept_whole(tmp_path):
    arithmetic.scan(tmp_path / "run", 40)
    run = open_run(tmp_path / "run")
    assert run.sample_images.tolist() == list(range(40)) and run.sample("sums").shape == (40, 3)


@pytest.mark.parametrize("before", [60, 100, SHARD + 7])
def test_images_that_are_added_displace_others_and_the_end_is_that_of_all_at_once(tmp_path, few, before):
    arithmetic.scan(tmp_path / "once", COUNT)
    arithmetic.scan(tmp_path / "run", before)
    first = whole(open_run(tmp_path / "run"))
    stopping = arithmetic.Stopping(2)
    arithmetic.scan(tmp_path / "run", COUNT, engine=stopping, function=arithmetic.here)
    halfway = open_run(tmp_path / "run")
    reached = np.isin(chosen(list(as_names(COUNT)), 100), halfway.ids)
    assert halfway.sample_images.tolist() == np.asarray(chosen(list(as_names(COUNT)), 100))[reached].tolist()
    assert np.array_equal(whole(halfway), unpacked(packed(values_of(COUNT)[halfway.sample_images])))
    arithmetic.scan(tmp_path / "run", COUNT)
    assert arithmetic.result(tmp_path / "run") == arithmetic.result(tmp_path / "once") and len(first)


KEEP = arithmetic.SETTINGS | {"keep_maxima": True}


def keeping(run, count, **more):
    complete_run(Path(run), as_image_set(arithmetic.pictures(count)), arithmetic.Arithmetic(), dict(KEEP), **more)


def test_all_maxima_are_kept_on_request_and_the_sample_stays_what_it_would_be(tmp_path, few):
    arithmetic.scan(tmp_path / "without", COUNT)
    keeping(tmp_path / "run", COUNT)
    run, without = open_run(tmp_path / "run"), open_run(tmp_path / "without")
    assert run.maxima_images.tolist() == list(range(COUNT)) and run.sample_images.tolist() == without.sample_images.tolist()
    every = np.concatenate([run.maxima(layer) for layer in run.layers], axis=1)
    assert np.array_equal(every, unpacked(packed(values_of(COUNT)))) and np.array_equal(whole(run), whole(without))
    assert np.array_equal(without.maxima("maps"), without.sample("maps"))
    others = [name for name in arithmetic.RESULT if name not in ("images.parquet", "sample.npy", "manifest.json")]
    assert all((run.path / name).read_bytes() == (without.path / name).read_bytes() for name in others)


@pytest.mark.parametrize("after", [1, 3])
def test_a_finished_run_gets_all_maxima_later_and_an_interruption_leaves_its_sample(tmp_path, few, after):
    keeping(tmp_path / "once", COUNT)
    arithmetic.scan(tmp_path / "run", COUNT)
    sample_before = whole(open_run(tmp_path / "run"))
    keeping(tmp_path / "run", COUNT, engine=arithmetic.Stopping(after), function=arithmetic.here)
    halfway = open_run(tmp_path / "run")
    assert np.array_equal(whole(halfway), sample_before) and 100 < len(halfway.maxima_images) < COUNT
    watched = arithmetic.Watched()
    arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=watched)  # whoever begins to keep them goes on
    assert arithmetic.result(tmp_path / "run") == arithmetic.result(tmp_path / "once")
    assert sum(end - first for first, end in watched.spans) < COUNT


def test_a_killed_scan_that_keeps_all_maxima_ends_as_one_that_was_not(tmp_path, few):
    keeping(tmp_path / "once", COUNT)
    with pytest.raises(Died):
        keeping(tmp_path / "run", COUNT, engine=arithmetic.Stopping(2, Died), function=arithmetic.here)
    arithmetic.scan(tmp_path / "run", COUNT)
    assert arithmetic.result(tmp_path / "run") == arithmetic.result(tmp_path / "once")


def test_the_weakest_images_of_a_unit_are_those_of_a_sort_and_ties_are_counted(tmp_path, few):
    arithmetic.scan(tmp_path / "run", COUNT)
    run = open_run(tmp_path / "run")
    values, found = run.maxima("maps"), run.weakest("maps", count=7)
    hashes = [hashlib.blake2b(run.name(image).encode(), digest_size=16).digest() for image in run.maxima_images]
    for unit in range(5):
        order = sorted(range(100), key=lambda place: (values[place, unit], hashes[place]))[:7]
        assert found.images[unit].tolist() == run.maxima_images[order].tolist()
        assert found.values[unit].tolist() == values[order, unit].tolist()
        assert found.ties[unit].tolist() == [(values[:, unit] == value).sum() for value in values[order, unit]]
    assert found.ties[3].tolist() == [100] * 7  # the unit that is 0 everywhere
    assert found.said(3) == "100 of 100 images tie at 0. Those shown are the first by the hash of their names."
    few_rows = run.weakest("maps:3,1", count=200)
    assert few_rows.images.shape == (2, 200) and (few_rows.images[:, 100:] == -1).all() and np.isnan(few_rows.values[:, 100:]).all()
    assert few_rows.to_table().num_rows == 200
    with pytest.raises(OptionError, match="Received a count of 0 images"):
        run.weakest("maps", count=0)


def test_weakest_images_without_a_tie_say_nothing_and_values_that_are_not_finite_do_not_count():
    from convscope.scanning.unit_tables import WeakestUnits

    one = WeakestUnits(
        "layer", np.arange(1), np.asarray([[3, 1]]), np.asarray([[0.1, 0.5]], np.float32), np.asarray([[1, 1]]), np.asarray([2])
    )
    assert one.said(0) == ""
    shown = WeakestUnits("layer", np.arange(1), np.asarray([[3, 1]]), np.zeros((1, 2), np.float32), np.asarray([[2, 2]]), np.asarray([9]))
    assert shown.said(0) == "2 of 9 images tie at 0."


class Died(Exception):
    """What ends a scan in the middle."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_while_rows_are_put_in_order_costs_no_more_than_measuring_them_again(tmp_path, few, monkeypatch, when):
    arithmetic.scan(tmp_path / "once", COUNT)
    arithmetic.scan(tmp_path / "run", SHARD)
    original = sample.replacing

    @contextlib.contextmanager
    def dying(path):
        with original(path) as file:
            yield file
            if when == "before":
                raise Died
        raise Died

    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr(sample, "replacing", dying)
        arithmetic.scan(tmp_path / "run", COUNT)
    arithmetic.scan(tmp_path / "run", COUNT)
    assert arithmetic.result(tmp_path / "run") == arithmetic.result(tmp_path / "once")


def as_names(count):
    return (one.name for one in as_image_set(arithmetic.pictures(count)).sources)


def test_a_run_stays_readable_while_images_are_added(tmp_path, few):
    arithmetic.scan(tmp_path / "run", SHARD)
    before = open_run(tmp_path / "run")

    class Read(Serial):
        def map(self, function, shards):
            for shard in shards:
                yield function(shard)
                assert np.array_equal(whole(open_run(before.path)), unpacked(packed(values_of(SHARD)[before.sample_images])))

    arithmetic.scan(tmp_path / "run", COUNT, engine=Read(), function=arithmetic.here)


def without_a_sample(run, count):
    """Make a run as a release before the sample left it."""
    arithmetic.scan(run, count)
    (run / "sample.npy").unlink()
    (run / "shards" / "sample.bin").unlink()


def test_an_older_run_gets_one_by_the_same_scan_which_measures_only_batches_that_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "MOST_SAMPLED", 5)
    arithmetic.scan(tmp_path / "once", COUNT)
    without_a_sample(tmp_path / "run", COUNT)
    watched = arithmetic.Watched()
    arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=watched)
    assert arithmetic.result(tmp_path / "run") == arithmetic.result(tmp_path / "once")
    batches = {image // arithmetic.BATCH for image in open_run(tmp_path / "run").sample_images}
    assert sum(end - first for first, end in watched.spans) <= len(batches) * arithmetic.BATCH


def test_the_golden_run_has_none_says_so_and_gets_one(tmp_path):
    run = convscope.open_run(GOLDEN)
    assert not run.has_sample
    with pytest.raises(OptionError, match=r"holds no sample of values.*Repeat the scan command"):
        run.sample("dense1")
    if run.manifest["backend"]["name"] != convscope.backend.choose():
        pytest.skip("the golden run was made on TensorFlow")
    shutil.copytree(GOLDEN, tmp_path / "run")
    run = convscope.scan(
        "fashion", "sample:fashion[0-11]", layers=["block1_conv1", "dense1"], top=3, precision="float32", out=tmp_path / "run"
    )
    assert run.sample_images.tolist() == list(range(12))
    for layer in run.layers:
        assert np.allclose(run.sample(layer).max(axis=0), run.units(layer).largest, rtol=2**-8)


def test_pictures_that_have_changed_complete_no_sample(tmp_path):
    without_a_sample(tmp_path / "run", 40)
    pictures = arithmetic.pictures(40)
    pictures[1] = 255 - pictures[1]  # not one of those that every scan looks at again
    with pytest.raises(ImageError, match=r"\[1\]` has changed since the run.*lacks the image's values in its sample"):
        complete_run(tmp_path / "run", as_image_set(pictures), arithmetic.Arithmetic(), arithmetic.SETTINGS)


def test_an_interrupt_before_the_sample_is_whole_leaves_a_run_without(tmp_path):
    without_a_sample(tmp_path / "run", COUNT)
    arithmetic.scan(tmp_path / "run", COUNT, engine=arithmetic.Stopping(1), function=arithmetic.here)
    run = open_run(tmp_path / "run")
    assert run.complete and not run.has_sample and run.top("maps").images.shape == (5, arithmetic.TOP)


def test_rows_that_are_damaged_are_measured_again(tmp_path, few):
    arithmetic.scan(tmp_path / "run", COUNT)
    expected = arithmetic.result(tmp_path / "run")
    path = tmp_path / "run" / "sample.npy"
    data = bytearray(path.read_bytes())
    data[128 + 16 * 30] ^= 1
    path.write_bytes(data)
    watched = arithmetic.Watched()
    arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=watched)
    assert (
        arithmetic.result(tmp_path / "run") == expected
        and len(watched.spans) == 1
        and watched.spans[0][1] - watched.spans[0][0] <= arithmetic.BATCH
    )


def test_images_that_cannot_be_read_are_not_in_it(tmp_path):
    from PIL import Image

    photos = tmp_path / "photos"
    photos.mkdir()
    for number, picture in enumerate(arithmetic.pictures(4)):
        Image.fromarray(picture[..., 0]).save(photos / f"{number}.png")
    (photos / "1.png").write_bytes(b"no picture")
    complete_run(tmp_path / "run", as_image_set(photos), arithmetic.Arithmetic(), arithmetic.SETTINGS)
    run = open_run(tmp_path / "run")
    assert run.sample_images.tolist() == [0, 2, 3] and np.isfinite(run.sample("maps")).all()
