"""How long a step of gradient ascent takes, and how soon its pictures score what others' do; everything side by side in one run.

python bench/ascent.py --peers PATH/bin/python [--rounds 7] [--only step frameworks score]

VGG16 (the embedded weights), block5_conv3, 8 filters, 128 x 128 pixels. Each competitor is a process of its own that waits for its turn;
a round gives every one a few steps, so that what else the machine does meets all alike. Medians over the rounds, in brackets the least
and the most. About 9 minutes on two cores that do nothing else.

`step`: the whole step of convscope (image, moves, network, update) on TensorFlow, beside the network's forward pass and input gradient
alone, written plainly in TensorFlow with weights cast beforehand, and beside a step of tf-keras-vis 0.8.7 and of Xplique 2.0.2.
`frameworks`: the same on JAX and on PyTorch, each beside the framework's own forward and gradient. `score`: tf-keras-vis (200 steps) and
Xplique (256) climb as they advise; the 8-bit pictures they return are scored as convscope scores its own, by the unit's largest
activation and, beside it, its mean; then convscope climbs until each of its pictures scores as much.

The peers need an environment of their own, for example:
python -m venv peers && peers/bin/pip install tensorflow-cpu==2.20.0 tf-keras-vis==0.8.7 && peers/bin/pip install --no-deps xplique==2.0.2
with what Xplique imports besides (matplotlib, scikit-learn, scikit-image, opencv-python-headless, dm-tree, tf-keras,
tensorflow-probability).
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

LAYER, COUNT, SIDE = "block5_conv3", 8, 128
MEANS = (103.939, 116.779, 123.68)  # of VGG16's input, blue first
USUAL_STEPS = {"tf-keras-vis": 200, "xplique": 256}
STEPS_A_TURN = {"convscope": 6, "bare": 6, "tf-keras-vis": 4, "xplique": 4}


class Convscope:
    """convscope's own step, and the plain network beside it."""

    def __init__(self, folder: Path) -> None:
        import convscope
        from convscope.backend import resolve_precision
        from convscope.network.network import as_network
        from convscope.network.targets import as_targets

        self.bundle = convscope.load("vgg16", weights="embedded")
        self.network = as_network(self.bundle)
        self.units = as_targets(self.network, f"{LAYER}:0-{COUNT - 1}")
        self.precision = resolve_precision("auto")
        self.folder = folder
        self.run = self.new_run()
        self.plain = None

    def new_run(self):
        from convscope.ascent import AscentRun, ascend_all
        from convscope.ascent.objective import weights_of
        from convscope.ascent.run import rng_of

        climber = ascend_all(self.bundle, f"{LAYER}:0", size=SIDE, precision=self.precision).climber
        step = climber.step_of(self.units[0], (SIDE, SIDE), climber.attempts(self.units)[0], 1)
        weights = weights_of(self.network.graph, self.units)
        return AscentRun(step, weights, [rng_of(unit, 0) for unit in self.units])

    def about(self):
        from convscope.backend import choose

        return {"framework": choose(), "precision": self.precision}

    def weights(self):
        """Return (name, kernel, bias) of each convolution down to the layer."""
        from convscope.backend import ops

        found = []
        for layer in self.bundle.network.layers:
            if hasattr(layer, "kernel"):
                found.append((layer.name, *(np.asarray(ops.convert_to_numpy(one)) for one in (layer.kernel, layer.bias))))
            if layer.name == LAYER:
                return found

    def export(self):
        arrays = {f"{name}/{what}": array for name, *both in self.weights() for what, array in zip(("kernel", "bias"), both, strict=True)}
        np.savez(self.folder / "vgg16.npz", **arrays)

    def convscope(self, steps):
        from convscope.backend import ops

        seconds = []
        for _ in range(steps):
            began = time.perf_counter()
            ops.convert_to_numpy(self.run.step())
            seconds.append(time.perf_counter() - began)
        return seconds

    def bare(self, steps):
        self.plain = self.plain or PLAIN[self.about()["framework"]](self.weights(), self.precision)
        seconds = []
        for _ in range(steps):
            began = time.perf_counter()
            self.plain()
            seconds.append(time.perf_counter() - began)
        return seconds

    def scores(self, pictures):
        """Return the largest and the mean activation of unit i on picture i, in float32, for (n, height, width, 3) in 0-255."""
        from convscope.backend import keras, ops

        network = self.bundle.network
        cut = keras.Model(network.inputs, network.get_layer(LAYER).output)
        values = ops.convert_to_numpy(cut(self.bundle.preprocessing.apply(np.float32(pictures) / np.float32(255))))
        own = np.stack([values[place, ..., place] for place in range(len(values))])
        return np.stack([own.max(axis=(1, 2)), own.mean(axis=(1, 2))])

    def score(self, file):
        return self.scores(np.load(file)).tolist()

    def course(self, most):
        """Climb anew; return the scores after each step: (step, largest or mean, unit)."""
        run, found = self.new_run(), []
        for _ in range(most):
            run.step()
            found.append(self.scores(np.round(run.pictures() * 255)).tolist())
        return found


