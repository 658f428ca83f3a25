"""How exactly projections on cones and crops are those on the whole image: T11, layer by layer, at the networks' own sides.

KERAS_BACKEND=tensorflow python bench/exactness.py [--every N]

VGG16 (the embedded weights) on a photograph and ResNet50 (random weights, which has strides, "same" and explicit padding) on noise, both at
224 x 224; every N-th convolution, the unit that is strongest at the centre and in the corner of its map. Largest relative difference of the
value and of the picture. Cones are taken whether they pay or not.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

SIDE = 224


def networks():
    """Yield (name, graph, image that enters)."""
    import convscope
    from convscope.backend import keras
    from convscope.graph.history import flatten
    from convscope.images import as_batch
    from convscope.network.entering import fit_of
    from convscope.network.network import as_network
    from networks import filled, images

    bundle = convscope.load("vgg16", weights="embedded")
    pixels = as_batch("sample:cat", fit_of(bundle)).pixels
    yield "VGG16", as_network(bundle).graph, bundle.preprocessing.apply(pixels)
    made = filled(keras.applications.ResNet50(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3)))
    yield "ResNet50", flatten(made), images(1, SIDE, SIDE, 3) * 2 - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()

    from chains import any_cones_of, differences_on_cone
    from convscope.backend import choose, keras
    from convscope.graph.rules import deconvnet

    largest = 0.0
    print(f"{choose()}, Keras {keras.__version__}\n\n| network | layer | field | value | picture |\n|---|---|---|---|---|")
    for name, graph, pixels in networks():
        calls = [call for call in graph.visible.values() if call.layer_type == "Conv2D"]
        for call in calls[:: asked.every]:
            found = any_cones_of(graph, call, (SIDE, SIDE))
            rows, columns = (-(-SIDE // step) for step in found.windows[0].step)
            spots = ((rows // 2, columns // 2), (0, columns - 1))
            errors = np.max([differences_on_cone(graph, call, pixels, spot, deconvnet()) for spot in spots], axis=0)
            largest = max(largest, *errors)
            print(f"| {name} | {call.address} | {found.size[0]} x {found.size[1]} | {errors[0]:.1e} | {errors[1]:.1e} |", flush=True)
    print(f"\nLargest: {largest:.1e}.")


if __name__ == "__main__":
    main()
