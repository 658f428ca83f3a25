"""The atlas in a real Chromium: what `convscope.atlas` made of a small run, over http and from disk, and a large one of random numbers."""

import functools
import http.server
import io
import json
import re
import shutil
import threading
import time
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from driving import SIZE, Page, resize, sheets_of_paper
from PIL import Image
from selenium.webdriver.common.keys import Keys

import convscope
from atlases import LAYERS, UNITS, WIDE, write_large
from convscope import assets

pytestmark = [pytest.mark.once, pytest.mark.long]  # a browser takes its time
BAD, TURNED = "<img src=x onerror=\"window.hacked='class'\">", "evil\u202egnp שלום"
LABELS = (BAD, TURNED, "Sandal", "Bag")
LAYER, BELOW = "block2_conv1", "block1_conv2"


class AtlasPage(Page):
    """The page of an atlas."""

    def settle(self):
        """Wait until the page rests, or the map where one leads there."""
        resting = "typeof atlas !== 'undefined' ? atlas.resting?.() : typeof map !== 'undefined' && map.resting()"
        return self.until(f"return ({resting}) && document.querySelector('h1') !== null") and self

    def go(self, address):
        self.js("location.hash = arguments[0]", address)
        time.sleep(0.05)
        return self.settle()

    @property
    def hash(self):
        return self.js("return location.hash")

    def words(self, selector="#view"):
        return self.js("return document.querySelector(arguments[0]).innerText", selector)

    def all(self, selector, what="innerText"):
        return self.js("return [...document.querySelectorAll(arguments[0])].map((one) => one[arguments[1]])", selector, what)

    def press(self, *keys):
        for key in keys:
            self.keys(key)
            time.sleep(0.05)
        return self.settle()


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """An atlas of 138 units of `fashion` and their run: 120 images in folders whose names attack a page."""
    root = tmp_path_factory.mktemp("atlas")
    with np.load(assets.path("fashion_test.npz")) as file:
        images = file[file.files[0]][:120]
    for number, image in enumerate(images):
        folder = root / "images" / LABELS[number % len(LABELS)]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.reshape(28, 28)).save(folder / f"{number:03}.png")
    run = convscope.scan("fashion", root / "images", out=root / "run", layers=f"block1_conv1,{BELOW},{LAYER},predictions")
    return convscope.atlas(run=run, out=root / "atlas", projections=3)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    write_large(folder)
    return folder


