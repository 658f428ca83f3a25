"""How much memory there is, as the files of the system say."""

import pytest

from convscope.backend import available_memory, memory

pytestmark = pytest.mark.once


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:   5000 kB\n")
    return tmp_path


def test_the_machine_says_what_is_available(system):
    assert available_memory() == 5000 * 1024


@pytest.mark.parametrize(("most", "expected"), [("max", 5000 * 1024), ("3000", 2000), ("500", 0), ("nonsense", 5000 * 1024)])
def test_a_container_has_a_limit_of_its_own(system, most, expected):
    (system / "memory.max").write_text(most + "\n")
    (system / "memory.current").write_text("1000\n")
    assert available_memory() == expected


def test_where_nothing_is_known_there_is_no_limit(system, monkeypatch):
    (system / "meminfo").unlink()
    monkeypatch.delattr("os.sysconf", raising=False)
    assert available_memory() == float("inf")
