"""Arrays come in through one door, which believes no header before it has been compared with the file."""

import io
import struct
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

from convscope import array_files
from convscope.array_files import ArrayFile, ArrayFileError, read_array, texts

pytestmark = pytest.mark.once
ARRAYS = {
    "floats": np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4),
    "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "big": np.arange(6, dtype=">u2").reshape(2, 3),
    "none": np.zeros((0, 4), np.float16),
    "one": np.array(7),
    "words": np.array(["cat", "d\u00f6g"]),
    "bytes": np.array([b"cat", b"dog"]),
    "truth": np.array([True, False]),
}


def same(found, wanted):
    return found.dtype == wanted.dtype and found.shape == wanted.shape and np.array_equal(found, wanted)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_wrote_comes_in_as_it_was(write, tmp_path, monkeypatch):
    write(tmp_path / "set.npz", **ARRAYS)
    for mapped_from in (array_files.MAPPED_FROM, 0):
        monkeypatch.setattr(array_files, "MAPPED_FROM", mapped_from)
        found = ArrayFile(tmp_path / "set.npz")
        assert list(found) == list(ARRAYS)
        assert all(same(found[name], wanted) for name, wanted in ARRAYS.items())
    for name, wanted in ARRAYS.items():
        np.save(tmp_path / f"{name}.npy", wanted)
        assert same(read_array(tmp_path / f"{name}.npy"), wanted)
        assert same(ArrayFile(tmp_path / f"{name}.npy")[""], wanted)


def npy(header, body=b"", version=1):
    text = header.encode("latin1") if isinstance(header, str) else header
    width = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack(width, len(text)) + text + body


def described(shape, descr="'<f4'", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


REFUSED = {
    "nothing": (b"", "it is empty"),
    "a text": (b"hello", "does not start like an .npy"),
    "the first bytes": (b"\x93NUM", "does not start"),
    "another version": (npy(described("(1,)"), bytes(4), 9), "version 9"),
    "a cut header": (npy(described("(1,)"))[:30], "header is cut off"),
    "cut numbers": (npy(described("(100,)"), bytes(8)), "its numbers take 400 bytes, but the file holds 8"),
    "an enormous shape": (npy(described("(10**9, 4)".replace("10**9", "1000000000")), bytes(8)), "take 16,000,000,000 bytes"),
    "more than there are numbers": (npy(described(f"({2**70},)"), bytes(8)), "which is impossible"),
    "nothing times everything": (npy(described(f"(0, {2**62})")), "which is impossible"),
    "a negative shape": (npy(described("(-1, 4)"), bytes(64)), "which is impossible"),
    "a shape of truths": (npy(described("(True, 4)"), bytes(64)), "which is impossible"),
    "a shape that is a list": (npy(described("[2, 2]"), bytes(64)), "which is impossible"),
    "forty dimensions": (npy(described(str((1,) * 40)), bytes(4)), "which is impossible"),
    "an unhashable key": (npy("{[]: 1}"), "cannot be understood"),
    "a header of brackets": (npy("(" * 9000), "cannot be understood"),
    "a header that is a number": (npy("7"), "cannot be understood"),
    "a call": (npy("__import__('os')"), "cannot be understood"),
    "an endless header": (npy(b"", b"", 2)[:8] + struct.pack("<I", 2**31), "2,147,483,648 bytes"),
    "objects": (npy(described("(1,)", "'|O'"), bytes(8)), "'|O'"),
    "records": (npy(described("(1,)", "[('a', '<f4')]"), bytes(8)), "numbers or text are expected"),
    "an unknown type": (npy(described("(1,)", "'<f3'"), bytes(8)), "'<f3'"),
    "text without letters": (npy(described("(1000000000000000,)", "'<U0'"), b""), "which is impossible"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_what_is_not_an_array_is_refused_with_the_reason(name, kind, tmp_path):
    data, said = REFUSED[name]
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", data)
        said = said if "take" not in said else "bytes, but its header says"
    with pytest.raises(ArrayFileError, match=said.replace("|", r"\|")):
        ArrayFile(path)


def test_an_array_of_python_2_comes_in(tmp_path):
    (tmp_path / "old.npy").write_bytes(npy(described("(2L, 3L)"), bytes(24)))
    assert read_array(tmp_path / "old.npy").shape == (2, 3)


def zipped(path, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        memory = io.BytesIO()
        np.save(memory, np.arange(1000.0))
        archive.writestr("a.npy", memory.getvalue())
    return path


def test_damaged_archives_are_refused(tmp_path):
    path = zipped(tmp_path / "a.npz", compression=zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=3):
            data[place] = int(rng.integers(256))
        path.write_bytes(bytes(data[: int(rng.integers(1, len(data)))] if rng.random() < 0.2 else data))
        try:
            assert ArrayFile(path)["a"].shape == (1000,)
        except (ArrayFileError, KeyError):
            continue


def test_what_numpy_never_writes_is_not_unpacked(tmp_path):
    with pytest.raises(ArrayFileError, match="is not compressed by deflate"):
        ArrayFile(zipped(tmp_path / "a.npz", compression=zipfile.ZIP_LZMA))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("notes.txt", "text")
    with pytest.raises(ArrayFileError, match="without arrays"):
        ArrayFile(tmp_path / "b.npz")


def test_text_that_is_not_text_is_refused_and_what_is_not_unicode_becomes_escapes():
    with pytest.raises(ArrayFileError, match="text is damaged"):
        texts(np.frombuffer(b"\xff\xff\xff\xff", "<U1"))
    assert texts(np.frombuffer("\ud800".encode("utf-32-le", "surrogatepass"), "<U1")) == ("\\ud800",)
    assert texts(np.array([b"\xff"])) == ("\\xff",)
    assert texts(np.array([3, 2**63], np.uint64)) == ("3", str(2**63))


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="limits on memory need the resource module")
def test_a_bomb_takes_no_memory(tmp_path):
    """A gigabyte of zeros in a megabyte, and 40 gigabytes on paper: refused within 300 MB of memory."""
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("images.npy", "w") as member:
        member.write(npy(described("(1100, 1048576)", "'|u1'")))
        for _ in range(1100):
            member.write(bytes(2**20))
    code = f"""
        import resource
        from convscope.array_files import ArrayFile
        resource.setrlimit(resource.RLIMIT_DATA, ({300 * 2**20},) * 2)
        try:
            ArrayFile({str(tmp_path / "bomb.npz")!r})["images"]
        except ValueError as error:
            print(error)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("it unpacks to more than 1,024 MiB"), ran.stderr
