from dataclasses import replace

import numpy as np
import pytest
from drawing import column
from PIL import Image

from convscope.atlases import pages
from convscope.backend import keras
from convscope.formats.atlas import read_data
from convscope.network.network import as_network
from networks import model_of, residual


@pytest.mark.once
def test_the_graph_passes_what_has_no_units(subject):
    found = pages.graph(replace(subject, network=as_network(residual()), layers=()))
    names = [node["address"] for node in found["nodes"]]
    edges = {(names[source], names[target]) for source, target in found["edges"]}
    assert all(source < target for source, target in found["edges"]) and found["nodes"][0]["kind"] == "input"
    (addition,) = (node for node in found["nodes"] if node["kind"] == "Add")
    assert len([source for source, target in edges if target == addition["address"]]) == 2


@pytest.mark.once
def test_layers_of_a_network_for_images_of_any_size_have_the_shapes_of_those_of_the_run(subject):
    layers = keras.layers
    free = model_of(
        layers.Conv2D(4, 3, name="valid"), layers.MaxPooling2D(2), layers.Conv2D(5, 1), layers.GlobalMaxPooling2D(), shape=(None, None, 3)
    )
    found = pages.graph(replace(subject, network=as_network(free), layers=()))
    assert [node["shape"] for node in found["nodes"]] == [[16, 16, 3], [14, 14, 4], [7, 7, 4], [7, 7, 5], [5]]


def test_parameters_are_those_of_keras(subject):
    graph = subject.network.graph
    assert pages.parameters(graph, "first") == 3 * 3 * 3 * 20 + 20 and pages.parameters(graph, "classes") == 17 * 3 + 3
    assert not pages.parameters(graph, "pool")


def test_tiles_of_the_walls_are_those_of_the_details(whole):
    start = read_data(whole.folder, "start")
    layer = start["layers"][0]
    assert (layer["tile"], layer["detail_tile"], layer["whole"], layer["done"], layer["pictured"]) == (3, 3, False, "11", "11")
    detail, wall = (
        np.asarray(Image.open(whole.folder / "data" / name).convert("RGB")) for name in ("detail-0-1.webp", "wall-0-patch-0.webp")
    )
    for row in range(4):  # ranks 16 to 19: the third row of the wall
        assert np.array_equal(detail[3 * row : 3 * row + 3, :3], wall[6:9, 3 * row : 3 * row + 3])


def test_whole_images_are_stored_once(whole, run):
    start = read_data(whole.folder, "start")
    ids = column(start["images"]["ids"])
    assert ids.tolist() == run.ids.tolist() and start["images"]["tile"] == 16
    columns, per = start["images"]["columns"], start["images"]["per"]
    for place in range(0, len(ids), 7):
        sheet = np.asarray(Image.open(whole.folder / "data" / f"images-{place // per}.webp").convert("RGB"))
        row, where = divmod(place % per, columns)
        shown = sheet[16 * row : 16 * row + 16, 16 * where : 16 * where + 16]
        assert np.array_equal(shown, np.rint(run.picture(int(ids[place])) * 255))
    assert start["layers"][2]["whole"] and start["layers"][2]["field"] is None
