"""The live page in a real Chromium: the walk of a reader who has only a keyboard, on the embedded small network and a run of it."""

import io
import itertools
import threading
import time

import numpy as np
import pytest
from driving import SIZE, Page, resize
from PIL import Image
from selenium.webdriver.common.keys import Keys

import convscope
from convscope.look.live import open_live

pytestmark = [pytest.mark.once, pytest.mark.long]  # a browser takes its time
LAYER = "block2_conv2"
CLIMBED, GROWN = (f"document.querySelector('.part:nth-child(3) {one}')" for one in ("figcaption", ".canvas img"))


class LivePage(Page):
    """The live page."""

    def settle(self):
        """Wait until the page has all that it asked for."""
        return self.until("return typeof live !== 'undefined' && live.resting?.() && document.querySelector('h1') !== null") and self

    def go(self, address):
        self.js("location.hash = arguments[0]", address)
        time.sleep(0.05)
        return self.settle()

    def press(self, *keys):
        for key in keys:
            self.keys(key)
            time.sleep(0.05)
            self.settle()
        return self

    @property
    def state(self):
        """The address that is shown: its parts, and what it says of the view."""
        return self.js("const { parts, query } = kit.address(); return [parts, query]")

    def words(self, selector="#view"):
        return self.js("return document.querySelector(arguments[0]).innerText", selector)

    def all(self, selector, what="innerText"):
        return self.js("return [...document.querySelectorAll(arguments[0])].map((one) => one[arguments[1]])", selector, what)

    def drawn(self, selector):
        """Return the pixels of an element on the screen."""
        box = self.js(
            "const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]", selector
        )
        left, top, right, bottom = (round(side) for side in box)
        return self.pixels()[top + 8 : bottom - 8, left + 8 : right - 8]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("look")
    for number, name in enumerate(("<img src=x onerror=window.hacked=1>.png", "a\u202egnp.exe.png", "plain.png")):
        Image.fromarray(np.uint8(np.add.outer(np.arange(40), np.arange(40)) * (number + 1))).save(root / name)
    run = convscope.scan("fashion", "sample:fashion[0-49]", out=root / "run", layers=f"{LAYER},predictions")
    server = open_live("fashion", ["sample:fashion[0-9]", str(root / "*.png")], run=run.path, out=root / "out", name="fashion")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.address, root
    server.stop()
    thread.join(10)


@pytest.fixture
def page(browser, served):
    resize(browser, *SIZE)
    opened = LivePage(browser, None).open(served[0])
    yield opened
    opened.js("localStorage.clear()")
    assert opened.console() == []
    resize(browser, *SIZE)


def test_a_reader_with_a_keyboard_walks_from_the_image_to_the_projection(page):
    assert page.words("h1") == "fashion" and len(page.all(".rows .layer")) == 7 and "T-shirt/top" in page.words("#image")
    page.press("]")
    assert page.state[0] == ["block1_conv1"]
    page.press("]", "]", "]", Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER)
    (layer, channel), _ = page.state
    order = page.js(f"return live.image.layers.find((one, n) => live.start.layers[n].address === '{LAYER}').channels")
    assert layer == LAYER and int(channel) == order[1]
    page.press("h")
    assert page.state[0][1] == str(order[0])
    page.press(Keys.ARROW_RIGHT, "l")
    assert page.state[0][1] == str(order[2])
    ways = []
    for _ in range(4):
        ways.append(page.js("return document.querySelector('.way .canvas img').src"))
        page.press("b")
    assert len(set(ways)) == 4 and page.js("return document.querySelector('.way .canvas img').src") == ways[0]
    page.press("j")
    assert page.state[1]["image"] == "sample:fashion[1]" and page.words("#image .named").startswith("fashion_test[1]")
    page.press(Keys.ESCAPE)
    assert page.state[0] == [LAYER]
    page.press(Keys.ESCAPE)
    assert page.state[0] == []


def test_a_link_restores_the_view(page, served):
    page.go(f"#{LAYER}:17?image=sample%3Afashion%5B3%5D&way=guided&see=through")
    before = page.words("#view"), page.js("return document.querySelector('.way .canvas img').src"), page.words("#image")
    page.open(page.js("return location.href"))
    assert (page.words("#view"), page.js("return document.querySelector('.way .canvas img').src"), page.words("#image")) == before


