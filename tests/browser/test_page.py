"""The page in a real Chromium, over http and from disk, with 1,000 images."""

import csv
import json
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from driving import SIZE, Page, animate, resize, start
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from convscope.render.imagemap import write_page
from maps import HOSTILE, marked_map

pytestmark = pytest.mark.long  # a browser takes its time

# A hundredth of the speed, so that a busy machine draws more than the end; until `performance.now` is the page's own again.
SLOWLY = """
const now = performance.now.bind(performance), start = now(), frame = requestAnimationFrame;
performance.now = () => start + (now() - start) / 100;
requestAnimationFrame = (draw) => frame(() => draw(performance.now()));
"""


def test_every_image_is_drawn_at_its_coordinates(open_page):
    page = open_page("marked", "#0.5,0.5,1,;colour=none")
    assert page.js("return map.renderer.name") == "WebGL2"
    assert page.misplaced() == 0
    page.js("map.scene.look(0.3, 0.6, map.scene.fit() * 9)")
    assert page.settle().misplaced() == 0
    assert page.js("return map.pages.wanted") == 3  # 128 pixels


def test_every_image_has_its_cell_on_the_grid_and_the_way_there_is_animated(open_file):
    page = open_file("marked", "#0.5,0.5,1,;colour=none")
    animate(page.driver, True)
    page.js(SLOWLY)
    page.driver.find_element(By.ID, "grid").click()
    assert 0 < page.until("return map.scene.mix") < 1
    page.js("delete performance.now")
    assert page.settle().misplaced(exact=False) == 0
    animate(page.driver, False)
    assert ";layout=grid" in page.until("return location.hash.includes('layout') && location.hash")
    page.keys("g")
    assert page.js("return map.scene.mix") == 0 and page.misplaced() == 0


