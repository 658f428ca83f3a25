"""Pages that need no script, in a real Chromium: what dossiers and pages of pictures look like narrow, wide, dark and on paper."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from driving import SIZE, resize, sheets_of_paper
from selenium.webdriver.common.by import By

from convscope.catalogue import DRAWINGS
from convscope.render.pages import write_pages

sys.path.insert(0, str(Path(__file__).parent.parent / "render"))
import records

pytestmark = pytest.mark.long  # a browser takes its time

HOSTILE = '<img src=x onerror="window.hacked=1">\u202e.png'


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The addresses of a dossier, and of a page of sheets in parts."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "dossier.html").write_text(DRAWINGS.get("dossier")(replace(records.dossier(), dataset=HOSTILE))["dossier.html"], "utf-8")
    results = [("top", records.top(4)), ("maps", records.activations()), ("dossier", records.dossier())]
    list(write_pages(folder, HOSTILE, results))
    return {"dossier": (folder / "dossier.html").as_uri(), "sheets": (folder / "index.html").as_uri()}


@pytest.fixture
def without_scripts(browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield browser
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("name", ["dossier", "sheets"])
@pytest.mark.parametrize("width", [390, 1440, 3840])
def test_nothing_is_wider_than_the_window_and_every_picture_is_there(browser, plain, name, width):
    browser.get("about:blank")
    browser.get_log("browser")
    resize(browser, width, 900)
    try:
        browser.get(plain[name])
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        loaded = "return [...document.images].every((one) => { one.loading = 'eager'; return one.complete && one.naturalWidth > 0; })"
        for _ in range(100):
            if browser.execute_script(loaded):
                break
        assert browser.execute_script(loaded)
        assert browser.execute_script("return window.hacked === undefined && document.scripts.length === 0")
        assert [entry["message"] for entry in browser.get_log("browser")] == []
    finally:
        resize(browser, *SIZE)


@pytest.mark.parametrize("name", ["dossier", "sheets"])
def test_the_switch_of_colours_works_without_scripts(without_scripts, plain, name):
    without_scripts.get(plain[name])
    body = without_scripts.find_element(By.TAG_NAME, "body")
    for choice, expected in (("as-dark", "rgba(17, 20, 26, 1)"), ("as-light", "rgba(255, 255, 255, 1)")):
        without_scripts.find_element(By.CSS_SELECTOR, f"label:has(#{choice})").click()
        assert body.value_of_css_property("background-color") == expected


@pytest.mark.parametrize("paper", [(8.27, 11.69), (8.5, 11)])
def test_a_dossier_is_one_sheet_of_paper(browser, plain, paper):
    browser.get(plain["dossier"])
    assert sheets_of_paper(browser, *paper, printBackground=False) == 1
