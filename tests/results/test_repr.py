"""Every record says in one line what it is, is a table where it has numbers, and never writes its arrays out."""

import dataclasses
import inspect
import subprocess
import sys

import numpy as np
import pytest

import convscope as cs
from convscope import ascent, assets, results
from convscope.legible import LONGEST_REPR
from convscope.results import Result

pytestmark = [pytest.mark.once, pytest.mark.long]  # one of each kind takes half a minute
HOSTILE = "<script>\n\x1b[31mimage\u202e"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """One record of each kind, as the public functions return it, and what lies in it."""
    folder = tmp_path_factory.mktemp("records")
    model, unit = cs.load("fashion"), "block2_conv2:3"
    run = cs.scan(model, "sample:fashion[0-199]", out=folder / "run", layers="block2_conv2,dense1,predictions")
    projections, connections = cs.deconv(model, unit, "sample:cat"), cs.connections(model, unit)
    why = cs.explain(model, ["sample:fashion[0]", "sample:fashion[3]"], run=run, layers="block2_conv2", units=1)
    dossier, trusted = run.dossier(unit, steps=1, size=16), cs.trust(run, unit, synthetic="fast")
    named, found, compared = (
        cs.name(run),
        cs.find(run, "bag"),
        cs.compare(model, cs.load("fashion", without="dense1:0-63"), "sample:fashion[0-199]"),
    )
    facets = cs.facets(run, "dense1:18", steps=1, size=28)
    evolved = cs.evolve([assets.path("fashion.keras")] * 2, unit, "sample:fashion[0-9]")
    made = [
        model,
        named,
        named.at(0),
        found,
        found.units[0],
        facets,
        facets.facets[0],
        compared,
        compared.pairs[0],
        compared.partings[0],
        evolved,
        evolved.looks[0][0],
        cs.weights(model, "block1_conv1"),
        cs.lesion(run, "dense1", most=20),
        cs.layers(model),
        cs.activations(model, "block2_conv2", "sample:cat"),
        projections,
        projections.windows,
        projections.provenance,
        cs.saliency(model, "predictions:3", "sample:cat"),
        cs.saliency(model, "predictions:3", "sample:cat", method="all", samples=1, points=1),
        why,
        why.explained[0],
        why.explained[0].layers[0],
        why.explained[0].layers[0].pro[0],
        why.explained[0].near[0],
        why.confusions[0],
        cs.ascend(model, unit, steps=1, size=16),
        cs.ascend_all(model, "block2_conv2:0-9", steps=1, size=16),
        ascent.AscentRun.of(model, unit, size=16),
        cs.tsne(model, "sample:fashion[0-59]"),
        run,
        run.images,
        run.top("block2_conv2"),
        run.units("block2_conv2"),
        run.patches("block2_conv2:0-3"),
        dossier,
        dossier.patches,
        dossier.weakest,
        trusted,
        trusted.units[0],
        connections,
        connections.units[0],
        connections.units[0].inputs[0],
        connections.feeds[0],
        cs.objective(f"{unit} - 0.5*block2_conv2:4"),
        cs.direction("block2_conv2", np.ones(64)),
        cs.atlas(run=run, out=folder / "atlas", layers="dense1", synthetic="none", projections=0),
    ]
    return {type(one).__name__: one for one in made}


def test_every_record_is_one_line(records):
    lines = {name: repr(one) for name, one in records.items()}
    assert {name: line for name, line in lines.items() if len(line) > LONGEST_REPR or not line.isprintable()} == {}
    assert [name for name, line in lines.items() if not line.startswith(f"{name}(") or "array" in line] == []


def test_no_kind_of_result_is_left_out(records):
    kinds = {name for name in results.__all__ if dataclasses.is_dataclass(getattr(results, name))}
    small = {"ClassScore", "Feed", "Figure", "Tally", "Verdict"}  # a name and a few numbers
    assert kinds - small - set(records) - {"Result"} == set()


