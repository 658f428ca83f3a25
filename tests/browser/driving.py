"""Chromium, held by the hand: starting it, waiting until a page rests, looking at pixels, moving the mouse."""

import base64
import io
import re
import time

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

SIZE = (960, 680)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL2 in software: there may be no graphics card
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
PATIENCE = 90
TOLERANCE = 16


def start(browser, driver, *flags, size=SIZE):
    """Return a driver of a fresh Chromium whose window shows `size` pixels."""
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    resize(found, *size)
    animate(found, False)
    return found


def sheets_of_paper(driver, width, height, **options):
    """Print the page on paper of so many inches; return how many sheets it takes."""
    paper = {"paperWidth": width, "paperHeight": height, **options}
    try:
        printed = driver.execute_cdp_cmd("Page.printToPDF", paper)
    except WebDriverException as error:  # Chromium prints in a process of its own, which now and then does not answer on a busy machine
        if "Printing failed" not in str(error):
            raise
        printed = driver.execute_cdp_cmd("Page.printToPDF", paper)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", base64.b64decode(printed["data"])))


def resize(driver, width, height, **more):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False} | more
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def animate(driver, wanted):
    """Ask for motion, or, as most tests do to be quick, for none."""
    features = [{"name": "prefers-reduced-motion", "value": "no-preference" if wanted else "reduce"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


class Page:
    """The page of an embedding in a browser."""

    def __init__(self, driver, embedding):
        self.driver, self.embedding = driver, embedding

    def open(self, address):
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(address)
        return self.settle()

    def settle(self):
        """Wait until everything is loaded and nothing moves."""
        return self.until("return typeof map !== 'undefined' && map.resting()") and self

    def until(self, script):
        """Wait until a script returns something true, and return it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := self.js(script):
                return found
            time.sleep(0.03)
        raise AssertionError(f"Never true: {script} {self.js('return document.body.innerText')} {self.console()}")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def rank(self, index):
        """Return the place of an image in the page's order."""
        return self.js("return map.ids.indexOf(arguments[0])", index)

    def corners(self):
        """Return where (0, 0) and (1, 1) of the map lie on the screen: the camera, and nothing else of the page's geometry."""
        return np.array(self.js("return [map.scene.toScreen(0, 0), map.scene.toScreen(1, 1)]"))

    def screen(self, exact=True):
        """Return (n, 2) where the images must lie on the screen, from the record and the camera alone."""
        if exact:
            placed = self.placed(self.embedding.points)
        else:
            grid = np.array(self.embedding.grid)
            placed = (self.embedding.cells + 0.5 - grid / 2) / grid.max() + 0.5
        first, last = self.corners()
        return first + placed * (last - first)

    def placed(self, points):
        """Return where points lie on the square that holds the images, and the map on which they were placed."""
        own, below = self.embedding.points, self.embedding.backdrop
        every = (own if below is None else np.concatenate([own, below])).astype(float)
        low, high = every.min(axis=0), every.max(axis=0)
        return (points - (low + high) / 2) / (high - low).max() * (1, -1) + 0.5

    def pixels(self):
        return np.asarray(Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")).astype(int)

    def misplaced(self, exact=True):
        """Return the share of visible tiles whose two colours are not where the record says they must be."""
        places, pixels = self.screen(exact), self.pixels()
        quarter = self.js("return map.scene.size()") / 4
        bar = self.js("return document.querySelector('header.bar').offsetHeight")
        covered = self.js("const b = document.getElementById('legend').getBoundingClientRect(); return [b.right, b.bottom]")
        margin = quarter * 2
        free = (places > margin + 2).all(axis=1) & (places < np.array(pixels.shape[1::-1]) - margin - 2).all(axis=1)
        free &= (places[:, 1] > bar + margin) & (places[:, 1] < pixels.shape[0] - 60 - margin)
        free &= (places[:, 0] > covered[0] + margin) | (places[:, 1] > covered[1] + margin)
        assert free.sum() > 3
        wrong = 0
        for index in np.flatnonzero(free):
            colour = self.embedding.thumbnails[index, 0, 0].astype(int)
            for sign, expected in ((-1, colour), (1, 255 - colour)):
                x, y = np.floor(places[index] + sign * quarter).astype(int)
                wrong += np.abs(pixels[y, x] - expected).max() > TOLERANCE
        return wrong / (2 * free.sum())

    def console(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def click(self, name):
        self.driver.find_element(By.ID, name).click()
        return self.settle()

    def text(self, name):
        return self.driver.find_element(By.ID, name).text

    def shown(self, name):
        return self.driver.find_element(By.ID, name).is_displayed()

    def mouse(self, *places, press=False, click=False):
        """Move the mouse over the places, with its button held down if `press`."""
        chain = ActionChains(self.driver, duration=10)
        overlay = self.driver.find_element(By.ID, "overlay")
        width, height = overlay.size["width"], overlay.size["height"]
        for step, (x, y) in enumerate(places):
            chain.move_to_element_with_offset(overlay, round(x - width / 2), round(y - height / 2))
            if press and step == 0:
                chain.click_and_hold()
        if press:
            chain.release()
        if click:
            chain.click()
        chain.perform()
        return self.settle()

    def keys(self, *keys):
        for key in keys:
            ActionChains(self.driver, duration=10).send_keys(key).perform()
        return self.settle()
