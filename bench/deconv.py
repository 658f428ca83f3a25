"""How long a projection takes, beside Xplique's DeconvNet, everything side by side in one run; and that both draw the same.

python bench/deconv.py --peers PATH/bin/python [--rounds 5] [--layers block3_conv3 block4_conv2 ...]

VGG16 (the embedded weights), 224 x 224 pixels, the six sample photographs, the filters that each layer's maps are strongest in. Both sides
compute in float32 on TensorFlow, each in a process of its own with two threads, and wait for their turns: a round gives every one a
projection of each kind, so that what else the machine does meets all alike. Medians over the rounds, ratios round by round.

`one`: one filter on one image: `convscope.deconv`, which looks for the filter's maximum itself; Xplique's `DeconvNet` with an operator that
does so too, the maximum over the filter's map. `nine`: nine filters on one image, in one call. `known`: nine filters on each of the six
images, at places that are known, as a scan leaves them (`projection.driver`); for Xplique, to which a known place is no help, that is the
same work as before, so its time per projection is that of `nine`. Xplique explains in batches of one or of nine, whichever is faster
in the first rounds. What is compiled is compiled before. A call of convscope for several units also measures how alike projections from
one place are, eight more of them. Equal: the largest difference of the two pictures by the largest value, where Xplique's gradient is
multiplied by the unit's value and convscope, too, sends a signal to the first of equal maxima.

The environment of the peers is that of bench/ascent.py, with einops and deprecated besides.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

SIDE, THREADS, FILTERS = 224, 2, 9
PHOTOS = ("cat", "astronaut", "coffee", "flower", "rocket", "temple")
LAYERS = tuple(f"block{block}_conv{number}" for block, depth in enumerate((2, 2, 3, 3, 3), start=1) for number in range(1, depth + 1))


class Convscope:
    """convscope's own calls, on arrays that are as large as the network wants them."""

    def __init__(self, folder: Path) -> None:
        import convscope
        from convscope.images import as_batch
        from convscope.network.entering import fit_of

        limit_threads()
        self.bundle, self.folder = convscope.load("vgg16", weights="embedded"), folder
        self.images = as_batch([f"sample:{name}" for name in PHOTOS], fit_of(self.bundle)).pixels
        assert self.images.shape[1:] == (SIDE, SIDE, 3)
        weights = {
            f"{layer.name}/{what}": np.asarray(getattr(layer, what))
            for layer in self.bundle.network.layers
            if hasattr(layer, "kernel")
            for what in ("kernel", "bias")
        }
        np.savez(folder / "vgg16.npz", images=self.bundle.preprocessing.apply(self.images), **weights)

    def filters(self, layer):
        """Return the filters that are strongest on the first image."""
        from convscope import activations

        return np.argsort(-activations(self.bundle, layer, self.images[:1]).maps[0].max(axis=(0, 1)))[:FILTERS].tolist()

    def one(self, layer, filters):
        return self.timed(layer, filters[:1])

    def nine(self, layer, filters):
        return self.timed(layer, filters)

    def timed(self, layer, filters):
        import convscope

        began = time.perf_counter()
        convscope.deconv(self.bundle, [f"{layer}:{one}" for one in filters], self.images[:1])
        return (time.perf_counter() - began) / len(filters)

    def alike(self, layer, filters):
        """Save what Xplique draws: TensorFlow's pooling sends a signal to the first of equal maxima."""
        import convscope

        pictures = convscope.deconv(self.bundle, [f"{layer}:{one}" for one in filters], self.images[:1], ties="first")
        np.save(self.folder / "convscope.npy", pictures.pixels[0])

    def known(self, layer, filters):
        from convscope.graph.rules import deconvnet
        from convscope.network.network import as_network
        from convscope.projection.driver import project

        places = self.places(layer, tuple(filters))
        began = time.perf_counter()
        list(project(as_network(self.bundle), places, self.images, deconvnet()))
        return (time.perf_counter() - began) / len(places)

    def places(self, layer, filters):
        from convscope import activations
        from convscope.projection.seeds import Seed
        from convscope.units import Unit

        maps = activations(self.bundle, layer, self.images).maps
        found = []
        for image in range(len(maps)):
            for one in filters:
                row, column = np.unravel_index(maps[image, ..., one].argmax(), maps.shape[1:3])
                found.append(Seed(Unit(layer, one), image, (int(row), int(column))))
        return found