def test_a_result_of_ones_own_is_one_line_too(records):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mine(Result):
        values: np.ndarray

        def facts(self):
            return (HOSTILE, *super().facts())

    line = repr(Mine(provenance=records["Projections"].provenance, values=np.zeros(10_000)))
    assert line.startswith("Mine(<script> ") and line.endswith("of 'fashion')") and line.isprintable() and len(line) <= LONGEST_REPR


def test_an_interrupted_result_says_so(records):
    assert repr(dataclasses.replace(records["Ascent"], interrupted=True)).endswith(", interrupted)")


def test_the_tables_hold_the_numbers(records):
    frame = records["Projections"].to_frame()
    assert list(frame["unit"]) == ["block2_conv2:3"] and frame["value"][0] == records["Projections"].values[0, 0]
    peaks = records["Activations"].to_frame()
    assert np.array_equal(peaks["value"], records["Activations"].maps[0].max(axis=(0, 1)))
    top, frame = records["TopUnits"], records["TopUnits"].to_frame()
    place = frame[(frame["unit"] == "block2_conv2:5") & (frame["rank"] == 2)].iloc[0]
    assert (place["image"], place["value"], place["bottom"]) == (top.images[5, 2], top.values[5, 2], top.fields[5, 2, 2])
    units = records["UnitStatistics"]
    assert np.array_equal(units.to_frame()["q0.5"], units.quantiles[0.5])
    assert list(records["Run"].units("block2_conv2", [7, 3]).to_frame()["unit"]) == ["block2_conv2:7", "block2_conv2:3"]
    assert records["Embedding"].to_frame()["y"][7] == records["Embedding"].points[7, 1]
    strongest = max(records["Connections"].units[0].inputs, key=lambda one: one.strength)
    frame = records["Connections"].to_frame()
    assert frame[frame["path"] == "input"].loc[frame["strength"].idxmax(), "other"] == str(strongest.source)
    patches = records["TopPatches"].to_frame()
    assert list(patches["value"][:9]) == [float(value) for value in records["TopPatches"].patches[0].values[:9]]


@pytest.mark.parametrize("name", ["Layers", "Columns", "Saliency", "Ascent", "Dossier"])
def test_a_table_has_rows_of_one_length(records, name):
    table = records[name].to_table()
    assert table.num_rows > 0 and table.column_names == list(records[name].as_columns())


def test_layers_are_a_list_and_print_as_a_table(records):
    layers = records["Layers"]
    assert layers == list(layers) and layers[0].address == "block1_conv1"
    lines = str(layers).splitlines()
    assert len(lines) == len(layers) + 1
    assert lines[1].split() == ["block1_conv1", "Conv2D", "32", "3", "1", "relu", "28", "x", "28"]


def test_the_methods_of_a_run_are_the_functions(records):
    run = records["Run"]
    assert np.array_equal(run.patches("block2_conv2:1").patches[0].pixels, cs.top(run, "block2_conv2:1").patches[0].pixels)
    weighed, alone = run.connections("block2_conv2:1", count=2), cs.connections("fashion", "block2_conv2:1", count=2)
    assert weighed.run is not None and alone.run is None


@pytest.mark.parametrize(
    ("function", "method"), [(cs.top, cs.Run.patches), (cs.dossier, cs.Run.dossier), (cs.connections, cs.Run.connections)]
)
def test_the_methods_of_a_run_have_the_options_of_the_functions(function, method):
    named = [
        {name: one.default for name, one in inspect.signature(each).parameters.items() if one.kind is one.KEYWORD_ONLY}
        for each in (function, method)
    ]
    assert {name: default for name, default in named[0].items() if name not in ("run", "filters")} == named[1]


def test_without_pandas_a_frame_is_refused_and_a_table_is_not():
    code = """
import sys
class NoPandas:
    def find_spec(name, path, target=None):
        if name == "pandas": raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPandas)
import numpy as np
from convscope.errors import OptionError
from convscope.tables import Columns
made = Columns(1, {"name": ("a",)}, {"value": np.ones(1)}, {})
assert made.to_table().num_rows == 1
try: made.to_frame()
except OptionError as error: print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.startswith("`to_frame` returns a pandas.DataFrame, and pandas is not installed."), found.stderr
