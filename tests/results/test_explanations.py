"""What the record of an explanation says of itself."""

import numpy as np
import pytest

from convscope.results import ClassScore, Confusion, Evidence, Explained, Explanation, LayerEvidence, Provenance
from convscope.units import Unit

pytestmark = pytest.mark.once


def explanation():
    unit = Evidence(Unit("conv", 1), 0.5, 2.0, (1, 2), (0, 0, 4, 4), np.ones((2, 2)), np.ones((4, 4, 3)), name="edge")
    layer = LayerEvidence("conv", np.array([-0.25, 0.5], np.float32), (unit,), (), True)
    one = Explained(
        "a.png", "dog", (ClassScore(3, "ox", 4.0, float("nan")),), "out:3", "ox against dog", 1.5, {"gradcam": np.ones((4, 4))}, (layer,)
    )
    return Explanation(
        provenance=Provenance("explain", {"name": "tiny"}, (), {}, None, {}, {}),
        explained=(one,),
        images=np.zeros((1, 4, 4, 3), np.float32),
        confusions=(Confusion("dog", "ox", "ox against dog", 1, "conv", ((Unit("conv", 1), 0.5),)),),
    )


def test_it_is_a_table_and_plain_json_and_one_line():
    found = explanation()
    (row,) = found.to_table().to_pylist()
    assert (row["unit"], row["contribution"], row["predicted"], row["name"], row["row"]) == ("conv:1", 0.5, "ox", "edge", 1)
    said = found.summary()
    assert said["images"][0]["classes"][0]["probability"] is None and said["images"][0]["layers"][0]["total"] == 0.25
    assert said["confusions"][0]["units"] == {"conv:1": 0.5}
    assert repr(found) == "Explanation(ox against dog in 'tiny', on a.png)" and len(found) == 1 and next(iter(found)).predicted == "ox"
    assert found.maps.shape == (1, 1, 4, 4) and found.contributions.tolist() == [[-0.25, 0.5]]