def test_the_mouse_shows_and_pins_an_image_with_its_neighbours(open_file):
    page = open_file("fashion")
    embedding, index = page.embedding, 17
    page.js("map.scene.zoomTo(map.ids.indexOf(17), 60)")
    page.settle()
    rank = page.js("return map.scene.pick(...arguments[0])", list(page.screen()[index]))
    index = page.js("return map.ids[arguments[0]]", rank)
    assert np.hypot(*(page.screen()[index] - page.screen()[17])) <= 14
    page.mouse(page.screen()[index] + 2)
    page.until("return document.querySelector('#card .name').textContent !== '…'")
    words = page.text("card")
    assert embedding.image_names[index] in words and embedding.labels[index] in words
    shown = page.js("return document.querySelector('#card dd:not(:first-of-type)').textContent")
    assert shown == f"{embedding.predictions[index]} · {100 * embedding.probabilities[index]:.1f}\u00a0%"
    drawn = page.js(
        "const c = document.querySelector('#card canvas'); return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    assert np.array_equal(np.reshape(drawn, (28, 28, 4))[..., 0], embedding.thumbnails[index, ..., 0])
    page.mouse(page.screen()[index] + 2, click=True)
    page.until("return document.querySelector('#pinned .name').textContent !== '…' && map.scene.near.length")
    assert embedding.image_names[index] in page.text("pinned") and not page.shown("card")
    near = page.js("return map.scene.near.map((rank) => map.ids[rank])")
    assert near == embedding.neighbours[index].tolist()
    assert page.js("map.ui.select(5); return document.querySelectorAll('#near *').length") == 0  # not those of another image
    page.js("map.ui.select(arguments[0])", rank)
    page.until("return map.scene.near.length")
    page.keys("1")
    assert page.js("return map.ids[map.scene.selected]") == near[0]
    page.keys(Keys.ESCAPE)
    assert not page.shown("pinned")


def test_a_filter_fades_the_rest(open_file):
    page = open_file("marked")
    page.driver.find_elements(By.CSS_SELECTOR, "#classes button")[1].click()
    page.settle()
    members = np.array([label == "class 1" for label in page.embedding.labels])
    assert page.text("count") == f"{members.sum()} of 1,000 images"
    places = np.floor(page.screen()).astype(int) - 3
    free = page.js("return arguments[0].map(([x, y]) => document.elementFromPoint(x, y)?.id === 'overlay')", places.tolist())
    seen = 255 - page.pixels()[places[:, 1], places[:, 0]].min(axis=1)  # how far from white
    share = seen / (255 - page.embedding.thumbnails[:, 0, 0].min(axis=1))
    assert (share[members & free] > 0.6).all()
    assert ((share[~members & free] < 0.25) & (seen[~members & free] > 0)).all()  # faded, not hidden
    assert "only=1" in page.until("return location.hash.includes('only') && location.hash")
    page.click("clear")
    assert page.text("count") == "1,000 images"


def test_search_finds_names_and_classes(open_file):
    page = open_file("fashion")
    page.keys("/", "0031")
    assert page.until("return map.scene.found && map.scene.litCount") == sum("0031" in name for name in page.embedding.image_names)
    page.driver.find_element(By.ID, "search").clear()
    page.driver.find_element(By.ID, "search").send_keys("SANDAL" + Keys.ESCAPE)
    wanted = sum("Sandal" in pair for pair in zip(page.embedding.labels, page.embedding.predictions, strict=True))
    page.until(f"return map.scene.litCount === {wanted}")


def test_a_lasso_saves_a_table(open_file, tmp_path):
    page = open_file("fashion")
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    (left, top), (right, bottom) = page.corners()
    x, y = (left + right) / 2, (top + bottom) / 2
    page.driver.find_element(By.ID, "lasso").click()
    page.mouse((x, y), (right + 9, y), (right + 9, bottom + 9), (x, bottom + 9), press=True)
    places = page.screen()
    inside = np.flatnonzero((places > (x, y)).all(axis=1))
    near = (np.abs(places - (x, y)) < 1.5).any(axis=1)  # the mouse moves in whole pixels
    chosen = set(page.js("return Array.from(map.ids).filter((_, rank) => map.scene.lit[rank])"))
    assert len(inside) > 100 and chosen ^ set(inside.tolist()) <= set(np.flatnonzero(near).tolist())
    page.click("csv")
    until = time.monotonic() + 90
    while not list(tmp_path.glob("*.csv")) and time.monotonic() < until:
        time.sleep(0.05)
    rows = list(csv.DictReader((tmp_path / "images.csv").read_text("utf-8").splitlines()))
    assert [int(row["id"]) for row in rows] == sorted(chosen)
    embedding, first = page.embedding, int(rows[0]["id"])
    assert rows[0]["name"] == embedding.image_names[first] and rows[0]["label"] == embedding.labels[first]
    assert float(rows[0]["probability"]) == pytest.approx(embedding.probabilities[first], abs=1e-4)


def test_zoom_holds_the_point_under_the_cursor(open_file):
    page = open_file("marked")
    place = np.array([600.0, 450.0])
    before = page.js("return map.scene.toMap(...arguments[0])", place.tolist())
    page.mouse(place)
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": 600, "y": 450, "deltaX": 0, "deltaY": -400})
    page.until("return map.scene.relative() > 1.3")
    assert page.js("return map.scene.toMap(...arguments[0])", place.tolist()) == pytest.approx(before, abs=1e-4)


@pytest.mark.long
def test_two_fingers_zoom(open_file):
    page = open_file("marked")
    touch = lambda kind, *points: page.driver.execute_cdp_cmd(  # noqa: E731
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": 400, "id": i} for i, x in enumerate(points)]}
    )
    touch("touchStart", 450, 650)
    for step in range(1, 11):
        touch("touchMove", 450 - 10 * step, 650 + 10 * step)
    touch("touchEnd")
    page.until("return Math.abs(map.scene.relative() / 2 - 1) < 0.1")


def test_the_keyboard_moves_zooms_and_resets(open_file):
    page = open_file("marked")
    page.keys("+", "+", Keys.ARROW_RIGHT)
    assert page.js("return map.scene.relative()") == pytest.approx(2.25) and page.js("return map.scene.x") > 0.5
    page.keys(Keys.ENTER)
    assert page.shown("pinned")
    page.keys(Keys.ESCAPE, "0", "i")
    assert page.js("return map.scene.relative()") == pytest.approx(1)
    assert "Distances between clusters, and the sizes of clusters, mean little" in page.text("about")
    assert "0.4783" in page.text("about") and "scikit-learn-intelex" in page.text("about")
    page.keys("t")
    dark = page.pixels()[670, 950]
    page.keys("t")
    assert dark.max() < 40 and page.pixels()[670, 950].min() > 240


def test_a_link_restores_the_view(open_file):
    page = open_file("fashion", "#0.61,0.42,5.5,123;layout=grid;colour=error;only=1;theme=dark;find=test")
    state = page.js("return [map.scene.x, map.scene.y, map.scene.relative(), map.scene.mix, map.scene.colour, [...map.scene.only]]")
    assert state == [pytest.approx(0.61), pytest.approx(0.42), pytest.approx(5.5, rel=1e-3), 1, "error", [1]]
    assert page.embedding.image_names[123] in page.text("pinned")
    wrong = sum(a != b for a, b in zip(page.embedding.labels, page.embedding.predictions, strict=True))
    assert page.text("count") == f"{wrong} of 1,000 images"
    again = page.until("return location.hash.includes('find=test') && location.hash")
    assert open_file("fashion", again).js("return map.scene.relative()") == pytest.approx(5.5, rel=1e-3)


@pytest.mark.parametrize(
    "state", ["#nonsense", "#NaN,Infinity,-1,999999;only=-5.x;colour=__proto__;layout=no;find=%E0%A4%A", "#,,,;;=;a=b=c"]
)
def test_a_link_that_makes_no_sense_does_no_harm(open_file, state):
    page = open_file("marked", state)
    assert page.misplaced() < 0.02 or page.js("return map.scene.colour") == "label"
    assert page.text("count") == "1,000 images"


def test_hostile_names_stay_words(open_file):
    page = open_file("hostile")
    visible = {ord(sign): "\u25a1" for sign in "\x00\n\x85\u2028\u2029\u202e"}
    for index, name in enumerate(HOSTILE):
        page.js("map.ui.select(map.ids.indexOf(arguments[0]))", index)
        wanted = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace").translate(visible)
        page.until("return document.querySelector('#pinned .name').textContent !== '…'")
        assert page.js("return document.querySelector('#pinned .name').textContent") == wanted
        box = page.driver.find_element(By.ID, "pinned").rect
        assert box["width"] <= 240 and box["height"] <= 700
    assert page.js("return window.hacked === undefined")
    assert page.js("return document.images.length") == 0
    assert page.js("return document.scripts.length") == 2
    assert page.driver.find_element(By.ID, "legend").rect["width"] <= 200


def test_injected_markup_would_be_stopped_by_the_policy(open_page, browser):
    page = open_page("marked")
    page.js("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked=1\"><b style=\"color:red\">x</b>')")
    time.sleep(0.2)
    assert page.js("return window.hacked === undefined")
    assert any("Content Security Policy" in message for message in page.console())  # and the console is empty again


@pytest.mark.long
def test_a_lost_context_is_recovered(open_file):
    page = open_file("marked", "#0.5,0.5,1,;colour=none")
    page.js("window.losing = map.renderer.gl.getExtension('WEBGL_lose_context'); losing.loseContext()")
    page.until("return map.renderer.gl.isContextLost()")
    time.sleep(0.2)
    page.js("losing.restoreContext()")
    page.until("return !map.renderer.gl.isContextLost() && map.pages.resident() > 0")
    assert page.settle().misplaced() == 0


def asked_for(page):
    """Return the addresses that were asked for since this was asked last."""
    messages = [json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")]
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


def test_only_its_own_files_are_asked_for(open_page):
    page = open_page("fashion")
    page.click("grid")
    page.js("map.ui.go(5)")
    page.settle()
    asked = asked_for(page)
    assert any("data/start.js" in url for url in asked) and any("data/neighbours-" in url for url in asked)
    assert all(url.startswith(("http://127.0.0.1:", "file:///", "about:", "data:", "blob:")) for url in asked)


def test_photographs_without_a_hue_are_drawn_grey(open_file):
    page = open_file("grey", "#0.5,0.5,1,;colour=none")
    assert page.js("return [map.renderer.name, map.about.kind, map.about.channels]") == ["WebGL2", "photo", 1]
    page.js("map.scene.turn('grid', false)")
    page.settle()
    places, pixels = np.floor(page.screen(exact=False)).astype(int), page.pixels()
    seen = pixels[places[:, 1], places[:, 0]]
    assert np.abs(seen - page.embedding.thumbnails[:, 0, 0]).max() <= 2


@pytest.mark.parametrize("name", ["few", "grey"])
def test_everything_is_everything(open_file, name):
    page = open_file(name)
    half, bar = page.js("return map.scene.size()") / 2, page.js("return document.querySelector('header.bar').offsetHeight")
    left = page.js("return document.getElementById('legend').getBoundingClientRect().right")
    places = page.screen()
    height, width = page.pixels().shape[:2]
    assert (places - half >= (left, bar)).all() and (places + half <= (width, height)).all()


def test_the_map_on_which_images_were_placed_lies_below_them(open_file):
    page = open_file("placed", "#0.5,0.5,1,;colour=none")
    first, last = page.corners()
    dots = np.floor(first + page.placed(page.embedding.backdrop) * (last - first)).astype(int)
    half = page.js("return map.scene.size()") / 2 + 2
    free = (np.abs(dots[:, None] - page.screen()).max(axis=2) > half).all(axis=1) & (dots[:, 1] < 620)
    seen = page.pixels()[dots[:, 1], dots[:, 0]]
    assert free.sum() > 300 and (np.ptp(seen[free], axis=1) == 0).all() and (seen[free] > 120).all() and (seen[free] < 230).all()
    assert page.misplaced() == 0
    page.js("map.scene.turn('grid', false)")
    assert page.settle().misplaced(exact=False) == 0
    drawn = """const c = document.getElementById("dots");
        return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((part) => part > 0)"""
    assert not page.js(drawn)  # the grid has none


def test_a_link_opened_in_the_same_tab_leaves_nothing_of_the_last(open_file):
    page = open_file("fashion", "#0.6,0.4,5,123;layout=grid;colour=error;only=1;theme=dark;find=test")
    page.js("location.hash = '#0.5,0.5,1,'")
    page.until("return map.scene.colour === 'label'")
    page.settle()
    state = page.js("return [map.scene.mix, map.scene.selected, map.scene.only.size, document.documentElement.dataset.theme ?? '']")
    assert state == [0, -1, 0, ""] and page.text("count") == "1,000 images" and page.pixels()[670, 950].min() > 240
    page.js("location.hash = '#0.5,0.5,1,;only=3.99.1.5.x'")
    page.until("return map.scene.only.size")
    assert page.js("return [...map.scene.only].sort()") == [1, 3, 5]


def test_a_table_computes_nothing(open_file):
    page = open_file("hostile")
    saved = """const done = arguments[0], create = URL.createObjectURL;
        URL.createObjectURL = (blob) => { blob.text().then(done); return create(new Blob([])); }; map.ui.save();"""
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "deny"})
    table = page.driver.execute_async_script(saved)
    rows = list(csv.reader(table.splitlines()))
    assert not any(field.startswith(("=", "+", "-", "@")) for row in rows for field in row)
    assert "'=1+cmd|' /C calc'!A0.png" in table


