"""The one door to files that lie in a store: `s3://`, `gs://`, `az://`, `hdfs://`, read through `pyarrow.fs`.

Credentials are the business of the library that reads: environment, its own files, the machine's role. None is taken from a URI, and
none is quoted. Whatever goes wrong is a `StoreError`, an OSError that says why and what to do next, as `open` raises one for a file.
"""

import contextlib
import errno
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, TypeGuard

from .digests import hasher
from .files import as_path, cache_folder, replacing
from .store_faults import StoreError, credentials, fault, missing

URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
# What a URI may say of its store, behind its last question mark; all else that stands there belongs to the file's name.
OPTIONS = {
    "s3": ("region", "endpoint_override", "scheme", "anonymous"),
    "gs": ("endpoint_override", "scheme", "anonymous"),
    "az": ("account_name", "blob_storage_authority", "blob_storage_scheme", "dfs_storage_authority", "dfs_storage_scheme"),
    "hdfs": ("user",),
}
# Other spellings of the same.
KINDS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az", "hdfs": "hdfs"}
SECRET = re.compile(
    r"^(x-amz-|x-goog-|aws|google)|access_?key|secret|token|passw|signature|credential|^sig$|account_key|^key$", re.IGNORECASE
)
EXPECTED = "Expected s3://BUCKET/NAME, gs://BUCKET/NAME, az://CONTAINER@ACCOUNT/NAME or hdfs://HOST:PORT/NAME."
# A host that takes the connection and never answers costs three times the request's time.
CONNECT_SECONDS, REQUEST_SECONDS, ATTEMPTS = 5.0, 10.0, 3
RETRY_SECONDS = 20
# One request fetches so much where a file is read from its start on.
BLOCK = 2**22


