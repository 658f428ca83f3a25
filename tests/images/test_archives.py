"""Archives are read without unpacking them to disk, whatever is in them."""

import bz2
import gzip
import io
import itertools
import lzma
import struct
import sys
import tarfile
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import Fit, ImageStream, archives, as_batch, as_image_set, members, tars

FIT = Fit(3, (4, 4))
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tgz")
NAMES = ("cats/0.png", "cats/1.png", "dogs/0.png", "2.png")


def encoded(number):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def packed(path, members):
    """Write an archive of (name, bytes) whose kind its suffix says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path
    with tarfile.open(path, {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.name.rsplit(".")[-1], "w")) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(params=KINDS)
def archive(request, tmp_path):
    extra = [("notes.txt", b"text"), ("cats/.hidden.png", b""), ("__MACOSX/cats/._0.png", b"")]
    return packed(tmp_path / f"set.{request.param}", [*((name, encoded(number)) for number, name in enumerate(NAMES)), *extra])


def listed(path):
    return [(source.name, source.label) for source in as_image_set(path).sources]


def test_members_are_pictures_and_folders_labels(archive):
    assert listed(archive) == [("cats/0.png", "cats"), ("cats/1.png", "cats"), ("dogs/0.png", "dogs"), ("2.png", None)]


def test_an_archive_equals_the_folder_it_was_packed_from(archive, tmp_path):
    for number, name in enumerate(NAMES):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(encoded(number))
    inside = {source.name: source.read() for source in as_image_set(archive).sources}
    outside = {source.name: source.read() for source in as_image_set(tmp_path / "folder").sources}
    assert inside.keys() == outside.keys()
    assert all(np.array_equal(inside[name][0], outside[name][0]) and inside[name][1] == outside[name][1] for name in inside)
    assert not [path for path in tmp_path.iterdir() if path.name not in ("folder", archive.name)]


def test_members_are_read_in_any_order(archive):
    sources = as_image_set(archive).sources
    in_order = [source.read()[1] for source in sources]
    for order in itertools.permutations(range(4)):
        assert [sources[place].read()[1] for place in order] == [in_order[place] for place in order]


def test_some_are_picked_and_archives_are_found_by_globs(archive, tmp_path):
    assert listed(f"{archive}[2-3]") == [("dogs/0.png", "dogs"), ("2.png", None)]
    assert len(as_image_set(str(tmp_path / "set.*"))) == 4


def test_the_folder_around_everything_is_no_label(tmp_path):
    path = packed(tmp_path / "set.tar", [(f"./set/{name}", encoded(0)) for name in NAMES])
    assert listed(path) == [("set/cats/0.png", "cats"), ("set/cats/1.png", "cats"), ("set/dogs/0.png", "dogs"), ("set/2.png", None)]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_lead_nowhere(tmp_path, kind):
    names = ["../../etc/0.png", "/root/1.png", "..\\up\\2.png", "a\x1b[31m/3.png"]
    path = packed(tmp_path / f"bad.{kind}", [(name, encoded(0)) for name in names])
    assert listed(path) == [("etc/0.png", "etc"), ("root/1.png", "root"), ("up/2.png", "up"), ("a_[31m/3.png", "a_[31m")]
    assert len(as_batch(path, FIT).pixels) == 4


def test_what_is_no_picture_or_damaged_is_skipped_with_its_reason(archive, tmp_path):
    members = [
        ("0.png", encoded(0)),
        ("empty.png", b""),
        ("words.png", b"no picture"),
        ("cut.png", encoded(1)[:900]),
        ("1.png", encoded(2)),
    ]
    path = packed(tmp_path / f"mixed.{archive.name.partition('.')[2]}", members)
    stream = ImageStream(as_image_set(path), FIT)
    assert [source.name for _, source in stream] == ["0.png", "1.png"]
    assert [
        said for said, wanted in zip(stream.skipped, ("empty file", "not a readable image", "damaged"), strict=True) if wanted not in said
    ] == []
    assert all(f"{path}: " in said for said in stream.skipped)


def test_encrypted_members_are_skipped(tmp_path):
    path = packed(tmp_path / "set.zip", [("0.png", encoded(0)), ("1.png", encoded(1))])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    stream = ImageStream(as_image_set(path), FIT)
    assert [source.name for _, source in stream] == ["1.png"]
    assert "0.png` is encrypted" in stream.skipped[0]


def test_a_member_whose_bytes_changed_is_skipped(tmp_path):
    path = packed(tmp_path / "set.zip", [("0.png", encoded(0)), ("1.png", encoded(1))])
    data = bytearray(path.read_bytes())
    data[200] ^= 255
    path.write_bytes(data)
    stream = ImageStream(as_image_set(path), FIT)
    assert len(list(stream)) == 1
    assert "damaged" in stream.skipped[0]


@pytest.mark.parametrize(("mode", "said"), [(0o40755, "a folder"), (0o120777, "a link"), (0o10644, "a device or a pipe")])
def test_members_of_a_zip_say_what_their_mode_marks_them_as(tmp_path, mode, said):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        odd = zipfile.ZipInfo("odd.png")
        odd.external_attr = mode << 16
        archive.writestr(odd, "x")
    with pytest.raises(ImageError, match=f"odd.png` is marked as {said}, not as a file"):
        as_image_set(tmp_path / "a.zip").sources[0].read()


def test_links_in_archives_are_not_followed(tmp_path):
    path = tmp_path / "set.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("soft.png", tarfile.SYMTYPE), ("hard.png", tarfile.LNKTYPE), ("pipe.png", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    zipped = tmp_path / "set.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        link = zipfile.ZipInfo("soft.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    for one, count in ((path, 3), (zipped, 1)):
        stream = ImageStream(as_image_set(one), FIT)
        with pytest.raises(ImageError, match="None of the"):
            list(stream)
        assert ["link" in said for said in stream.skipped] == [True] * count


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_archive(tmp_path, kind):
    path = packed(tmp_path / f"cut.{kind}", [(f"{number}.png", encoded(number)) for number in range(20)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    if kind == "zip":  # its directory is at the end
        with pytest.raises(ImageError, match="not a readable zip archive"):
            as_image_set(path)
        return
    try:
        stream = ImageStream(as_image_set(path), FIT)
    except ImageError as error:  # bz2 unpacks only whole blocks
        assert kind == "tar.bz2", error
        return
    assert 0 < len(list(stream)) < 20
    assert "is damaged after" in stream.skipped[-1]


def test_a_damaged_header_inside_is_told(tmp_path):
    path = packed(tmp_path / "set.tar", [(f"{number}.png", encoded(number)) for number in range(5)])
    data = bytearray(path.read_bytes())
    data[data.index(b"3.png")] = 0xFF
    path.write_bytes(data)
    stream = ImageStream(as_image_set(path), FIT)
    assert len(list(stream)) == 3
    assert "damaged after 3 images: a damaged header" in stream.skipped[0]


def test_where_a_tar_breaks_off_changes_no_label(tmp_path):
    path = packed(tmp_path / "set.tar", [(f"set/{name}", encoded(number)) for number, name in enumerate(NAMES)])
    path.write_bytes(path.read_bytes()[:7000])
    assert listed(path) == [("set/cats/0.png", "cats"), ("set/cats/1.png", "cats"), ("set/dogs/0.png", "dogs"), ("set.tar", None)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zip", b"", "not a readable zip"),
        ("a.zip", b"no zip", "not a readable zip"),
        ("a.tar", b"", "not a readable tar"),
        ("a.tar", b"no tar" * 1000, "not a readable tar"),
        ("a.tar.gz", b"\x1f\x8bno gzip", "not a readable tar"),
        ("a.tar.xz", lzma.compress(b"no tar" * 1000), "not a readable tar"),
        ("a.tar", b"\x28\xb5\x2f\xfd", "Zstandard"),
    ],
)
def test_what_is_no_archive_is_an_error(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=said):
        as_image_set(tmp_path / name)


def test_an_archive_without_pictures_is_an_error(tmp_path):
    with pytest.raises(ImageError, match="holds no images"):
        as_image_set(packed(tmp_path / "a.zip", [("inner.zip", b""), ("a.txt", b"")]))


def header(name, size, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def test_archives_made_to_do_harm_end_soon_and_small(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "SLACK", 2**24)
    good = header("0.png", len(encoded(0))) + encoded(0).ljust(-(-len(encoded(0)) // 512) * 512, b"\0")
    backward = bytearray(header("1.png", 0))
    backward[124:136] = b"\xff" * 4 + struct.pack(">q", -1024)
    backward[148:156] = b"%06o\0 " % sum(backward[:148] + b" " * 8 + backward[156:])
    tails = {
        "a gigabyte that is not there": header("1.png", 2**30),
        "a gigabyte of zeros": gzip.compress(header("1.bin", 2**30) + bytes(2**28)),
        "a name of a gigabyte": header("x", 2**30, tarfile.GNUTYPE_LONGNAME) + bytes(4096),
        "attributes of a gigabyte": header("x", 2**30, tarfile.XHDTYPE) + bytes(4096),
        "names of names": header("x", 0, tarfile.GNUTYPE_LONGNAME) * 5000,
        "a header that leads backward": bytes(backward),
    }
    for name, tail in tails.items():
        path = tmp_path / f"{name}.tar"
        path.write_bytes(gzip.compress(good) + tail if tail.startswith(b"\x1f\x8b") else good + tail)
        tracemalloc.start()
        try:
            stream = ImageStream(as_image_set(path), FIT)
            assert [source.name for _, source in stream] == ["0.png"], name
            assert "is damaged after" in stream.skipped[-1], name
            assert tracemalloc.get_traced_memory()[1] < 2**25, name
        finally:
            tracemalloc.stop()


def test_members_that_unpack_to_too_much_are_not_unpacked(tmp_path, monkeypatch):
    for module in (archives, members):
        monkeypatch.setattr(module, "MOST_BYTES", 2**20)
    path = packed(tmp_path / "bomb.zip", [("bomb.png", bytes(2**24)), ("0.png", encoded(0))])
    honest = ImageStream(as_image_set(path), FIT)
    assert len(list(honest)) == 1
    assert "has 16,777,216 bytes; convscope reads at most 1,048,576" in honest.skipped[0]
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 2**24), struct.pack("<I", 1000)))  # it lies
    tracemalloc.start()
    try:
        stream = ImageStream(as_image_set(path), FIT)
        assert len(list(stream)) == 1
        assert "its size or checksum does not match" in stream.skipped[0]
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packings_of_zips_are_skipped(tmp_path, packing):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", packing) as archive:
        archive.writestr("1.png", encoded(1))
        archive.writestr("0.png", encoded(0), zipfile.ZIP_STORED)
    stream = ImageStream(as_image_set(tmp_path / "set.zip"), FIT)
    assert [source.name for _, source in stream] == ["0.png"]
    assert "Pack it by deflate" in stream.skipped[0]


def test_a_zip_behind_other_bytes_and_with_sizes_after_the_data(tmp_path):
    class OneWay(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise io.UnsupportedOperation

    written = OneWay()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(NAMES):
            archive.writestr(name, encoded(number))
    (tmp_path / "set.zip").write_bytes(b"#!/bin/sh\n" + written.getvalue())
    assert [source.read()[0].shape for source in as_image_set(tmp_path / "set.zip").sources] == [(20, 30, 3)] * 4


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(members, "MOST_MEMBERS", 3)
    for kind in ("zip", "tar"):
        path = packed(tmp_path / f"many.{kind}", [(f"{number}.txt", b"") for number in range(4)])
        with pytest.raises(ImageError, match="more than 3 members"):
            as_image_set(path)


def test_a_tar_in_the_wrong_wrapping_opens(tmp_path):
    inner = packed(tmp_path / "a.tar", [("0.png", encoded(0))]).read_bytes()
    for name, data in (("b.tar", bz2.compress(inner)), ("c.tar.gz", inner), ("d.tar.xz", gzip.compress(inner))):
        (tmp_path / name).write_bytes(data)
        assert len(as_batch(tmp_path / name, FIT).pixels) == 1


def test_an_archive_that_was_replaced_is_noticed(archive, tmp_path):
    before = as_image_set(archive).sources
    before[0].read()
    other = packed(tmp_path / f"other.{archive.name.partition('.')[2]}", [("cats/0.png", encoded(9))])
    other.replace(archive)
    after = as_image_set(archive).sources
    assert len(after) == 1
    assert np.array_equal(after[0].read()[0], as_batch(archive, Fit(3, (20, 30))).pixels[0])
    tars._tar.cache_clear()
    with pytest.raises(ImageError, match="has changed since"):
        before[0].read()


def test_a_compressed_tar_is_unpacked_once_by_each_reader_though_threads_come_and_go(tmp_path, monkeypatch):
    sources = as_image_set(packed(tmp_path / "set.tar.gz", [(f"{number}.png", encoded(number)) for number in range(200)])).sources
    opened = []
    real = tars._stream
    monkeypatch.setattr(tars, "_stream", lambda path: opened.append(path) or real(path))
    for start in range(0, 200, 20):
        with ThreadPoolExecutor(3) as pool:  # as a scan does for each of its shards
            assert len(set(pool.map(lambda source: source.read()[1], sources[start : start + 20]))) == 20
    known = len(opened)
    assert known < 10  # not one for each thread, of which there were 30; who is overtaken by the others opens one more
    sources[100].read()
    assert len(opened) <= known + 1
    sources[101].read()
    assert len(opened) <= known + 1


def test_a_python_without_lzma_says_so(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.tar.xz", [("0.png", encoded(0))])
    monkeypatch.setitem(sys.modules, "lzma", None)
    with pytest.raises(ImageError, match="this Python was built without it"):
        as_image_set(path)


def test_a_member_without_a_name_is_passed_over(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("", "0.png"):
            entry = zipfile.ZipInfo("unnamed")
            entry.filename = name
            with archive.open(entry, "w") as member:
                member.write(encoded(0))
    assert [source.name for source in as_image_set(tmp_path / "x.zip").sources] == ["0.png"]


def test_notes_name_what_was_skipped_as_it_may_be_printed(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "0.png")
    (tmp_path / "list.csv").write_text("path\n0.png\n\x1b[2J" + "n" * 5000 + ".png\n")
    notes = as_batch(tmp_path / "list.csv", Fit(1, (4, 4))).notes
    assert "\N{REPLACEMENT CHARACTER}[2Jnnn" in notes[0]
    assert notes[0].isprintable() and len(notes[0]) < 500