def test_the_legend_of_very_many_classes_is_cut(open_file):
    page = open_file("classes")
    assert page.js("return document.querySelectorAll('#classes button').length") == 48
    assert page.js("return document.querySelector('#classes p').textContent") == "and 252 more"


def test_on_a_phone_nothing_covers_what_the_page_says_about_itself(open_file):
    page = open_file("fashion")
    resize(page.driver, 390, 780)
    try:
        page.settle().click("fold").keys("i")
        covered = """const about = document.getElementById("about"), found = [];
            const { left, right, top, bottom } = about.getBoundingClientRect();
            for (let x = left + 3; x < right - 3; x += 8) for (let y = top + 3; y < bottom - 3; y += 8)
              if (!about.contains(document.elementFromPoint(x, y))) found.push([x, y]);
            return found"""
        assert page.shown("about") and page.js(covered) == []
    finally:
        resize(page.driver, *SIZE)


@pytest.mark.long
def test_a_page_written_again_is_not_mixed_with_what_the_browser_kept(browser, addresses, tmp_path):
    versions = []
    for seed in (0, 1):
        embedding = marked_map(60, side=16, seed=seed)
        (tmp_path / "map.png").write_bytes(b"")
        write_page(embedding, tmp_path)
        browser.get_log("performance")
        page = Page(browser, embedding).open((tmp_path / "index.html").as_uri() + "#0.5,0.5,1,;colour=none")
        assert page.misplaced() == 0
        versions.append({urlsplit(url).query for url in asked_for(page) if url.endswith(".js") or ".js?" in url})
    assert [len(found) for found in versions] == [1, 1] and "" not in versions[0] | versions[1] and versions[0] != versions[1]


