import re
from html.parser import HTMLParser

import pytest

from convscope.render.site import CSP, CSP_ALONE, page, words

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