@pytest.fixture(scope="session")
def host(made):
    """Any static host."""
    handler = functools.partial(_Quiet, directory=str(made.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def page(browser, made):
    yield from _opened(browser, made.page.as_uri())


@pytest.fixture(params=["file", "http"])
def anywhere(request, browser, made, host):
    yield from _opened(browser, made.page.as_uri() if request.param == "file" else host)


def _opened(browser, address):
    """A function that opens an address of the atlas; afterwards nothing has been said on the console or asked of elsewhere."""
    opened = AtlasPage(browser, None)
    browser.get("about:blank")  # the page before asks for nothing more
    browser.get_log("performance")

    def open_at(hash_=""):
        return opened.open(address + hash_)

    yield open_at
    assert opened.console() == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"}
    root = address.rsplit("/", 1)[0]
    assert [url for url in urls if not url.startswith((root, "data:", "about:", "blob:"))] == []
    assert opened.js("return window.hacked") is None


def test_a_network_is_walked_by_keys_from_its_graph_to_the_map_and_back(anywhere):
    page = anywhere()
    assert page.js("return document.activeElement.tagName") == "H1"
    page.press("g", LAYER[:8], Keys.ENTER)
    assert page.hash == f"#{LAYER}"
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    order = page.js(
        "return kit.load(`units-${atlas.start.layers.find((one) => one.address === arguments[0]).n}`).then((units) => [...units.order])",
        LAYER,
    )
    assert page.js("return document.activeElement.hash") == f"#{LAYER}:{order[1]}"
    page.press(Keys.ENTER)
    assert page.hash == f"#{LAYER}:{order[1]}"
    page.press(Keys.ARROW_RIGHT)
    assert page.hash == f"#{LAYER}:{order[2]}"
    page.press(Keys.ESCAPE)
    assert (page.hash, page.js("return document.activeElement.hash")) == (f"#{LAYER}", f"#{LAYER}:{order[2]}")
    page.press(Keys.ENTER, Keys.ARROW_LEFT, "i", Keys.ENTER)
    assert re.fullmatch(rf"#{BELOW}:\d+", page.hash)
    page.press("p", Keys.ENTER)
    image = page.hash
    assert re.fullmatch(r"#image:\d+", image)
    page.press("m")
    assert urlsplit(page.driver.current_url).path.endswith("/map/index.html")
    page.driver.back()
    assert page.settle().hash == image
    page.press(Keys.ESCAPE, Keys.ESCAPE)
    assert page.hash in ("", "#")
    page.press("?")
    assert "go to a layer" in page.words("dialog")
    page.press(Keys.ESCAPE)
    page.until("return !document.querySelector('dialog')")


@pytest.mark.parametrize("unit", [f"{BELOW}:5", "predictions:3"])
def test_a_unit_page_says_what_the_tables_of_the_run_say(page, made, unit):
    page, run = page(f"#{unit}"), made.run
    layer, channel = unit.split(":")
    known, top = run.units(layer, [int(channel)]), run.top(layer, [int(channel)])

    def number(value):
        return page.js("return kit.number(arguments[0])", float(value))

    assert f"Fires on {page.js('return kit.percent(arguments[0])', float(known.fires[0]))} of 120 images" in page.words()
    facts = dict(zip(page.all(".card dt"), page.all(".card dd"), strict=True))
    said = {"Mean": known.mean, "Largest": known.largest, "50\u00a0% of images below": known.quantiles[0.5]}
    assert {name: facts[name] for name in said} == {name: number(values[0]) for name, values in said.items()}
    assert page.all(".bars .number:not(.muted)") == [number(mean) for mean in sorted(known.class_means[0], reverse=True)]
    images = [int(image) for image in top.images[0] if image >= 0]
    assert page.all(".trio .nine a", "hash") == [f"#image:{image}" for image in images[:9]]
    assert page.all(".trio .nine b") == [number(value) for value in top.values[0][: len(images)]][:9]


def test_an_image_page_shows_the_pixels_that_entered_and_what_they_excite(page, made):
    page, run = page("#image:7"), made.run
    left, top, width, height = page.js(
        "const b = document.querySelector('.big i').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
    )
    shot = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("L").crop((left, top, left + width, top + height))
    entered = 255 * run.picture(7)[..., 0]
    assert np.abs(np.asarray(shot.resize((28, 28), Image.Resampling.BOX), float) - entered)[2:-2, 2:-2].mean() < 6
    assert run.name(7).rsplit("/")[-1] in page.words("h1") and run.prediction(7) in page.words(".facts")
    unit, share = page.js("const t = document.querySelector('.rung .tile'); return [t.hash, t.querySelector('.strength').innerText]")
    layer, channel = unit[1:].split(":")
    values = run.sample(layer, [int(channel)])[:, 0]
    own = values[run.sample_images.tolist().index(7)]
    assert share == page.js("return kit.percent(arguments[0])", float((values < own).mean()))


@pytest.mark.parametrize(
    ("address", "budget"), [("", 400_000), (f"#{LAYER}:3", 300_000), ("#predictions:3", 300_000), ("#image:7", 300_000)]
)
def test_a_page_is_light(browser, host, address, budget):
    """All that it asks for, with what is below the window and the next unit's pictures."""
    page = AtlasPage(browser, None).open(host + address)
    page.js("document.querySelectorAll('#view .tile').forEach(kit.seen)")
    page.settle()
    asked = "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];"
    page.until(f"{asked} return all.every((one) => one.responseEnd > 0)")
    assert 60_000 < page.js(f"{asked} return all.reduce((sum, one) => sum + one.encodedBodySize, 0)") <= budget


def test_a_link_restores_kind_order_and_filter(page, made):
    largest = made.run.units(LAYER).largest.astype("f4")
    limit = round(float(np.median(largest)), 2)
    page = page(f"#{LAYER}?kind=patch&sort=max&q={quote(f'max<{limit}')}")
    wanted = int((largest < limit).sum())
    assert 8 < wanted < 60 and page.words(".count") == f"{wanted} of 64 units"
    shown = [int(words.split()[0]) for words in page.all(".board small")]
    assert len(shown) >= 8 and largest[shown].max() < limit and sorted(largest[shown], reverse=True) == largest[shown].tolist()
    assert (
        "wall-" in page.js("return document.querySelector('.board i').style.backgroundImage")
        and page.all("[aria-pressed=true]")[0] == "Patch"
    )
    page.js("const s = document.querySelector('.controls select'); s.value = 'channel'; s.dispatchEvent(new Event('change'))")
    assert "sort=channel" in page.settle().hash and "kind=patch" in page.hash
    page.js("const s = document.querySelector('.controls select'); s.value = 'like'; s.dispatchEvent(new Event('change'))")
    page.go(f"#{LAYER}?sort=like&like=9")
    assert page.all(".board b")[0] == "9"


def test_going_back_returns_to_where_the_page_was(page):
    page = page(f"#{LAYER}?size=l")
    page.js("scrollTo(0, 900)")
    page.until("return scrollY === 900 && history.state?.top === 900")
    page.go(f"#{LAYER}:3")
    assert page.js("return scrollY") == 0
    page.driver.back()
    page.settle()
    assert page.until("return scrollY === 900")


def test_search_finds_units_of_the_whole_network_and_says_what_it_cannot_read(page, made):
    page = page()
    page.press("/", "fires>0.5 max<2")
    until = "return location.hash.startsWith('#search') && atlas.resting() && document.querySelector('#view .title p').innerText"
    tables = [made.run.units(layer) for layer in made.run.layers]
    count = sum(int(((one.fires.astype("f4") > 0.5) & (one.largest < 2)).sum()) for one in tables)
    page.until(f"{until} === {json.dumps(f'{count} units of 138') if count != 1 else json.dumps('1 unit of 138')}")
    page.go("#search?q=colour%3E3")
    assert "Cannot read colour>3" in page.words()
    page.go(f"#search?q={LAYER}:17")
    assert page.all(".board small") == [f"{LAYER}\n:17"] or page.all(".board small") == [f"{LAYER}:17"]


def test_names_from_outside_stay_text(page):
    page = page("#class:" + quote(BAD))
    assert page.words("h1") == BAD
    page.go("#class:" + quote(TURNED))
    assert page.words("h1") == TURNED.replace("\u202e", "\u25a1")
    page.go("#search?q=" + quote("onerror"))
    assert page.all("#view .chip") == [BAD]
    page.go("#" + quote("<img src=x onerror=window.hacked=1>"))
    assert "Nothing here" in page.words()
    assert page.all("#view img, #view script, [onerror]") == []


def test_a_missing_chunk_is_named_and_the_rest_works(browser, made, tmp_path):
    folder = shutil.copytree(made.folder, tmp_path / "copy")
    for path in (folder / "data").glob("detail-*.js"):
        path.unlink()
    page = AtlasPage(browser, None).open((folder / "index.html").as_uri() + f"#{LAYER}:3")
    assert "data/detail-" in page.words() and "missing" in page.words()
    page.go(f"#{LAYER}")
    assert page.all(".board a")
    page.console()


@pytest.mark.parametrize("size", [(390, 844), (3840, 2160)])
def test_no_page_is_wider_than_its_window(page, size):
    page = page()
    try:
        resize(page.driver, *size)
        for address in ("#", f"#{LAYER}", f"#{LAYER}:3", "#image:7", "#class:Bag", "#search?q=fires%3E0", "#image"):
            page.go(address)
            assert page.js("return document.documentElement.scrollWidth") <= size[0], address
    finally:
        resize(page.driver, *SIZE)


def test_a_unit_page_is_printed_on_one_sheet(page):
    page = page(f"#{LAYER}:3")
    assert sheets_of_paper(page.driver, 8.27, 11.69, printBackground=True) == 1


def test_the_theme_is_remembered(page):
    page = page()
    before = page.js("return getComputedStyle(document.body).backgroundColor")
    page.press("t")
    after = page.js("return getComputedStyle(document.body).backgroundColor")
    assert before != after
    page.driver.refresh()
    assert page.settle().js("return getComputedStyle(document.body).backgroundColor") == after
    page.js("localStorage.clear()")


def test_a_large_network_is_quick(browser, large):
    """A layer of 1,280 units, and a search of 22,008, in a second of the page's own time each, however busy the machine is."""
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    page = AtlasPage(browser, None).open((large / "index.html").as_uri())
    before = worked(page)
    page.go(f"#block{(LAYERS - 1) // 7}_layer{LAYERS - 1}")
    assert len(page.all(".board i.cut")) > 50 and page.words(".count") == f"{WIDE:,} units"
    drawn = worked(page)
    page.go("#search?q=fires%3E0.5")
    assert len(page.all(".board a")) > 40 and f"of {UNITS:,}" in page.words(".title p")
    assert max(drawn - before, worked(page) - drawn) < 1
    assert page.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"] < 60e6
    assert page.console() == []


def worked(page):
    """Return the seconds that the page's tasks took."""
    metrics = page.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")