@pytest.mark.long
def test_few_slots_are_shared_by_eviction(open_file):
    page = open_file("marked", "#0.5,0.5,1,;colour=none")
    page.js("map.renderer.capacity = 2; map.pages.open(map.renderer)")
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9)):
        page.js("map.scene.look(arguments[0], arguments[1], map.scene.fit() * 9)", x, y)
        assert page.settle().misplaced() == 0
        assert page.js("return map.pages.resident()") <= 2


@pytest.mark.long
def test_a_lost_context_that_stays_lost_is_replaced_by_canvas_and_comes_back(browser, addresses, folders):
    page = Page(browser, folders[1]["marked"]).open(addresses["file"]["marked"] + "#0.5,0.5,1,;colour=none")
    page.js("window.losing = map.renderer.gl.getExtension('WEBGL_lose_context'); losing.loseContext()")
    page.until("return map.renderer.name === 'Canvas2D'")
    assert page.settle().misplaced() == 0
    page.js("losing.restoreContext()")
    page.until("return map.renderer.name === 'WebGL2'")
    assert page.settle().misplaced() == 0
    assert page.console() == []


def test_without_webgl_the_same_is_drawn_by_canvas(chromium, addresses, folders):
    driver = start(*chromium, "--disable-3d-apis")
    try:
        page = Page(driver, folders[1]["marked"]).open(addresses["file"]["marked"] + "#0.5,0.5,1,;colour=none")
        assert page.js("return map.renderer.name") == "Canvas2D"
        assert page.misplaced() == 0
        page.js("map.scene.turn('grid')")
        assert page.settle().misplaced(exact=False) == 0
        assert page.console() == []
        drawings = Page(driver, folders[1]["fashion"]).open(addresses["file"]["fashion"])
        assert (drawings.pixels()[100:, 220:] < 200).any(axis=-1).mean() > 0.02
        resize(driver, 390, 780)
        assert drawings.settle().shown("fold") and drawings.console() == []
    finally:
        driver.quit()


