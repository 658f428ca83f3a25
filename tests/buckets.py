"""A bucket of our own: moto's server in a thread, on a port of the loopback, with keys put into its memory directly."""

import logging
from contextlib import contextmanager

import pytest

NAME = "photos"


class Bucket:
    """`uri(key)` names what `put(key, data)` put there; `stop` and `start` take the server away and bring it back, empty."""

    def __init__(self, server):
        self.server, self.port = server, server.get_host_and_port()[1]
        self._make()

    def _make(self):
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        self.keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self.keys.create_bucket(NAME, "us-east-1")

    @property
    def options(self):
        return f"endpoint_override=127.0.0.1:{self.port}&scheme=http"

    def uri(self, key=""):
        return f"s3://{NAME}/{key}?{self.options}"

    def put(self, key, data=b""):
        self.keys.put_object(NAME, key, data)
        return self.uri(key)

    def put_folder(self, folder, under):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{under}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return self.uri(under)

    def drop(self, key):
        self.keys.delete_object(NAME, key)


@contextmanager
def serving():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patched:
        # An address that nobody answers would be asked for credentials.
        for name, value in (("ACCESS_KEY_ID", "nobody"), ("SECRET_ACCESS_KEY", "s3cr3t-nobody"), ("EC2_METADATA_DISABLED", "true")):
            patched.setenv(f"AWS_{name}", value)
        try:
            yield Bucket(server)
        finally:
            server.stop()
