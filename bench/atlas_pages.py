"""What pages of an atlas take a browser to load, and the walk through one by keyboard, in a real Chromium.

    python bench/atlas_pages.py ATLAS [ADDRESS ...] [--walk LAYER]

ATLAS is a folder, an ADDRESS what stands behind the page's "#", such as `block4_conv2:17`; without any the overview. Each page is opened
over http in a browser of its own with an empty cache, in a window of 1,280 by 800 pixels. The bytes are those that the host sends until the
page rests, as they are and compressed by gzip where that is text; what a resting page fetches ahead does not count.

`--walk`: over file:// and over http, from the overview to LAYER, a unit, its next neighbour, an input of it, an image, the map, and back;
then a search, and the link to what it found. Each step must arrive where it should, and the console must stay empty.
"""

import argparse
import gzip
import shutil
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from driving import start

SIZE, PATIENCE = (1280, 800), 60
# The address changes before the page does, so a step waits for what the page says.
SEARCHED = "return document.title.startsWith('fires>0.9 -silent')"
RESTING = "return document.readyState === 'complete' && (window.atlas ? atlas.resting() : map.resting())"


class Host(SimpleHTTPRequestHandler):
    """A static host that remembers what it sent."""

    sent: ClassVar[list[str]] = []

    def do_GET(self):
        self.sent.append(urlsplit(self.path).path.lstrip("/") or "index.html")
        super().do_GET()

    def log_message(self, *words):
        """Say nothing."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("atlas", type=Path)
    parser.add_argument("addresses", nargs="*", default=[""])
    parser.add_argument("--walk", metavar="LAYER")
    asked = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Host, directory=str(asked.atlas)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}/index.html"
    if asked.walk:
        for page in ((asked.atlas / "index.html").resolve().as_uri(), host):
            walk(page, asked.walk)
        return
    for address in asked.addresses:
        measure(asked.atlas, host, address)


def measure(folder, host, address):
    """Print what a page takes."""
    Host.sent.clear()
    browser = start(shutil.which("chromium"), shutil.which("chromedriver"), size=SIZE)
    try:
        began = time.perf_counter()
        browser.get(host + (f"#{address}" if address else ""))
        rest(browser)
        seconds = time.perf_counter() - began
    finally:
        sent = [path for path in Host.sent if (folder / path).is_file()]
        browser.quit()
    contents = {path: (folder / path).read_bytes() for path in sent}
    small = {path: len(content) if path.endswith(".webp") else len(gzip.compress(content, 6)) for path, content in contents.items()}
    largest = sorted(contents, key=lambda path: -len(contents[path]))[:6]
    parts = ", ".join(f"{path} {len(contents[path]) / 1000:.0f}" for path in largest)
    whole, compressed = (sum(sizes) / 1000 for sizes in (map(len, contents.values()), small.values()))
    print(f"{address or 'overview'}: {whole:.0f} kB, {compressed:.0f} compressed, rests after {seconds:.2f} s ({parts})", flush=True)


def rest(browser, condition="return true"):
    """Wait until the page rests and the condition holds; what takes too long is an error."""
    began = time.perf_counter()
    while not (browser.execute_script(RESTING) and browser.execute_script(condition)):
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"The page does not rest, or not: {condition} at {browser.execute_script('return location.href')}")
        time.sleep(0.02)


def walk(page, layer):
    """Walk through an atlas by keyboard, and print where each step leads."""
    browser = start(shutil.which("chromium"), shutil.which("chromedriver"), size=SIZE)
    script = browser.execute_script

    def step(words, keys, condition):
        began, before = time.perf_counter(), script("return location.href")
        for key in keys:
            ActionChains(browser).send_keys(key).perform()
            time.sleep(0.15)
        rest(browser, condition)
        assert script("return location.href") != before, words
        print(f"  {words}: {script('return document.title')}, {time.perf_counter() - began:.1f} s", flush=True)

    try:
        browser.get(page)
        rest(browser)
        print(f"{urlsplit(page).scheme}: {script('return document.title')}", flush=True)
        step(f"g {layer}", ["g", layer, Keys.ENTER], "return document.querySelectorAll('#view a.tile').length > 0")
        step("Down, Enter", [Keys.ARROW_DOWN, Keys.ENTER], r"return /:\d+$/.test(location.hash)")
        step("Right", [Keys.ARROW_RIGHT], r"return /:\d+$/.test(location.hash)")
        unit = script("return location.hash")
        step("i, Enter", ["i", Keys.ENTER], f"return location.hash !== '{unit}'")
        step("p, Enter", ["p", Keys.ENTER], "return location.hash.startsWith('#image')")
        step("m", ["m"], "return location.pathname.includes('/map/')")
        for _ in range(3):
            browser.back()
            rest(browser)
        rest(browser, f"return location.hash === '{unit}'")
        step("/ fires>0.9 -silent", ["/", "fires>0.9 -silent"], SEARCHED)
        found, link = script("return document.querySelector('#view p').innerText"), script("return location.href")
        browser.get("about:blank")
        browser.get(link)
        rest(browser, SEARCHED)
        assert script("return document.querySelector('#view p').innerText") == found
        print(f"  the link again: {found}")
        assert [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE"] == []
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