def test_without_javascript_the_pictures_are_shown(browser, folders):
    root, made = folders
    write_page(made["few"], root / "drawn")  # none is there: the map is drawn
    for name in ("map.png", "grid.png"):
        (root / "plain").mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), "teal").save(root / "plain" / name)
    write_page(made["few"], root / "plain")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        for folder, expected in (("plain", ["map.png", "grid.png"]), ("drawn", ["map.png"])):
            browser.get((root / folder / "index.html").as_uri())
            pictures = browser.find_elements(By.CSS_SELECTOR, "noscript img")
            assert [one.get_attribute("src").rsplit("/", 1)[1] for one in pictures] == expected
            assert all(one.size["width"] > 20 for one in pictures)
            assert not browser.find_element(By.ID, "tools").is_displayed()  # nothing would answer
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_in_an_atlas_a_link_selects_an_image_and_the_image_links_back(browser, map_of_an_atlas):
    folder, embedding, ids, _ = map_of_an_atlas
    page = Page(browser, embedding).open((folder / "map" / "index.html").as_uri() + f"#image={ids[17]}")
    assert page.js("return map.ids[map.scene.selected]") == ids[17]
    assert page.js("return map.scene.toMap(...map.scene.screenOf(map.scene.selected))") == pytest.approx(
        page.js("return [map.scene.x, map.scene.y]"), abs=1e-3
    )
    links = page.js("return [...document.querySelectorAll('#pinned .to, .brand, .crumbs a')].map((one) => one.getAttribute('href'))")
    assert links == ["../index.html", "../index.html", f"../index.html#image:{ids[17]}"]
    assert page.js("return map.about.levels.at(-1).side") == 8
    page.js("location.hash = '#image=999999'")
    assert "does not hold the image 999999" in page.until("return document.getElementById('note').textContent")
    assert page.console() == []


