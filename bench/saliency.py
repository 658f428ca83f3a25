"""The maps of `saliency` against Captum on ported weights, and against the published formulas of pytorch-grad-cam and Xplique.

python bench/saliency.py [--model fashion] [--images sample:fashion[0-4]]          agreement, needs captum
python bench/saliency.py --areas [--model squeezenet] [--images DIR] [--count 20] [--kept FILE]   areas of all methods

Captum is no dependency: `pip install --no-deps --target FOLDER captum` and PYTHONPATH=FOLDER. The network is written once more in PyTorch,
call by call from convscope's flat graph, with the same weights; its scores must be the same. Errors are the largest difference on the scale
of the largest number of Captum's map. `areas`: each image is scored for the class that the network takes it for; what is written are means
over the images, their standard errors, and CPU seconds (user and system) of each method for one image.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

METHODS = ("gradient", "guided", "input", "integrated", "smooth", "gradcam", "occlusion")
STEPS, SAMPLES, NOISE = 64, 8, 0.15


def ported(network, target):
    """Return a torch module that computes what `network` does up to `target`, and its modules by call."""
    import torch
    from torch import nn
    from torch.nn import functional

    graph = network.graph
    steps = graph.steps([target.index])

    class Padded(nn.Module):
        def __init__(self, inner, reach, stride):
            super().__init__()
            self.inner, self.reach, self.stride = inner, reach, stride

        def forward(self, value):
            pads = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(value.shape[2:], self.stride, self.reach, strict=True)]
            return self.inner(functional.pad(value, (pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2)))

    class Flat(nn.Module):
        def forward(self, value):
            return value.permute(0, 2, 3, 1).reshape(len(value), -1)

    class Joined(nn.Module):
        def forward(self, *values):
            return torch.cat(values, dim=1)

    class Mean(nn.Module):
        def forward(self, value):
            return value.mean(dim=(2, 3))

    def tensor(values):
        return nn.Parameter(torch.tensor(np.asarray(values)))

    def made(call):
        layer, kind = call.operation, call.layer_type
        name = getattr(layer, "__name__", type(layer).__name__)
        if hasattr(layer, "kernel_size"):
            kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
            inner = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2:], layer.strides, bias=layer.use_bias)
            inner.weight = tensor(kernel)
            if layer.use_bias:
                inner.bias = tensor(layer.bias)
            return Padded(inner, kernel.shape[2:], layer.strides) if layer.padding == "same" else inner
        if name in ("relu", "ReLU", "Relu"):
            return nn.ReLU()
        if "MaxPooling2D" in (kind, name):
            inner = nn.MaxPool2d(layer.pool_size, layer.strides)
            assert layer.padding == "valid"
            return inner
        if hasattr(layer, "kernel"):
            inner = nn.Linear(*np.asarray(layer.kernel).shape)
            inner.weight, inner.bias = tensor(np.asarray(layer.kernel).T), tensor(layer.bias)
            return inner
        if "GlobalAverage" in name:
            return Mean()
        if name == "Concatenate":
            return Joined()
        if name == "Flatten":
            return Flat()
        if call.kind.value in ("identity", "activation") or name in ("linear", "Dropout", "InputLayer"):
            return nn.Identity()
        raise SystemExit(f"`{call.address}` ({name}) is not ported.")

    class Ported(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict({str(call.index): made(call) for call in steps})

        def forward(self, image):
            values = {graph.image_input: image}
            for call in steps:
                values[call.index] = self.parts[str(call.index)](*(values[source.call] for source in call.sources))
            return values[target.index]

    return Ported().eval()


def error(found, expected):
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def agreement(model, images):
    """Print how far the maps are from Captum's."""
    import torch
    from captum import attr

    import convscope
    from convscope.attribution.cams import cam_layer
    from convscope.attribution.scores import Score
    from convscope.network.entering import batch_for
    from convscope.network.network import as_network
    from convscope.network.targets import as_targets

    network = as_network(convscope.load(model))
    graph = network.graph
    output = graph.find(graph.calls[graph.outputs[0].call].address)
    scores, recipe = graph.score(output), network.bundle.preprocessing
    pixels = batch_for(network.bundle, images, [output]).pixels
    twin = ported(network, scores)

    def entered(values):
        return torch.tensor(np.ascontiguousarray(recipe.apply(values).transpose(0, 3, 1, 2), np.float32))

    def back(values):
        return recipe.to_rgb(values.detach().numpy().transpose(0, 2, 3, 1))

    with torch.no_grad():
        theirs = twin(entered(pixels)).numpy()
    from convscope.graph.tensors import to_array
    from convscope.network.entering import network_input

    ours = to_array(graph.run(network_input(network.bundle, pixels), [scores.index])[0])
    print(f"{model}, {len(pixels)} images; scores: {error(ours, theirs):.1e}\n\n| method | Captum | largest error |\n|---|---|---|")
    classes = theirs.argmax(axis=1)
    worst = dict.fromkeys([*METHODS, "gradcam formula", "gradcam++ formula", "layercam formula"], 0.0)
    for image, chosen in zip(pixels, map(int, classes), strict=True):
        unit, one = f"{output.address}:{chosen}", entered(image[None]).requires_grad_(True)
        (target,) = as_targets(network, unit)
        layer = cam_layer(graph, Score(graph, target), None, image.shape[:2])
        made = {
            "gradient": back(attr.Saliency(twin).attribute(one, target=chosen, abs=False)),
            "guided": back(attr.GuidedBackprop(twin).attribute(one, target=chosen)),
            "input": back(attr.InputXGradient(twin).attribute(one, target=chosen)),
        }
        # Captum multiplies by what enters the network; convscope by that less what black would be.
        made["input"] = made["gradient"] * back(one - entered(np.zeros_like(image)[None]))
        rng, deviation = np.random.default_rng(0), np.float32(NOISE * (float(image.max()) - float(image.min())))
        noisy = image + rng.standard_normal((SAMPLES, *image.shape), np.float32) * deviation
        made["smooth"] = back(attr.Saliency(twin).attribute(entered(noisy).requires_grad_(True), target=chosen, abs=False)).mean(
            axis=0, keepdims=True
        )
        patch = max(1, round(image.shape[0] / 5))
        stride = max(1, round(patch / 3))
        covered = attr.Occlusion(twin).attribute(
            one,
            (image.shape[-1], patch, patch),
            (image.shape[-1], stride, stride),
            target=chosen,
            baselines=entered(np.full_like(image, 0.5)[None]),
        )
        made["occlusion"] = back(covered)[..., 0]
        cam = attr.LayerGradCam(twin, twin.parts[str(layer.index)]).attribute(one, target=chosen, relu_attributions=True)
        made["gradcam"] = attr.LayerAttribution.interpolate(cam, image.shape[:2], "bilinear").detach().numpy()[:, 0]
        for method in METHODS:
            options = {"smooth": {"samples": SAMPLES, "noise": NOISE}, "integrated": {"points": STEPS}}.get(method, {})
            found = convscope.saliency(network, unit, image, method=method, **options)
            if method == "integrated":
                steps = dict(found.details)["steps"]
                # Captum's weights of its n points are 1/n, so that they add up to (n - 1)/n.
                made[method] = (
                    (steps + 1)
                    / steps
                    * back(
                        attr.IntegratedGradients(twin).attribute(
                            one, entered(np.zeros_like(image)[None]), target=chosen, n_steps=steps + 1, method="riemann_trapezoid"
                        )
                    )
                )
            mine = found.pixels if method in ("gradient", "guided", "input", "integrated", "smooth") else found.maps
            worst[method] = max(worst[method], error(mine, made[method]))
        for name, formula in formulas(twin, one, chosen, layer).items():
            mine = convscope.saliency(network, unit, image, method=name).maps
            grown = torch.nn.functional.interpolate(torch.tensor(formula)[None, None], image.shape[:2], mode="bilinear")
            worst[f"{name} formula"] = max(worst[f"{name} formula"], error(mine, grown.numpy()[0]))
    for name, largest in worst.items():
        print(f"| {name} | {'published formula' if 'formula' in name else 'Captum'} | {largest:.1e} |")


