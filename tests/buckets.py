"""A bucket of our own: moto's server in a thread, on a port of the loopback, with keys put into its memory directly."""

import io
import logging
import tarfile
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from convscope.images import as_image_set

NAME = "photos"


class Bucket:
    """`uri(key)` names what `put(key, data)` put there; `stop` and `start` take the server away and bring it back."""

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

    def stop(self):
        self.server.stop()

    def start(self):
        from moto.server import ThreadedMotoServer

        self.server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.server.start()

    def drop(self, key):
        self.keys.delete_object(NAME, key)


def encoded(number):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def listed(images):
    return [(one.name, one.label, one.explicit) for one in as_image_set(images).sources]


def tar(members, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


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
        made = Bucket(server)
        try:
            yield made
        finally:
            made.stop()
