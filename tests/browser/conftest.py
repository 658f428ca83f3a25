"""A real Chromium, pages written for it, and a server as `convscope view` runs it.

Without Chromium and its driver these tests are skipped, unless the environment variable CONVSCOPE_BROWSER is "required".
"""

import os
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import maps
from convscope.render import site
from convscope.render.imagemap import write_page
from convscope.viewing import open_server

sys.path.insert(0, str(Path(__file__).parent))
from driving import Page, start


@pytest.fixture(scope="session", autouse=True)
def chromium():
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not (browser and driver):
        reason = "No Chromium with its driver: apt-get install chromium chromium-driver"
        if os.environ.get("CONVSCOPE_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return browser, driver


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Pages of 1,000 images, tiles of known colours and Fashion-MNIST; and small ones, each with a difficulty of its own."""
    root = tmp_path_factory.mktemp("pages")
    names = (*maps.HOSTILE, *(f"{index}.png" for index in range(len(maps.HOSTILE), 60)))
    made = {
        "marked": maps.marked_map(1000),
        "fashion": maps.fashion_map(1000),
        "hostile": maps.marked_map(60, side=16, names=names, labels=tuple(names[index % len(maps.HOSTILE)] for index in range(60))),
        "grey": maps.grey_map(),
        "few": maps.marked_map(7),
        "placed": maps.marked_map(9, side=16, backdrop=maps.spread(np.random.default_rng(1).normal(size=(400, 2))) * 4),
        "classes": maps.marked_map(300, side=8, labels=tuple(f"class {index}" for index in range(300))),
    }
    for name, embedding in made.items():
        (root / name).mkdir()
        (root / name / "map.png").write_bytes(b"")  # there: not to be drawn
        write_page(embedding, root / name)
    return root, made


@pytest.fixture(scope="session")
def browser(chromium):
    driver = start(*chromium)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def addresses(folders):
    """Where each page is found, over http and on disk."""
    root, made = folders
    servers = {name: open_server(root / name) for name in made}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield {
        "http": {name: f"http://127.0.0.1:{server.server_port}/" for name, server in servers.items()},
        "file": {name: (root / name / "index.html").as_uri() for name in made},
    }
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture(params=["http", "file"])
def open_page(request, browser, addresses, folders):
    """A function that opens a page by name, over http and from disk; afterwards the console must have stayed empty."""
    yield from opening(browser, addresses[request.param], folders[1])


@pytest.fixture
def open_file(browser, addresses, folders):
    """The same, from disk alone."""
    yield from opening(browser, addresses["file"], folders[1])


def opening(browser, addresses, embeddings):
    opened = []

    def open_named(name, state=""):
        opened.append(Page(browser, embeddings[name]))
        return opened[-1].open(addresses[name] + state)

    yield open_named
    if opened:
        opened[-1].js("localStorage.clear()")  # the choice of a theme is kept
        assert opened[-1].console() == []


@pytest.fixture(scope="session")
def map_of_an_atlas(tmp_path_factory):
    """A map beside the data of an atlas of one layer: the unit `odd/name:3` is strongest on the images 7, 13, 19, ... of the run."""
    folder = tmp_path_factory.mktemp("atlas")
    embedding, ids, order = maps.marked_map(60, side=16), np.arange(60) * 3 + 7, np.arange(20)[::-1]
    (folder / "map").mkdir()
    (folder / "map" / "map.png").write_bytes(b"")
    write_page(embedding, folder / "map", atlas="../index.html", side=8, ids=ids)
    values = np.linspace(255, 60, 10).astype(np.uint8)
    detail = {"channel": 3, "sample": {"index": site.column(np.arange(10), "u2"), "value": site.column(values)}}
    data = {
        "start": {
            "layers": [{"n": 0, "address": "odd/name", "units": 20}],
            "images": {"ids": site.rising(ids)},
            "sample": site.rising(np.arange(0, 60, 2)),
        },
        "units-0": {"n": 0, "order": site.column(order, "u2")},
        "detail-0-1": {"units": [detail]},  # channel 3 has rank 16
    }
    (folder / "data").mkdir()
    for name, payload in data.items():
        (folder / "data" / f"{name}.js").write_bytes(site.data_file(name, payload))
    return folder, embedding, ids, values