def formulas(twin, image, chosen, layer):
    """Return the maps of a layer as pytorch-grad-cam 1.5 computes them (`get_cam_weights` and `get_cam_image`), in NumPy.

    Without the 1e-6 that it adds to the denominator of Grad-CAM++, which the paper does not have: slopes may be as small as that.
    """
    held = {}
    handle = twin.parts[str(layer.index)].register_forward_hook(lambda module, inputs, output: held.update(maps=output))
    score = twin(image)[0, chosen]
    handle.remove()
    import torch

    (gradient,) = torch.autograd.grad(score, held["maps"])
    grads, activations = gradient.numpy(), held["maps"].detach().numpy()
    square, cube = grads**2, grads**3
    below = 2 * square + activations.sum(axis=(2, 3))[:, :, None, None] * cube
    shares = np.where(grads != 0, square / np.where(below == 0, 1, below), 0)
    plus = (np.maximum(grads, 0) * shares).sum(axis=(2, 3))
    weights = {"gradcam": grads.mean(axis=(2, 3)), "gradcam++": plus}
    found = {name: np.maximum((weight[:, :, None, None] * activations).sum(axis=1), 0)[0] for name, weight in weights.items()}
    return found | {"layercam": np.maximum((np.maximum(grads, 0) * activations).sum(axis=1), 0)[0]}


