import re
from html.parser import HTMLParser

import pytest

from convscope.render.site import CSP, CSP_ALONE, assets, page, words
from convscope.render.site.shell import SCRIPT

pytestmark = pytest.mark.once
HOSTILE = "<script>alert('1')</script>\"&$title"


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def read(content):
    reader = Reader()
    reader.feed(content.decode("utf-8"))
    return reader


def test_a_page_alone_holds_its_style_and_runs_nothing():
    text = page("Title", "<p>words</p>")
    reader = read(text)
    assert [one["content"] for one in reader.all("meta") if one.get("http-equiv")] == [CSP_ALONE]
    assert not reader.all("script") and len(reader.all("style")) == 1
    assert {one["rel"] for one in reader.all("link")} == {"icon"}
    assert not re.search(rb"https?://|@import|url\(", text)


def test_hostile_words_of_the_shell_stay_words():
    reader = read(page(HOSTILE, words(HOSTILE), crumbs=[(HOSTILE, HOSTILE), (HOSTILE, None)], home=HOSTILE, kind=HOSTILE))
    assert not reader.all("script") and reader.text.count(HOSTILE) == 4
    assert [one["href"] for one in reader.all("a")] == ["#main", HOSTILE, HOSTILE]


@pytest.mark.parametrize(("theme", "checked"), [("", "as-auto"), ("light", "as-light"), ("dark", "as-dark")])
def test_a_page_opens_in_its_theme(theme, checked):
    assert [one["id"] for one in read(page("T", "", theme=theme)).all("input") if "checked" in one] == [checked]


def test_the_policy_allows_nothing_of_strangers():
    assert CSP.startswith("default-src 'none'") and "unsafe" not in CSP and "script" not in CSP_ALONE


def test_a_page_with_assets_asks_for_them_with_their_version():
    own = {"site/map.css": b"a{}", "site/map.js": b"1"}
    linked = assets(own, version="data 1")
    assert list(linked.files)[:3] == ["site/tokens.css", "site/kit.css", "site/kit.js"] and set(own) < set(linked.files)
    reader = read(page("T", "", assets=linked))
    assert [one["href"] for one in reader.all("link") if one["rel"] == "stylesheet"] == linked.links(".css")
    assert [one["src"] for one in reader.all("script")] == [f"site/kit.js?{linked.version}", f"site/map.js?{linked.version}"]
    assert [one["content"] for one in reader.all("meta") if one.get("http-equiv")] == [CSP] and not reader.all("style")
    names = [tag for tag, _ in reader.found]
    assert names.index("script") < names.index("body")  # the colours are chosen before anything is drawn


def test_the_version_changes_with_every_file_and_with_the_data():
    versions = {
        assets().version,
        assets(version="data 1").version,
        assets({"site/a.js": b"1"}).version,
        assets({"site/a.js": b"2"}).version,
        assets({"site/a.js": b"2"}, version="data 1").version,
    }
    assert len(versions) == 5 and assets().version == assets().version


def test_scripts_of_the_kit_hold_no_address_and_no_markup():
    text = SCRIPT.sent.decode("utf-8").replace("http://www.w3.org/", "")
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|XMLHttpRequest", text)
