"""A registry: built-ins and strangers enter by the same door, a stranger's fault stays outside."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from convscope import registry
from convscope.errors import OptionError
from convscope.registry import Registry


def test_an_entry_is_found_under_its_name():
    things = Registry("thing")
    entry = things.register("one", object())
    assert things.get("one") is entry
    assert "one" in things
    assert "two" not in things


def test_entries_come_in_the_order_in_which_they_were_registered():
    things = Registry("thing")
    for name in ("b", "a", "c"):
        things.register(name, name.upper())
    assert list(things) == ["b", "a", "c"]


def test_registering_the_same_entry_twice_is_no_conflict():
    things, entry = Registry("thing"), object()
    things.register("one", entry)
    assert things.register("one", entry) is entry


def test_a_taken_name_is_refused():
    things = Registry("thing")
    things.register("one", object())
    with pytest.raises(OptionError, match="thing `one` is registered already"):
        things.register("one", object())


def test_an_unknown_name_is_answered_with_the_closest():
    things = Registry("thing")
    things.register("deconv", object())
    things.register("saliency", object())
    with pytest.raises(OptionError, match=r"No thing `decnov`\. Closest of the things: deconv\."):
        things.get("decnov")


def test_a_built_in_entry_loads_when_it_is_asked_for_and_not_before(monkeypatch):
    things = Registry("thing", builtin={"built-in": "a_built_in_module:entry", "other": "no_such_module_anywhere:entry"})
    module = ModuleType("a_built_in_module")
    module.entry = object()
    monkeypatch.setitem(sys.modules, "a_built_in_module", module)
    things.register("mine", object())
    assert list(things) == ["built-in", "other", "mine"]
    assert "other" in things
    assert things.get("built-in") is module.entry
    with pytest.raises(ModuleNotFoundError):
        things.get("other")


@pytest.fixture
def strangers(monkeypatch):
    """Make the entry points of any group these."""

    def install(*points):
        monkeypatch.setattr(registry, "_entry_points", lambda group: points)

    module = ModuleType("a_strangers_module")
    module.entry = object()
    monkeypatch.setitem(sys.modules, "a_strangers_module", module)
    return install


def test_a_stranger_enters_by_its_entry_point(strangers):
    strangers(EntryPoint("theirs", "a_strangers_module:entry", "convscope.things"))
    things = Registry("thing", group="convscope.things")
    assert things.get("theirs") is sys.modules["a_strangers_module"].entry


def test_a_broken_stranger_is_a_warning_and_the_others_work(strangers):
    strangers(
        EntryPoint("broken", "no_such_module_anywhere:entry", "convscope.things"),
        EntryPoint("theirs", "a_strangers_module:entry", "convscope.things"),
    )
    things = Registry("thing", group="convscope.things")
    with pytest.warns(UserWarning, match="thing `broken` .* did not load"):
        assert list(things) == ["theirs"]


def test_a_stranger_cannot_replace_a_built_in(strangers, monkeypatch):
    strangers(EntryPoint("ours", "a_strangers_module:entry", "convscope.things"))
    module = ModuleType("a_built_in_module")
    module.entry = object()
    monkeypatch.setitem(sys.modules, "a_built_in_module", module)
    things = Registry("thing", builtin={"ours": "a_built_in_module:entry"}, group="convscope.things")
    with pytest.warns(UserWarning, match="registered already"):
        assert list(things) == ["ours"]
    assert things.get("ours") is module.entry


def test_the_five_methods_enter_by_the_registry():
    from convscope.catalogue import METHODS

    assert list(METHODS)[:5] == ["activations", "deconv", "saliency", "ascend", "tsne"]