def test_in_an_atlas_images_take_the_colours_of_a_unit(browser, map_of_an_atlas):
    folder, embedding, ids, values = map_of_an_atlas
    page = Page(browser, embedding).open((folder / "map" / "index.html").as_uri() + "#unit=odd%2Fname:3")
    assert page.js("return map.scene.colour") == "unit"
    by_id = dict(zip(page.js("return Array.from(map.ids)"), page.js("return Array.from(map.steps)"), strict=True))
    expected = {int(one): 0 for one in ids} | {int(ids[2 * place]): 1 + min(7, int(value) * 8 // 255) for place, value in enumerate(values)}
    assert by_id == expected
    assert (
        page.js("return map.scene.order.length") == 60 and page.js("return map.ids[map.scene.order.at(-1)]") in ids[:6:2]
    )  # the strongest last
    assert page.js("return document.querySelector('#classes a').getAttribute('href')") == "../index.html#odd%2Fname:3"
    address = page.until("return location.hash.includes('colour=unit') && location.hash")
    assert "unit=odd%2Fname:3" in address
    again = Page(browser, embedding).open((folder / "map" / "index.html").as_uri() + address)
    assert again.js("return [map.scene.colour, map.unitAddress()]") == ["unit", "odd%2Fname:3"]
    again.js("location.hash = '#unit=odd%2Fname:20'")
    assert "has no unit odd/name:20" in again.until("return document.getElementById('note').textContent")
    assert again.js("return map.scene.colour") != "none" and again.console() == []


def test_without_an_atlas_a_link_to_a_unit_says_so(open_file):
    page = open_file("few", "#unit=conv:3")
    assert "is not part of an atlas" in page.text("note") and page.js("return map.scene.colour") == "label"


def test_a_key_lists_all_keys(open_file):
    page = open_file("few")
    page.keys("?")
    assert "lasso" in page.js("return document.querySelector('dialog[open]').textContent")
    page.keys(Keys.ESCAPE)
    page.until("return document.querySelector('dialog') === null")  # its end is an event of its own
    assert page.js("return document.activeElement.id") == "overlay"


def test_the_choice_of_light_or_dark_is_kept(open_file):
    page = open_file("few")
    page.driver.find_element(By.CSS_SELECTOR, "label:has(#as-dark)").click()
    assert page.settle().pixels()[670, 950].max() < 40
    assert open_file("few").pixels()[670, 950].max() < 40
    page.driver.find_element(By.CSS_SELECTOR, "label:has(#as-auto)").click()
    assert page.settle().pixels()[670, 950].min() > 240
