"""The door to buckets, with a server of our own; what no server can be had for here is tested as far as its URIs."""

import pickle
import re

import pytest

from buckets import NAME
from convscope import store
from convscope.errors import OutputError
from convscope.files import as_path, check_local, check_writable
from convscope.store_faults import fault

pytestmark = pytest.mark.once

# Names that others take for an option, a part of a URI or a pattern.
KEYS = ("a b.jpg", "x#1.jpg", "q?.jpg", "q?a=1.jpg", "p%20.jpg", "[1].jpg", "*.jpg", "😀.jpg", "<script>.jpg", "שלום.jpg")


@pytest.mark.parametrize("key", KEYS)
def test_a_name_is_the_name_that_it_looks_like(bucket, key):
    bucket.put(f"names/{key}", key.encode())
    location = store.locate(bucket.uri(f"names/{key}"))
    assert (location.key, location.name, location.uri) == (f"names/{key}", key, bucket.uri(f"names/{key}"))
    assert store.opened(location).read() == key.encode()
    assert store.found(location).size == len(key.encode())


def test_a_folder_of_several_pages_is_listed_in_order(bucket):
    names = [f"{number:04}.jpg" for number in range(1_100)]
    for name in reversed(names):
        bucket.put(f"pages/{name}", b"x")
    bucket.put("pages/0500.jpg/inside.jpg", b"x")
    inside = store.entries(store.locate(bucket.uri("pages")))
    assert [(one.name, one.is_folder) for one in inside] == sorted([*((name, False) for name in names), ("0500.jpg", True)])


def test_a_file_is_read_from_anywhere_in_blocks_or_exactly(bucket):
    data = bytes(range(256)) * 40
    location = store.locate(bucket.put("data.bin", data))
    with store.opened(location, block=1000) as file:
        assert (file.read(10), file.seek(-10, 2), file.read()) == (data[:10], len(data) - 10, data[-10:])
        assert (file.seek(5000), file.read(3000), file.tell()) == (5000, data[5000:8000], 8000)
    assert store.StoredFile(location).read_at(9_999, 1_000) == data[9_999:]


def test_a_copy_is_fetched_once_for_each_state(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    location = store.locate(bucket.put("models/a b.keras", b"one"))
    first = store.fetched(location)
    assert (first.name, first.read_bytes(), store.fetched(location)) == ("a b.keras", b"one", first)
    first.write_bytes(b"ONE")  # nothing is fetched while the store says that it is the same
    assert store.fetched(location).read_bytes() == b"ONE"
    bucket.put("models/a b.keras", b"another")
    assert store.fetched(location).read_bytes() == b"another"
    assert not first.exists()


def test_the_environment_may_say_where_s3_is(bucket, monkeypatch):
    bucket.put("endpoint.bin", b"here")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{bucket.port}/")
    assert store.opened(store.locate(f"s3://{NAME}/endpoint.bin")).read() == b"here"
    store._system.cache_clear()


REFUSED = {
    "foo://bucket/x": "not a store",
    "https://host/x.jpg?sig=s3cr3t": "Download it first",
    "s3://": "names no bucket",
    "s3:///x.jpg": "names no bucket",
    "s3://AKIA:s3cr3t@bucket/x": "holds credentials",
    "s3://s3cr3t@bucket/x": "holds credentials",
    "s3://bucket/x?X-Amz-Date=1&X-Amz-Signature=s3cr3t": "holds credentials",
    "s3://bucket/x?region=eu&secret_key=s3cr3t": "holds credentials",
    "az://c@account/x?sig=s3cr3t": "holds credentials",
    "s3://bucket/a/../secret": "`..`",
    "s3://bucket/a//b": "empty",
    "s3://bucket/./b": "`.`",
}


@pytest.mark.parametrize("uri", REFUSED)
def test_what_no_store_holds_is_refused_without_a_look_and_without_secrets(uri):
    with pytest.raises(store.StoreError) as caught:
        store.locate(uri)
    said = f"{caught.value.strerror}. {caught.value.advice}"
    assert REFUSED[uri] in said
    assert "s3cr3t" not in said
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.errno, again.strerror, again.advice) == (caught.value.errno, caught.value.strerror, caught.value.advice)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("az://container/x", "AZURE_STORAGE_ACCOUNT"),
        ("hdfs://127.0.0.1:1/x", "JAVA_HOME|does not answer"),
        ("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http", "does not answer"),
    ],
)
def test_what_is_away_is_said_in_one_sentence(bucket, uri, expected):
    with pytest.raises(store.StoreError) as caught:
        store.found(store.locate(uri))
    assert re.search(expected, f"{caught.value.strerror}. {caught.value.advice}")


def test_a_bucket_that_is_not_there_and_one_that_is_shut(bucket):
    with pytest.raises(store.StoreError, match="there is no bucket `nobodys-own`"):
        store.entries(store.locate(f"s3://nobodys-own/?{bucket.options}"))
    assert not store.is_there(store.locate(bucket.uri("nothing")))
    for code in ("ACCESS_DENIED during HeadObject operation: No response body.", "INVALID_ACCESS_KEY_ID", "UNKNOWN (HTTP status 403)"):
        said = fault(OSError(f"When reading: AWS Error {code} s3cr3t"), "s3", "s3", NAME)
        assert "AWS_ACCESS_KEY_ID" in said.advice and "s3cr3t" not in said.strerror


def test_an_unknown_answer_is_told_without_what_may_be_signed():
    said = fault(OSError("AWS Error SLOW_DOWN: https://h/x?X-Amz-Signature=s3cr3t (Request ID: 17)"), "s3", "s3", NAME)
    assert said.strerror == "the store answers: AWS Error SLOW_DOWN: https://h/x"


def test_two_questions_of_a_store_are_two_places_for_what_a_file_names():
    places = [store.place_of(f"s3://bucket/photos/1.jpg{options}") for options in ("", "?endpoint_override=elsewhere:80")]
    assert places == ["s3://bucket/photos/1.jpg", "s3://bucket?endpoint_override=elsewhere:80/photos/1.jpg"]


def test_nothing_is_written_to_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for check in (check_local, check_writable):
        with pytest.raises(OutputError, match=rf"Cannot write `s3://{NAME}/run`: it lies in a store"):
            check(as_path(f"s3://{NAME}/run"))
    assert list(tmp_path.iterdir()) == []
    check_local(tmp_path / "s3:" / "run")


def test_a_uri_of_a_file_is_its_path():
    assert str(as_path("file:///a/b%20c.jpg")) == "/a/b c.jpg"
    assert not store.is_uri("file:///a/b") and not store.is_uri("C:/a") and not store.is_uri("a://") and store.is_uri("s3://")
