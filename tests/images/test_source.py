"""Sources are small records: read from threads, sent to processes, a hundred thousand at once."""

import builtins
import errno
import multiprocessing
import pickle
import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from convscope.errors import ImageError, UnreachableError
from convscope.images import Fit, as_image_set, entering, pictures, tars
from convscope.images.source import ArraySource, FileSource

from .test_archives import NAMES, encoded, packed


@pytest.fixture(params=["folder", "list", "zip", "tar", "tar.gz", "npy", "npz"])
def sources(request, tmp_path):
    if request.param in ("npy", "npz"):
        images = np.random.default_rng(0).integers(0, 256, (40, 8, 9, 3), dtype=np.uint8)
        path = tmp_path / f"set.{request.param}"
        np.save(path, images) if request.param == "npy" else np.savez(path, images=images)
        return as_image_set(path).sources
    if request.param in ("folder", "list"):
        for number in range(40):
            (tmp_path / f"{number}.png").write_bytes(encoded(number))
        (tmp_path / "list.csv").write_text("".join(f"{number}.png\n" for number in range(40)))
        return as_image_set(tmp_path if request.param == "folder" else tmp_path / "list.csv").sources
    return as_image_set(packed(tmp_path / f"set.{request.param}", [(f"{number}.png", encoded(number)) for number in range(40)])).sources


def digest_of(source):
    return source.read()[1]


def test_sources_are_read_from_several_threads_at_once(sources):
    alone = [digest_of(source) for source in sources]
    assert len(set(alone)) == 40
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(digest_of, sources)) == alone
        assert list(pool.map(digest_of, sources[::-1])) == alone[::-1]


def test_sources_travel_by_pickle_and_stay_small(sources):
    for source in sources:
        sent = pickle.dumps(source)
        assert len(sent) < 1000
        again = pickle.loads(sent)
        assert (again.name, again.label, again.explicit, again.is_array) == (source.name, source.label, source.explicit, source.is_array)
        assert again.read()[1] == source.read()[1]


def raised(source):
    with pytest.raises(ImageError) as found:
        entering(source, Fit(3, (8, 8)))
    return found.type


def test_what_is_away_is_unreachable_and_what_is_damaged_is_not(sources, tmp_path):
    source = sources[-1]
    if source.is_array:
        pytest.skip("an array stays open")
    away = [(path, path.rename(path.with_suffix(".away"))) for path in tmp_path.iterdir()]
    assert raised(source) is UnreachableError
    for path, there in away:
        there.rename(path)
    entering(source, Fit(3, (8, 8)))
    for path in tmp_path.iterdir():
        path.write_bytes(b"x" * path.stat().st_size)
    # An archive that has changed is to be listed again; what is in it is not known to be unreadable.
    assert raised(source) is (ImageError if isinstance(source, FileSource) else UnreachableError)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), OSError(errno.ESTALE, "Stale file handle"), MemoryError()])
def test_a_failing_disk_and_want_of_memory_are_unreachable(sources, error, monkeypatch):
    def failing(*_args, **_options):
        raise error

    if isinstance(error, MemoryError):
        monkeypatch.setattr(Fit if sources[0].is_array else pictures, "apply" if sources[0].is_array else "_unpacked", failing)
    elif sources[0].is_array:
        pytest.skip("an array stays open")
    else:
        monkeypatch.setattr(builtins, "open", failing)
        monkeypatch.setattr(tars, "_stream", failing)
    assert raised(sources[-1]) is UnreachableError


def test_a_path_that_can_never_lead_to_a_picture_is_not_unreachable(tmp_path):
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name in ("loop.png", "x" * 5000 + ".png", "nul\0.png"):
        assert raised(FileSource(name=name, folder=str(tmp_path), path=name)) is ImageError


def test_archives_are_read_from_other_processes(tmp_path):
    for kind in ("zip", "tar.gz"):
        sources = as_image_set(packed(tmp_path / f"set.{kind}", [(name, encoded(number)) for number, name in enumerate(NAMES)])).sources
        alone = [digest_of(source) for source in sources]  # open here already when the others begin
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            assert list(pool.map(digest_of, sources)) == alone


def test_a_hundred_thousand_sources_take_little_memory():
    tracemalloc.start()
    try:
        files = [FileSource(name=f"{number:06}.jpg", label="cats", folder="/photos", path="x") for number in range(10_000)]
        stack = np.zeros((10_000, 1, 1, 1), np.uint8)
        arrays = [ArraySource(name=f"set[{number}]", stack=stack, index=number) for number in range(10_000)]
        assert tracemalloc.get_traced_memory()[0] / (len(files) + len(arrays)) < 250
    finally:
        tracemalloc.stop()


def test_an_npy_is_mapped_not_read(tmp_path):
    np.save(tmp_path / "large.npy", np.zeros((2000, 64, 64, 3), np.float32))
    tracemalloc.start()
    try:
        sources = as_image_set(tmp_path / "large.npy").sources
        sources[-1].read()
        assert tracemalloc.get_traced_memory()[1] < 5_000_000  # of 98 million
    finally:
        tracemalloc.stop()