def plain_tensorflow(weights, precision):
    import tensorflow as tf

    dtype = getattr(tf, precision)
    weights = [(name, tf.cast(kernel, dtype), tf.cast(bias, dtype)) for name, kernel, bias in weights]

    @tf.function(autograph=False)
    def gradient(image):
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = tf.cast(image, dtype)
            for name, kernel, bias in weights:
                if name.endswith("conv1") and name != "block1_conv1":
                    value = tf.nn.max_pool2d(value, 2, 2, "VALID")
                value = tf.nn.bias_add(tf.nn.conv2d(value, kernel, 1, "SAME"), bias)
                value = value if name == LAYER else tf.nn.relu(value)
            climbed = tf.reduce_sum(tf.linalg.diag_part(tf.cast(tf.reduce_mean(value, (1, 2)), tf.float32)[:, :COUNT]))
        return tape.gradient(climbed, image)

    image = tf.constant(noise())
    return lambda: gradient(image).numpy()


def plain_jax(weights, precision):
    import jax
    import jax.numpy as jnp

    dtype = getattr(jnp, precision)
    weights = [(name, jnp.asarray(kernel, dtype), jnp.asarray(bias, dtype)) for name, kernel, bias in weights]

    def climbed(image):
        value = image.astype(dtype)
        for name, kernel, bias in weights:
            if name.endswith("conv1") and name != "block1_conv1":
                value = jax.lax.reduce_window(value, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            value = jax.lax.conv_general_dilated(value, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
            value = value if name == LAYER else jax.nn.relu(value)
        return jnp.trace(value.mean((1, 2)).astype(jnp.float32)[:, :COUNT])

    gradient, image = jax.jit(jax.grad(climbed)), jnp.asarray(noise())
    return lambda: np.asarray(gradient(image))


def plain_torch(weights, precision):
    import torch
    from torch.nn import functional

    dtype = getattr(torch, precision)
    weights = [
        (name, torch.tensor(kernel).permute(3, 2, 0, 1).contiguous().to(dtype), torch.tensor(bias).to(dtype))
        for name, kernel, bias in weights
    ]
    image = torch.tensor(noise()).permute(0, 3, 1, 2).contiguous()

    def gradient():
        leaf = image.detach().requires_grad_(True)
        value = leaf.to(dtype)
        for name, kernel, bias in weights:
            if name.endswith("conv1") and name != "block1_conv1":
                value = functional.max_pool2d(value, 2)
            value = functional.conv2d(value, kernel, bias, padding=1)
            value = value if name == LAYER else functional.relu(value)
        climbed = torch.trace(value.mean((2, 3)).float()[:, :COUNT])
        return torch.autograd.grad(climbed, leaf)[0].numpy()

    return gradient


PLAIN = {"tensorflow": plain_tensorflow, "jax": plain_jax, "torch": plain_torch}


def noise():
    return np.random.default_rng(0).uniform(-120, 130, (COUNT, SIDE, SIDE, 3)).astype("float32")


def peers_network(folder: Path, layer: str = LAYER, side: int = SIDE, *, white: int = 255, linear: bool = False):
    """Return VGG16 up to a layer with the exported weights; a 1 x 1 convolution brings pictures in 0 to `white` to its input exactly.

    `linear`: the layer's values are those before its ReLU.
    """
    import tensorflow as tf

    layers, weights = tf.keras.layers, np.load(folder / "vgg16.npz")
    image = tf.keras.Input((side, side, 3))
    value = layers.Conv2D(3, 1, name="caffe")(image)
    names = list(dict.fromkeys(key.split("/")[0] for key in weights))
    names = names[: names.index(layer) + 1]
    for name in names:
        if name.endswith("conv1") and name != "block1_conv1":
            value = layers.MaxPooling2D(name=f"{name[:6]}_pool")(value)
        activation = None if linear and name == layer else "relu"
        value = layers.Conv2D(weights[f"{name}/bias"].size, 3, padding="same", activation=activation, name=name)(value)
    network = tf.keras.Model(image, value)
    network.get_layer("caffe").set_weights([255 / white * np.eye(3, dtype="float32")[None, None, ::-1], -np.float32(MEANS)])
    for name in names:
        network.get_layer(name).set_weights([weights[f"{name}/kernel"], weights[f"{name}/bias"]])
    return network


class TfKerasVis:
    """tf-keras-vis as its notebook on convolution filters has it: layer cut, linear activation, its default modifiers and penalties."""

    def __init__(self, folder: Path) -> None:
        from tf_keras_vis.activation_maximization import ActivationMaximization
        from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer, ReplaceToLinear

        modifiers = [ExtractIntermediateLayer(LAYER), ReplaceToLinear()]
        self.climb, self.folder = ActivationMaximization(peers_network(folder), model_modifier=modifiers, clone=False), folder

    def __call__(self, steps):
        import tensorflow as tf
        from tf_keras_vis.activation_maximization.callbacks import Callback
        from tf_keras_vis.utils.scores import CategoricalScore

        class Clock(Callback):
            def __init__(self):
                self.ticks = []

            def __call__(self, *ignored, **others):
                self.ticks.append(time.perf_counter())

        clock = Clock()
        tf.random.set_seed(0)
        seed = tf.random.uniform((COUNT, SIDE, SIDE, 3), 0, 255)
        self.pictures = self.climb(CategoricalScore(list(range(COUNT))), seed_input=seed, steps=steps + 1, callbacks=[clock])
        return np.diff(clock.ticks).tolist()


class Xplique:
    """Xplique with its defaults: Fourier image, its standard moves, Adam; the canvas is the network's own, as everybody's here."""

    def __init__(self, folder: Path) -> None:
        self.network = peers_network(folder)

    def __call__(self, steps):
        import tensorflow as tf
        from xplique.features_visualizations import Objective, optimize

        class Clock(tf.keras.optimizers.Adam):
            def apply_gradients(self, *given, **options):
                done = super().apply_gradients(*given, **options)
                ticks.append(time.perf_counter())
                return done

        ticks = []
        tf.random.set_seed(0)
        objective = Objective.channel(self.network, LAYER, list(range(COUNT)))
        images, _ = optimize(objective, Clock(0.05), nb_steps=steps + 1, custom_shape=(SIDE, SIDE), values_range=(0, 255))
        self.pictures = images[0]
        return np.diff(ticks).tolist()


PEERS = {"tf-keras-vis": TfKerasVis, "xplique": Xplique}


def serve(name: str, folder: Path) -> None:
    """Answer requests, one line of JSON each: [what, argument]."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    worker = (PEERS | {"convscope": Convscope})[name](folder)
    for line in sys.stdin:
        what, *given = json.loads(line)
        if name == "convscope":
            answer = getattr(worker, what)(*given)
        else:
            answer = worker(given[-1])
            np.save(folder / f"{name}.npy", np.round(np.clip(worker.pictures, 0, 255)))
        print(json.dumps(answer), file=answers, flush=True)


class Worker:
    """A competitor in a process of its own."""

    def __init__(self, name: str, folder: Path, python: str = sys.executable, **environment: str) -> None:
        self.folder, own = folder, {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}
        self.log = (folder / f"{name}-{environment.get('KERAS_BACKEND', '')}.log").open("w+")
        words = [python, __file__, "--serve", name, "--folder", str(folder)]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=os.environ | own | environment
        )

    def ask(self, *request):
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            self.log.seek(0)
            raise SystemExit(f"{' '.join(self.process.args)} ended:\n{self.log.read()[-3000:]}") from None  # type: ignore[arg-type]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def rounds(turns, count):
    """Give each of `turns` (name -> function of steps) its turn `count` times after one to warm up; return each round's medians."""
    for name, turn in turns.items():
        turn(STEPS_A_TURN[name])
    found = {name: [] for name in turns}
    for _ in range(count):
        for name, turn in turns.items():
            time.sleep(0.2)  # threads of the one before go to sleep
            found[name].append(median(turn(STEPS_A_TURN[name])))
    return found


def spread(values, digits=2):
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def ratio(ones, others):
    return spread([one / other for one, other in zip(ones, others, strict=True)])


def print_steps(found, precision):
    print(f"\n| one step of {COUNT} filters | precision | ms | its time / convscope's |\n|---|---|---|---|")
    for name, seconds in found.items():
        what = {"convscope": "convscope, the whole step", "bare": "TensorFlow, forward and gradient alone"}.get(name, name)
        kind = precision if name in ("convscope", "bare") else "float32"
        print(f"| {what} | {kind} | {spread([1000 * one for one in seconds], 0)} | {ratio(seconds, found['convscope'])} |", flush=True)
    share = [bare / own for own, bare in zip(found["convscope"], found["bare"], strict=True)]
    print(f"\nconvscope's step reaches {100 * median(share):.0f} % of the throughput of the bare network.", flush=True)


def frameworks(folder, count):
    print("\n| framework | precision | convscope, ms | plain forward and gradient, ms | convscope / plain |\n|---|---|---|---|---|")
    for framework in ("jax", "torch"):
        worker = Worker("convscope", folder, KERAS_BACKEND=framework)
        precision = worker.ask("about")["precision"]
        found = rounds({name: partial(worker.ask, name) for name in ("convscope", "bare")}, count)
        worker.close()
        own, plain = (spread([1000 * one for one in found[name]], 0) for name in ("convscope", "bare"))
        print(f"| {framework} | {precision} | {own} | {plain} | {ratio(found['convscope'], found['bare'])} |", flush=True)


def same_score(own, peers, folder, step_seconds):
    course = np.array(own.ask("course", 128))  # (step, largest or mean, unit)
    print("\n| pictures of | score by | their score | their seconds | convscope's seconds to each | times less | median |")
    print("|---|---|---|---|---|---|---|")
    for name, peer in peers.items():
        seconds = sum(peer.ask(name, USUAL_STEPS[name]))
        theirs = np.array(own.ask("score", str(folder / f"{name}.npy")))
        for kind, by in enumerate(("largest", "mean")):
            reached = course[:, kind] >= theirs[kind]
            steps = np.where(reached.any(axis=0), reached.argmax(axis=0) + 1, np.inf)
            needed = steps * step_seconds
            less = seconds / needed
            row = f"{spread(theirs[kind], 1)} | {seconds:.0f} | {spread(needed, 1)} | {spread(less, 1)}"
            print(f"| {name}, {USUAL_STEPS[name]} steps | {by} | {row} | {np.median(less):.1f} |", flush=True)
    last = ", ".join(f"{by} {spread(course[-1, kind], 1)}" for kind, by in enumerate(("largest", "mean")))
    print(f"\nconvscope's own score after {len(course)} steps: {last}; its seconds are steps times {1000 * step_seconds:.0f} ms.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="the python of the environment that holds the peers; none: without them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=("step", "frameworks", "score"), default=("step", "frameworks", "score"))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.folder)
        return
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if {"step", "score"} & set(asked.only):
            own = Worker("convscope", folder, KERAS_BACKEND="tensorflow")
            own.ask("export")
            peers = {name: Worker(name, folder, asked.peers) for name in PEERS} if asked.peers else {}
            turns = {name: partial(own.ask, name) for name in ("convscope", "bare")}
            turns |= {name: partial(peer.ask, name) for name, peer in peers.items()}
            found = rounds(turns, asked.rounds)
            if "step" in asked.only:
                print_steps(found, own.ask("about")["precision"])
            if "score" in asked.only and peers:
                same_score(own, peers, folder, median(found["convscope"]))
            for worker in (own, *peers.values()):
                worker.close()
        if "frameworks" in asked.only:
            frameworks(folder, asked.rounds)
    print(f"\nTook {(time.perf_counter() - began) / 60:.1f} minutes.")


if __name__ == "__main__":
    main()
