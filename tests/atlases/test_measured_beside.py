"""What was measured beside a run stands on the pages: names, and how far pictures can be trusted."""

import shutil

import pytest
from drawing import draw

import convscope
from convscope.atlases.details import TRUST, trust_words
from convscope.formats.atlas import read_data
from convscope.naming import labels
from convscope.results.names import PSEUDO
from convscope.scanning import open_run

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def scanned(small, tmp_path_factory):
    """The folder of a run of so many images that names can be tested."""
    return convscope.scan(small, draw(tmp_path_factory.mktemp("many"), 150), out=tmp_path_factory.mktemp("scanned") / "run").path


@pytest.fixture
def own(scanned, tmp_path):
    """A copy of that run, beside which something is measured."""
    shutil.copytree(scanned, tmp_path / "run")
    return open_run(tmp_path / "run")


def made(small, own, tmp_path):
    """Return the columns of the layer `search`, and what its pages say of each channel."""
    folder = convscope.atlas(small, run=own, out=tmp_path / "atlas", layers="search", synthetic="none", projections=0).folder
    n = read_data(folder, "start")["layers"][0]["n"]
    units = [unit for chunk in range(2) for unit in read_data(folder, f"detail-{n}-{chunk}")["units"]]
    return read_data(folder, f"units-{n}"), {unit["channel"]: unit for unit in units}


@pytest.mark.long
def test_a_unit_whose_picture_was_measured_has_a_card_with_all_numbers(small, own, tmp_path):
    (measured,) = convscope.trust(small, "search:3", run=own)
    _, units = made(small, own, tmp_path)
    ((title, note, rows),) = units[3]["cards"]
    assert title == TRUST and "synthetic picture" in note
    assert rows == [[one.name, trust_words(one)] for one in measured.figures()] and len(rows) >= 5
    assert all("cards" not in units[channel] for channel in units if channel != 3)


@pytest.mark.parametrize("pseudo", [False, True])
def test_names_say_whether_a_person_gave_the_labels(small, own, tmp_path, monkeypatch, pseudo):
    if pseudo:
        told = dict(zip(sorted({own.label(int(image)) for image in own.ids}), ("tabby", "daisy", "fire engine"), strict=True))
        monkeypatch.setattr(labels, "_predictions", lambda run: ([told[run.label(int(image))] for image in run.maxima_images], ()))
    names = convscope.name(own, labels="imagenet" if pseudo else "own")
    columns, units = made(small, own, tmp_path)
    explained = {channel: one for channel in units if (one := names.of("search", channel)).explains}
    assert explained and len(explained) < len(units)
    for channel, unit in units.items():
        expected = explained[channel].name + (" (pseudo)" if pseudo else "") if channel in explained else None
        assert columns["names"][channel] == expected
        assert (PSEUDO in unit["name"]) == pseudo
