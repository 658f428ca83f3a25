"""A run whose files are cut, changed or missing: what is read is what was written, or a sentence; the same scan makes it whole again."""

import errno
import os
import shutil
import sys
import tarfile
from pathlib import Path

import arithmetic
import numpy as np
import pytest

from convscope.engines import Serial
from convscope.errors import ConvscopeError, ImageError, OptionError, OutputError, ReplayError
from convscope.formats.journal_files import FACTS
from convscope.images import as_image_set
from convscope.scanning import open_run
from convscope.scanning.completion import complete_run
from convscope.scanning.shards import SHARD

COUNT = 2 * SHARD + 88
OLD_RUNS = Path(__file__).parents[1] / "corpus" / "faults"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    arithmetic.scan(run, COUNT)
    return run


@pytest.fixture
def run(tmp_path, whole):
    return Path(shutil.copytree(whole, tmp_path / "run"))


def changed(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def missing(path):
    path.unlink()


def read_all(run):
    found = open_run(run)
    for layer in found.layers:
        found.top(layer), found.units(layer), found.sample(layer)
    return found.images, found.skipped, found.features


@pytest.mark.parametrize("hurt", [changed, cut, missing])
@pytest.mark.parametrize("name", arithmetic.RESULT)
def test_damaged_results_are_said_when_they_are_read_and_the_same_scan_makes_them_again(run, whole, name, hurt):
    hurt(run / name)
    with pytest.raises(
        ReplayError, match=f"{name}.* (is damaged|is missing).*Repeat the scan command|is not finished. The same scan command"
    ):
        read_all(run)
    arithmetic.scan(run, COUNT)
    assert arithmetic.result(run) == arithmetic.result(whole)
    read_all(run)


@pytest.mark.parametrize("hurt", [changed, cut, missing])
@pytest.mark.parametrize("name", ["settings.json", "sources.parquet", "facts.bin", "sample.bin", "merged-*.npz"])
def test_a_damaged_journal_is_made_again(run, whole, name, hurt):
    hurt(next(run.glob(f"shards/{name}")))
    arithmetic.scan(run, COUNT)
    assert arithmetic.result(run) == arithmetic.result(whole)


def test_only_what_is_damaged_is_scanned_again(run, whole):
    with (run / "features.npy").open("r+b") as file:
        file.seek(-3, 2)
        file.write(b"x")
    watched = arithmetic.Watched()
    arithmetic.scan(run, COUNT, engine=Serial(), function=watched)
    assert watched.spans == [(2 * SHARD, COUNT)] and arithmetic.result(run) == arithmetic.result(whole)


def test_damaged_rows_that_come_out_otherwise_are_refused(run):
    """The pictures have changed as well: the statistics hold the old ones."""
    (run / "shards" / "facts.bin").unlink()
    with pytest.raises(OutputError, match=r"facts.bin` is damaged, and the images 0 to 255 now give different numbers. Restore the images"):
        complete_run(run, as_image_set(255 - arithmetic.pictures(COUNT)), arithmetic.Arithmetic(), arithmetic.SETTINGS)


def test_damaged_rows_are_not_written_into_tables_by_an_interrupt(run):
    before = arithmetic.result(run)
    changed(run / "shards" / "facts.bin")

    class Interrupted(Serial):
        def map(self, function, shards):
            raise KeyboardInterrupt
            yield

    with pytest.raises(KeyboardInterrupt):
        arithmetic.scan(run, COUNT, engine=Interrupted(), function=arithmetic.here)
    assert arithmetic.result(run) == before


def test_without_its_list_a_run_takes_the_same_images_and_no_others(run, whole):
    (run / "shards" / "sources.parquet").unlink()
    with pytest.raises(OptionError, match="list of the images.*is missing or damaged, and those that it knows as 0 to 255 differ"):
        mixed = arithmetic.pictures(COUNT)
        given = {"photos": [as_image_set(mixed[::-1])]}
        complete_run(run, renamed(given["photos"][0]), arithmetic.Arithmetic(), arithmetic.SETTINGS)
    (run / "shards" / "sources.parquet").unlink()
    arithmetic.scan(run, COUNT)
    assert arithmetic.result(run) == arithmetic.result(whole)


def renamed(given):
    """Return the same set under names that come in another order."""
    from dataclasses import replace

    return replace(given, sources=tuple(replace(one, name=f"other {one.name}") for one in given.sources))


def test_without_its_settings_a_run_takes_the_same_and_no_others(run, whole, monkeypatch):
    (run / "shards" / "settings.json").unlink()
    with monkeypatch.context() as patched:
        patched.setitem(arithmetic.SETTINGS, "precision", "bfloat16")
        with pytest.raises(OptionError, match="was made with a different model, or with different layers or options"):
            arithmetic.scan(run, COUNT)
    assert not (run / "shards" / "settings.json").exists()
    arithmetic.scan(run, COUNT)
    assert arithmetic.result(run) == arithmetic.result(whole)


def test_rows_of_a_shard_that_was_never_finished_are_in_no_table(run):
    """Killed between the rows and the part, then interrupted before that shard came again."""
    arithmetic.scan(run, COUNT)
    opened = arithmetic.journal(run, COUNT + SHARD)
    opened.facts.write(COUNT, np.ones(SHARD, FACTS))

    class Interrupted(Serial):
        def map(self, function, shards):
            raise KeyboardInterrupt
            yield

    arithmetic.scan(run, COUNT + SHARD, engine=Interrupted(), function=arithmetic.here)
    assert len(open_run(run)) == COUNT == open_run(run).units("maps").count[0]


@pytest.fixture
def old(tmp_path, request):
    """Return a folder with two runs that an earlier release wrote: `done`, and `half`, interrupted after two shards."""
    with tarfile.open(OLD_RUNS / f"runs_of_schema_{getattr(request, 'param', 1)}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize("old", [1, 2, 3], indirect=True)
@pytest.mark.parametrize("name", ["done", "half"])
def test_runs_of_each_schema_are_read_and_resumed(old, whole, name):
    opened, expected = open_run(old / name), open_run(whole)
    assert opened.complete == (name == "done")
    if opened.complete:
        assert np.array_equal(opened.top("maps").images, expected.top("maps").images)
        assert np.array_equal(opened.features, expected.features) and opened.ids.tolist() == expected.ids.tolist()
    watched = arithmetic.Watched()
    arithmetic.scan(old / name, COUNT, engine=Serial(), function=watched)
    assert arithmetic.result(old / name) == arithmetic.result(whole)
    changed(next((old / name).glob("shards/merged-*.npz")))  # there are checksums, of schema 1 from now on
    arithmetic.scan(old / name, COUNT)
    assert arithmetic.result(old / name) == arithmetic.result(whole)


@pytest.mark.parametrize("name", ["facts.bin", "../features.npy", "part-0-256.npz"])
@pytest.mark.parametrize("hurt", [cut, missing])
def test_what_is_missing_of_schema_1_is_made_again(old, whole, name, hurt):
    hurt(old / "half" / "shards" / name)
    arithmetic.scan(old / "half", COUNT)
    assert arithmetic.result(old / "half") == arithmetic.result(whole)


@pytest.mark.parametrize(
    ("name", "said"), [("settings.json", "it alone describes the run"), ("sources.parquet", "list of the images.*is missing")]
)
def test_schema_1_without_its_settings_or_list_is_refused(old, name, said):
    (old / "half" / "shards" / name).unlink()
    with pytest.raises(OptionError, match=said):
        arithmetic.scan(old / "half", COUNT)


def test_a_newer_journal_is_refused(run):
    from convscope.formats.checksums import sealed

    (run / "shards" / "settings.json").write_bytes(sealed(arithmetic.SETTINGS | {"schema": 4}))
    with pytest.raises(OptionError, match=r"newer convscope \(schema 4\)"):
        arithmetic.scan(run, COUNT)


def test_skipped_pictures_may_go(tmp_path):
    from PIL import Image

    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        Image.fromarray(arithmetic.pictures(number + 1)[number, ..., 0]).save(photos / f"{number}.png")
    (photos / "1.png").write_bytes(b"no picture")
    scan = lambda: complete_run(tmp_path / "run", as_image_set(photos), arithmetic.Arithmetic(), arithmetic.SETTINGS)  # noqa: E731
    scan()
    before = arithmetic.result(tmp_path / "run")
    (photos / "1.png").unlink()
    scan()
    assert arithmetic.result(tmp_path / "run") == before
    (photos / "2.png").unlink()
    with pytest.raises(ImageError, match="knows 4 images, and `2.png` is not among the 2 in this command"):
        scan()


def test_a_run_that_is_no_folder_of_files_is_a_sentence(run):
    for name in ("images.parquet", "features.npy"):
        (run / name).unlink()
        (run / name).mkdir()
    with pytest.raises(ConvscopeError, match="it is a folder, a pipe or a device"):
        read_all(run)
    with pytest.raises(ConvscopeError, match=r"features.npy`: a folder stands there"):
        arithmetic.scan(run, COUNT)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there the disk is asked otherwise")
def test_a_disk_that_fails_at_any_moment_is_a_sentence_and_the_next_scan_has_the_same_bytes(tmp_path, whole, monkeypatch):
    """Each call that writes, makes durable, renames or removes fails once, and once from then on, until a scan comes through."""
    calls, last = [0], [0]
    failing = {}

    def watched(name, forever):
        original = failing.setdefault(name, getattr(os, name))

        def call(*given, **more):
            calls[0] += 1
            if calls[0] == last[0] or (forever and calls[0] > last[0]):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return original(*given, **more)

        return call

    for forever in (False, True):
        last[0], came_through = 0, False
        while not came_through:
            calls[0], last[0] = 0, last[0] + 7
            run = tmp_path / f"{forever}-{last[0]}"
            with monkeypatch.context() as patched:
                for name in ("fsync", "replace", "unlink", "mkdir", "open"):
                    patched.setattr(os, name, watched(name, forever))
                try:
                    arithmetic.scan(run, COUNT)
                    came_through = calls[0] < last[0]
                except OutputError as error:
                    assert "Cannot write" in str(error) and "disk is full" in str(error)
            arithmetic.scan(run, COUNT)
            assert arithmetic.result(run) == arithmetic.result(whole)
    assert last[0] > 30