def areas(model, images, count, kept):
    """Print the mean areas of all methods over images, and what each costs; images whose areas are kept are not made again."""
    import convscope
    from convscope.network.entering import batch_for
    from convscope.network.network import as_network

    network = as_network(convscope.load(model))
    output = network.graph.find(network.graph.calls[network.graph.outputs[0].call].address)
    batch = batch_for(network.bundle, images, [output])
    known = json.loads(kept.read_text()) if kept.is_file() else {}
    for name, image in list(zip(batch.names, batch.pixels, strict=True))[:count]:
        if name in known:
            continue
        chosen = int(convscope.activations(network.bundle, output.address, image).maps[0].argmax())
        found = convscope.saliency(network, f"{output.address}:{chosen}", image, method="all")
        known[name] = {method: found.areas[0, place].tolist() for place, method in enumerate(found.methods)}
        kept.write_text(json.dumps(known))
        print(name, file=sys.stderr, flush=True)
    table, methods = np.array([list(one.values()) for one in known.values()]), list(next(iter(known.values())))
    costs = {method: cost(network, f"{output.address}:0", batch.pixels[0], method) for method in methods[:-1]}
    print(f"{model}, {len(table)} images\n\n| method | deletion | insertion | beats random in both | CPU s |\n|---|---|---|---|---|")
    floor, error = table[:, -1], table.std(axis=0, ddof=1) / np.sqrt(len(table))
    for place, method in enumerate(methods):
        mean, spread = table[:, place].mean(axis=0), error[place]
        better = int(((table[:, place, 0] < floor[:, 0]) & (table[:, place, 1] > floor[:, 1])).sum())
        spent, wins = (f"{costs[method]:.2f}", f"{better} of {len(table)}") if method in costs else ("", "")
        print(f"| {method} | {mean[0]:.3f} ± {spread[0]:.3f} | {mean[1]:.3f} ± {spread[1]:.3f} | {wins} | {spent} |")


def cost(network, unit, image, method):
    """Return the CPU seconds (user and system) of one map, the second time."""
    import convscope

    convscope.saliency(network, unit, image, method=method)
    before = resource.getrusage(resource.RUSAGE_SELF)
    convscope.saliency(network, unit, image, method=method)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="")
    parser.add_argument("--images", nargs="+", default=[])
    parser.add_argument("--areas", action="store_true")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--kept", type=Path, default=Path("areas.json"), help="Where areas are kept as they are made.")
    asked = parser.parse_args()
    start = time.perf_counter()
    if asked.areas:
        areas(asked.model or "squeezenet", asked.images or ["sample:photos"], asked.count, asked.kept)
    else:
        agreement(asked.model or "fashion", asked.images or ["sample:fashion[0-4]"])
    print(f"\n{time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