class Xplique:
    """Xplique's DeconvNet on the same weights, cut at the layer; it takes what enters the network, so it has no preprocessing to do."""

    def __init__(self, folder: Path) -> None:
        limit_threads()
        self.folder, self.weights = folder, np.load(folder / "vgg16.npz")
        self.explainers, self.batch = {}, {}

    def one(self, layer, filters):
        return self.timed(layer, filters[:1], 1)

    def nine(self, layer, filters):
        """Take turns at batches of one and of nine until it is known which is faster, then that one."""
        seen = self.batch.setdefault(layer, {1: [], FILTERS: []})
        size = min(seen, key=lambda size: (len(seen[size]) >= 2, min(seen[size], default=0.0)))
        seconds = self.timed(layer, filters, size)
        seen[size].append(seconds)
        return seconds

    def timed(self, layer, filters, size):
        explainer = self.explainer(layer, size)
        inputs = np.repeat(self.weights["images"][:1], len(filters), axis=0)
        targets = np.eye(self.weights[f"{layer}/bias"].size, dtype="float32")[filters]
        began = time.perf_counter()
        pictures = explainer.explain(inputs, targets).numpy()
        seconds = (time.perf_counter() - began) / len(filters)
        values = self.network(layer)(inputs[:1]).numpy()[0, ..., filters].max(axis=(1, 2))
        np.save(self.folder / "xplique.npy", (pictures * values[:, None, None, None])[..., ::-1])
        return seconds

    def explainer(self, layer, size):
        import tensorflow as tf
        from xplique.attributions import DeconvNet

        def strongest(network, inputs, targets):
            maps = tf.gather(network(inputs), tf.argmax(targets, axis=-1), axis=-1, batch_dims=1)
            return tf.reduce_max(maps, axis=(1, 2))

        if (layer, size) not in self.explainers:
            made = DeconvNet(self.network(layer), batch_size=size, operator=strongest, reducer=None)
            self.explainers[layer, size] = made
        return self.explainers[layer, size]

    def network(self, layer):
        import tensorflow as tf

        layers, images = tf.keras.layers, tf.keras.Input((SIDE, SIDE, 3))
        value, names = images, dict.fromkeys(key.split("/")[0] for key in self.weights if "/" in key)
        for name in names:
            if name.endswith("conv1") and name != "block1_conv1":
                value = layers.MaxPooling2D()(value)
            value = layers.Conv2D(self.weights[f"{name}/bias"].size, 3, padding="same", activation="relu", name=name)(value)
            if name == layer:
                break
        made = tf.keras.Model(images, value)
        for one in made.layers:
            if one.weights:
                one.set_weights([self.weights[f"{one.name}/kernel"], self.weights[f"{one.name}/bias"]])
        return made


def limit_threads():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    return tf


SIDES = {"convscope": Convscope, "xplique": Xplique}


def serve(name: str, folder: Path) -> None:
    """Answer requests, one line of JSON each: [what, arguments]."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    worker = SIDES[name](folder)
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        what, *given = json.loads(line)
        print(json.dumps(getattr(worker, what)(*given)), file=answers, flush=True)


class Worker:
    """One side, in a process of its own."""

    def __init__(self, name: str, folder: Path, python: str) -> None:
        own = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore", "KERAS_BACKEND": "tensorflow"}
        self.log = (folder / f"{name}.log").open("w+")
        words = [python, __file__, "--serve", name, "--folder", str(folder)]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=os.environ | own
        )
        self.answer()

    def answer(self):
        try:
            return json.loads(self.process.stdout.readline())  # type: ignore[union-attr]
        except ValueError:
            self.log.seek(0)
            raise SystemExit(f"{' '.join(self.process.args)} ended:\n{self.log.read()[-3000:]}") from None  # type: ignore[arg-type]

    def ask(self, *request):
        self.process.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return self.answer()

    def close(self):
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait()
        self.log.close()


def rounds(turns, count):
    """Give each of `turns` its turn `count` times after two to warm up; return the seconds by turn."""
    found = {name: [] for name in turns}
    for number in range(-2, count):
        for name, turn in turns.items():
            time.sleep(0.1)  # threads of the one before go to sleep
            seconds = turn()
            if number >= 0:
                found[name].append(seconds)
    return found


def spread(values, digits=0):
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def difference(folder):
    own, theirs = (np.load(folder / f"{name}.npy") for name in ("convscope", "xplique"))
    return float(np.abs(own - theirs).max() / np.abs(theirs).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", required=False, help="the python of the environment that holds Xplique")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=LAYERS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.folder)
        return
    if not asked.peers:
        parser.error("--peers is needed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own, peer = Worker("convscope", folder, sys.executable), Worker("xplique", folder, asked.peers)
        print(
            "| layer | Xplique one, ms | convscope one | times less | Xplique nine, ms | convscope nine | times less | known | times less |"
        )
        print("|" + "---|" * 9)
        largest = 0.0
        for layer in asked.layers:
            filters = own.ask("filters", layer)
            for _ in range(4):  # a light layer is compiled once it has been asked for so often
                own.ask("nine", layer, filters)
            turns = {
                f"{who} {what}": partial(worker.ask, what, layer, filters)
                for what in ("one", "nine")
                for who, worker in zip(("x", "c"), (peer, own), strict=True)
            }
            found = rounds(turns | {"c known": partial(own.ask, "known", layer, filters)}, asked.rounds)
            own.ask("alike", layer, filters)
            peer.ask("nine", layer, filters)
            largest = max(largest, difference(folder))
            print(row(layer, found), flush=True)
        own.close()
        peer.close()
    print(f"\nLargest relative difference of the pictures: {largest:.1e}.")


def row(layer, found):
    cells = [layer]
    for theirs, ours in (("x one", "c one"), ("x nine", "c nine"), (None, "c known")):
        base = found[theirs or "x nine"]
        ratio = [a / b for a, b in zip(base, found[ours], strict=True)]
        cells += [spread([1000 * one for one in base])] if theirs else []
        cells += [spread([1000 * one for one in found[ours]], 1), spread(ratio, 1)]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