def test_the_projection_comes_from_the_place_that_is_chosen(page):
    page.go(f"#{LAYER}:17?image=sample%3Afashion%5B3%5D")
    position = page.js("return kit.decode && live.image && document.querySelector('.map rect').getAttribute('y')")
    page.press("p", Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    channel, place = page.state[0][1].split("@")
    assert channel == "17" and int(place.split(",")[0]) == min(13, int(position) + 1)
    assert page.js("return document.activeElement.matches('.canvas.map')")
    box = page.js("const b = document.querySelector('.canvas.map').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]")
    page.js(
        "document.querySelector('.canvas.map').dispatchEvent(new MouseEvent('click', { clientX: arguments[0], clientY: arguments[1] }))",
        box[0] + 0.54 * box[2],
        box[1] + 0.25 * box[3],
    )
    page.settle()
    assert page.state[0][1] == "17@3,7"


def test_two_images_are_compared_on_the_same_unit(page):
    page.go(f"#{LAYER}:17?image=sample%3Afashion%5B3%5D").press("s", ".", "c")
    state = page.state[1]
    assert (state["image"], state["pin"], state["show"]) == ("sample:fashion[4]", "sample:fashion[3]", "both")
    assert len(page.all(".trio canvas")) == 3 and "Difference" in page.words(".trio") and "same scale" in page.words(".way")
    page.press("c")
    assert len(page.all(".trio canvas")) == 1


def test_a_synthetic_picture_grows_and_can_be_stopped(page):
    page.go("#block1_conv2:3").press("a")
    page.until(f"return {CLIMBED}.innerText.startsWith('Step') && {GROWN}")
    first = page.js(f"return {GROWN}.src")
    page.until(f"return {GROWN}.src !== '{first}'")
    page.press("a")
    assert page.js(f"return {CLIMBED}.innerText") == "Stopped."
    page.press("a")
    page.until(f"return {CLIMBED}.innerText.startsWith('Done')")
    page.press("l", "h")
    assert page.js(f"return {CLIMBED}.innerText").startswith("Done")  # it is kept


def test_a_picture_that_is_dropped_is_shown(page):
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.add.outer(np.arange(60), 4 * np.arange(60)))).save(file, "PNG")
    page.js(
        "const data = new DataTransfer(), bytes = Uint8Array.from(arguments[0]);"
        "data.items.add(new File([bytes], '<b>mine</b>.png', { type: 'image/png' }));"
        "document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));",
        list(file.getvalue()),
    )
    page.until("return live.image.name.startsWith('upload:')")
    page.settle()
    assert page.words("#image .named").strip() == "<b>mine</b>.png" and page.state[1]["image"].startswith("upload:")
    page.js(
        "const data = new DataTransfer(); data.items.add(new File(['no picture'], 'x.png'));"
        "dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }))"
    )
    page.until("return /not a readable image/.test(document.querySelector('.note')?.innerText)")
    entries = page.driver.get_log("browser")  # a refused picture is also a line of the browser's own
    assert all("drop" in entry["message"] and "400" in entry["message"] for entry in entries), entries


def test_a_run_shows_its_strongest_images_and_each_opens(page):
    page.go(f"#{LAYER}:17")
    assert len(page.all(".in-run .nine a")) == 9 and "of 50 images" in page.words(".in-run")
    page.js("document.querySelector('.in-run .nine a').click()")
    page.settle()
    assert page.state[1]["image"].startswith("run:")
    page.go("#block1_conv1:3")
    assert page.all(".in-run") == []
    page.go(f"#{LAYER}?sort=above")
    shares = [float(words.split()[1]) for words in page.all(".board .tile small") if "<" not in words and ">" not in words]
    assert shares == sorted(shares, reverse=True)


def test_what_is_taken_away_is_the_command_and_its_picture(page, served):
    page.go(f"#{LAYER}:17?image=sample%3Afashion%5B3%5D&way=spread").press("w")
    page.until("return /Written/.test(document.querySelector('.note')?.innerText)")
    assert list((served[1] / "out").glob("deconv-*.png"))
    page.press("e")
    page.until("return /Added to/.test(document.querySelector('.note')?.innerText)")
    assert "deconv block2_conv2:17 'sample:fashion[3]' --switches spread -m fashion" in page.words(".note")


def test_hostile_names_stay_text(page, served):
    names = page.js("return live.names.slice(10)")
    for name in names:
        page.go(f"#{LAYER}:3?image={page.js('return encodeURIComponent(arguments[0])', name)}")
    for address in ("#<script>:3", f"#{LAYER}:9999", f"#{LAYER}:<b>", "#?image=/etc/passwd", f"#{LAYER}:1@99,99"):
        page.go(address)
        assert page.words("#view")
    assert page.js("return window.hacked") is None and page.all("#view script, #view b b") == []
    page.driver.get_log("browser")  # what cannot be shown was refused, which the browser notes


def test_keys_zoom_and_colours(page):
    page.go(f"#{LAYER}:17").press("?")
    assert {"b", "[ ]", "z"} <= set(page.all("dialog kbd"))
    page.js("document.querySelector('dialog').close()")
    page.press("z")
    assert len(page.all("dialog .zoomed .canvas")) >= 2
    page.press("z")
    page.until("return document.querySelectorAll('dialog').length === 0")
    light = page.drawn("header.bar").mean()
    page.press("t")
    assert abs(page.drawn("header.bar").mean() - light) > 100


@pytest.mark.parametrize("address", ["", f"#{LAYER}", f"#{LAYER}:17", f"#{LAYER}:17?pin=sample%3Afashion%5B5%5D&show=both"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_reaches_over_the_window_and_maps_are_drawn(page, address, width):
    resize(page.driver, width, 800)
    page.go(address or "#")
    assert page.js("return document.documentElement.scrollWidth") <= width
    assert page.js("return [...document.querySelectorAll('#view canvas')].length") > 0
    page.js("document.querySelector('#view canvas').scrollIntoView({ block: 'center' })")
    assert np.ptp(page.drawn("#view canvas")) > 60
    boxes = page.js(
        "return [...document.querySelectorAll('#image > *')].map((one) => one.getBoundingClientRect()).map((b) => [b.top, b.bottom])"
    )
    if width > 400:  # one below the other, none over another
        assert all(above[1] <= below[0] + 1 for above, below in itertools.pairwise(one for one in boxes if one[1] - one[0] > 1))