@dataclass(frozen=True, slots=True)
class Location:
    """A file or folder in a store: of `scheme`, in a `bucket` (container, host), under `key`, parts divided by slashes; "" is the bucket.

    `options`: what the URI says of the store, such as `region=eu-west-1`.
    """

    scheme: str
    bucket: str
    key: str = ""
    options: str = ""

    @property
    def uri(self) -> str:
        """The text that names it."""
        return f"{self.scheme}://{self.bucket}/{self.key}{'?' if self.options else ''}{self.options}"

    @property
    def name(self) -> str:
        """Its last part."""
        return self.key.rpartition("/")[2] or self.bucket

    @property
    def folder(self) -> "Location":
        """The folder that it lies in; the bucket's is the bucket."""
        return self.at(self.key.rpartition("/")[0])

    def at(self, key: str) -> "Location":
        """Return what has another key in the same bucket, whether or not it can be read."""
        return replace(self, key=key)

    def joined(self, name: str) -> "Location":
        """Return what lies under a name in this folder. Raises StoreError for one that leads elsewhere."""
        inside = self.at(f"{self.key}/{name}" if self.key else name)
        _check(inside)
        return inside


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder of a store: `size` in bytes and when it `changed`, in nanoseconds, of a file.

    The `name` "" stands for files whose folder has no name (`a//b`): they cannot be read.
    """

    name: str
    is_folder: bool
    size: int = 0
    changed: int = 0


def is_uri(text: object) -> TypeGuard[str]:
    """Return whether text names something by a URI; of `file://` it is a path."""
    match = URI.match(text) if isinstance(text, str) else None
    return match is not None and match[1].lower() != "file"


def locate(text: str) -> Location:
    """Return what a URI names. Raises StoreError, which never quotes what may be a secret."""
    parts = URI.fullmatch(text)
    scheme = parts[1].lower() if parts else ""
    if parts is None or scheme not in KINDS:
        said = f"`{scheme}://` is not a store that convscope reads"
        advice = f"{EXPECTED} Download it first." if scheme in ("http", "https", "ftp") else EXPECTED
        raise StoreError(errno.EINVAL, said, advice)
    rest, options = _divided(parts[2], KINDS[scheme])
    bucket, _, key = rest.partition("/")
    if _is_secret(bucket, KINDS[scheme]) or any(SECRET.search(one.partition("=")[0]) for one in options.split("&")):
        reason = "the URI holds credentials, which would be recorded"
        raise StoreError(errno.EINVAL, reason, f"Leave them out of the URI. {credentials(KINDS[scheme])}")
    if not bucket and KINDS[scheme] != "hdfs":
        raise StoreError(errno.EINVAL, f"the `{scheme}://` URI names no bucket", EXPECTED)
    location = Location(scheme, bucket, key.strip("/"), options)
    _check(location)
    return location


def _divided(rest: str, kind: str) -> tuple[str, str]:
    """Return bucket and key, and the options: what follows the last question mark, or the bucket, if options or secrets stand there."""
    if "?" in (bucket := rest.partition("/")[0]):
        rest = f"{bucket.partition('?')[0]}{rest[len(bucket) :]}?{bucket.partition('?')[2]}"
    before, mark, after = rest.rpartition("?")
    names = [one.partition("=")[0] for one in after.split("&")]
    told = mark and all("=" in one for one in after.split("&"))
    if told and (set(names) <= set(OPTIONS[kind]) or any(map(SECRET.search, names))):
        return before, after
    return rest, ""


def _is_secret(bucket: str, kind: str) -> bool:
    """Say whether the first part of a URI holds a password, or a key where only a bucket can stand."""
    before, at, _ = bucket.rpartition("@")
    return bool(at) and (":" in before or kind in ("s3", "gs"))


def _check(location: Location) -> None:
    """Raise StoreError for a key that the library would take for another: it shortens dots, and has no folders without a name."""
    if location.key and not {"", ".", ".."}.isdisjoint(location.key.split("/")):
        reason = f"`{location.key}` has a part that is empty, `.` or `..`, which cannot be read from a store"
        raise StoreError(errno.EINVAL, reason, "Rename it there.")


def place_of(uri: str) -> str:
    """Return what a URI names as one path, in which what it says of the store stands before the names of files."""
    try:
        location = locate(uri)
    except StoreError:
        return uri
    return f"{location.scheme}://{location.bucket}{location.options and f'?{location.options}'}/{location.key}"


def folder_of(path: str | Path) -> str | Path:
    """Return the folder of a file, on this machine or in a store."""
    return locate(path).folder.uri if is_uri(path) else as_path(path).parent


def found(location: Location) -> Entry | None:
    """Return what a location is, None where there is nothing. Raises StoreError."""
    system, path = _opened(location)
    with _one_error(location):
        info = system.get_file_info(path)
    return None if info.type.name == "NotFound" else _entry(info, location.name)


def is_there(location: Location) -> bool:
    """Say whether a location is a file or a folder; False where the store does not say."""
    try:
        return found(location) is not None
    except StoreError:
        return False


def entries(location: Location) -> list[Entry]:
    """Return what lies in a folder, without what lies in its subfolders, in the order of the names. Raises StoreError.

    Memory grows with the largest folder, not with all that lies below.
    """
    system, path = _opened(location)
    with _one_error(location):
        from pyarrow import fs

        listed = system.get_file_info(fs.FileSelector(path, recursive=False))
    inside = list[Entry]()
    while listed:  # the library's records are larger, and go one by one
        info = listed.pop()
        inside.append(_entry(info, "" if info.path.strip("/") == path.strip("/") else info.base_name))
    inside.sort(key=lambda entry: (entry.name, entry.is_folder))
    return inside


def _entry(info: Any, name: str) -> Entry:
    is_folder = info.type.name == "Directory"
    return Entry(name, is_folder, 0 if is_folder else info.size, (info.mtime_ns if not is_folder else None) or 0)


def opened(location: Location, block: int = BLOCK) -> "io.BufferedReader":
    """Return a file of the store, to be read from anywhere; what is read on is fetched in blocks. Raises StoreError, in reading too."""
    return io.BufferedReader(StoredFile(location), block)


class StoredFile(io.RawIOBase):
    """A file of a store, of `size` bytes, that fetches only the bytes that are read."""

    def __init__(self, location: Location) -> None:
        """Open it. Raises StoreError."""
        self._location, self._place = location, 0
        system, path = _opened(location)
        with _one_error(location):
            self._file = system.open_input_file(path)
            self.size = int(self._file.size())

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Read on from there."""
        self._place = max(0, offset + (0 if whence == os.SEEK_SET else self._place if whence == os.SEEK_CUR else self.size))
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the file reaches; return how many bytes that are."""
        data = self.read_at(self._place, len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def read_at(self, start: int, length: int) -> bytes:
        """Return the bytes from `start` on, fewer where it ends; several threads may ask at once. Raises StoreError."""
        length = min(length, self.size - start)
        if length <= 0:
            return b""
        with _one_error(self._location):
            return bytes(self._file.read_at(length, start))


def fetched(location: Location) -> Path:
    """Return a copy on this machine, in the user's cache, of what the store holds now; the copy of an earlier state is removed.

    For what is read by its path. Raises StoreError, OutputError.
    """
    now = found(location)
    if now is None or now.is_folder:
        raise missing()
    folder = cache_folder() / "stores" / hasher(location.uri.encode()).hexdigest()
    name = re.sub(r"[^\w. -]", "_", location.name)[-100:]
    path = folder / f"{now.size:x}-{now.changed:x}" / name
    if path.is_file() and path.stat().st_size == now.size:
        return path
    with opened(location) as source, replacing(path) as copy:
        while data := source.read(BLOCK):
            copy.write(data)
    for other in folder.iterdir():
        if other != path.parent:
            _removed(other)
    return path


def _removed(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for one in folder.iterdir():
            one.unlink()
        folder.rmdir()


def open_file(path: str) -> IO[bytes]:
    """Return a file for reading, on this machine or in a store. Raises OSError."""
    return opened(locate(path)) if is_uri(path) else as_path(path).open("rb")


def state_of(path: str) -> tuple[int, int]:
    """Return size and time of change of a file, on this machine or in a store. Raises OSError."""
    if not is_uri(path):
        state = os.stat(path)  # noqa: PTH116 (asked for each picture of an archive)
        return state.st_size, state.st_mtime_ns
    location = locate(path)
    now = found(location)
    if now is None or now.is_folder:
        raise missing()
    return now.size, now.changed


def _opened(location: Location) -> tuple[Any, str]:
    """Return the library's file system, and the path of a location in it. Raises StoreError."""
    kind = KINDS[location.scheme]
    with _one_error(location):
        system = _system(kind, location.bucket, location.options, os.getpid())
    bucket = "" if kind == "hdfs" else location.bucket.partition("@")[0]
    return system, f"{bucket}/{location.key}".rstrip("/") or "/"


@lru_cache(maxsize=16)
def _system(kind: str, bucket: str, options: str, process: int) -> Any:
    """Return the file system of a kind of store; one for each process, because its threads do not outlive a fork."""
    told: dict[str, Any] = dict(one.split("=", 1) for one in options.split("&") if one)
    if "anonymous" in told:
        told["anonymous"] = told["anonymous"].lower() in ("true", "1", "yes")
    from pyarrow import fs

    match kind:
        case "s3":
            told = _endpoint() | told
            if "region" not in told:
                told["region"] = "us-east-1" if "endpoint_override" in told else fs.resolve_s3_region(bucket)
            retry = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
            return fs.S3FileSystem(connect_timeout=CONNECT_SECONDS, request_timeout=REQUEST_SECONDS, retry_strategy=retry, **told)
        case "gs":
            return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=RETRY_SECONDS), **told)
        case "az":
            account = bucket.partition("@")[2].partition(".")[0] or os.environ.get("AZURE_STORAGE_ACCOUNT", "")
            if not account and "account_name" not in told:
                reason = "the URI names no storage account"
                raise StoreError(errno.EINVAL, reason, "Write az://CONTAINER@ACCOUNT/NAME, or set AZURE_STORAGE_ACCOUNT.")
            return fs.AzureFileSystem(**{"account_name": account} | told)
        case _:
            host, _, port = bucket.rpartition("@")[2].partition(":")
            user = told.get("user") or bucket.rpartition("@")[0] or None
            return fs.HadoopFileSystem(host or "default", int(port or (8020 if host else 0)), user=user)


def _endpoint() -> dict[str, str]:
    """Return what the environment says of where S3 is, which not every pyarrow asks for."""
    scheme, there, host = (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")).partition("://")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return {"endpoint_override": host.rstrip("/"), "scheme": scheme} | ({"region": region} if region else {}) if there else {}


@contextlib.contextmanager
def _one_error(location: Location) -> Iterator[None]:
    """Raise StoreError for whatever the library raises, which are its own errors and Python's."""
    try:
        yield
    except (StoreError, MemoryError):
        raise
    except Exception as error:
        raise fault(error, location.scheme, KINDS[location.scheme], location.bucket) from error
