"""How the pictures of gradient ascent compare with those of others: the same units, the same size, the same weights, one neutral scorer.

python bench/pictures.py climb NAME FOLDER [--classifier MODEL]     NAME: convscope, maco, xplique, tf-keras-vis, lucent
python bench/pictures.py table FOLDER                               scores and spectra of all pictures in the folder
python bench/pictures.py blind FOLDER [--seed N]                    class pictures without names, shuffled, and their key

`climb` makes six units of three layers of VGG16, or with --classifier the classes below, and writes FOLDER/NAME-*.npz; layers that
are there are left as they are, so the same command resumes. Run `climb convscope` first: it exports the weights that the others load.
Every peer climbs as it advises, in an environment of its own, which has convscope, too: xplique 2.0.2 and tf-keras-vis 0.8.7 on
tensorflow-cpu (bench/ascent.py has their requirements), torch-lucent 0.1.8 on torch.

The scorer is plain Keras in float32 on the 8-bit pictures: the largest and the mean value of the unit. "Above half of Nyquist" is the share
of a picture's luminance energy at more than a quarter of a cycle per pixel, under a Hann window; photographs have 3 to 4 %.
"""

import argparse
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np

from ascent import MEANS, peers_network

LAYERS = {"block2_conv2": 96, "block4_conv2": 128, "block5_conv3": 160}
DEEP = (10, 100, 200, 300, 400, 500)
UNITS = {"block2_conv2": (5, 25, 45, 65, 85, 105), "block4_conv2": DEEP, "block5_conv3": DEEP}

CLASSES = (
    ("zebra", "tiger", "daisy", "lemon", "flamingo", "sports car"),
    ("goldfish", "school bus", "soccer ball", "pineapple", "peacock", "dalmatian"),
)
CLASS_SIDE = 224
XPLIQUE_STEPS, KERAS_VIS_STEPS, LUCENT_STEPS = 256, 200, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("climb", "table", "blind"))
    parser.add_argument("names", nargs="+", metavar="NAME FOLDER")
    parser.add_argument("--classifier")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    folder = Path(asked.names[-1])
    folder.mkdir(exist_ok=True)
    if asked.what == "table":
        print(table(folder))
    elif asked.what == "blind":
        blind(folder, asked.seed)
    elif asked.classifier:
        climb_classes(asked.names[0], folder, asked.classifier)
    else:
        climb_layers(asked.names[0], folder)


def climb_layers(name, folder):
    if name == "convscope":
        export(folder)
    for layer, side in LAYERS.items():
        if (folder / f"{name}-{layer}.npz").exists():
            continue
        began = time.perf_counter()
        pictures = PEERS[name](folder, layer, UNITS[layer], side)
        seconds = time.perf_counter() - began
        np.savez(folder / f"{name}-{layer}.npz", pictures=np.round(np.clip(pictures, 0, 1) * 255).astype(np.uint8), seconds=seconds)
        print(f"{name} {layer}: {seconds:.0f} s", flush=True)


def climb_classes(name, folder, model):
    import convscope

    bundle = convscope.load(model)
    classes = [one for row in CLASSES for one in row]
    channels = [list(bundle.labels).index(one) for one in classes]
    began = time.perf_counter()
    pictures = CLASS_PEERS[name](bundle, channels)
    stem = f"{name}-classes-{Path(model).stem}"
    pictures = np.round(np.clip(pictures, 0, 1) * 255).astype(np.uint8)
    np.savez(folder / f"{stem}.npz", pictures=pictures, names=classes, seconds=time.perf_counter() - began)
    print(f"{stem}: {time.perf_counter() - began:.0f} s", flush=True)


def own(folder, layer, units, side, **options):
    import convscope

    return convscope.ascend("vgg16", [f"{layer}:{unit}" for unit in units], size=side, **options).images


def own_classes(bundle, channels, **options):
    import convscope

    return convscope.ascend(bundle, [f"predictions:{channel}" for channel in channels], **options).images


def export(folder):
    """Write the weights of VGG16's convolutions as the peers load them."""
    import convscope
    from convscope.backend import ops

    network = convscope.load("vgg16", weights="embedded").network
    learned = [layer for layer in network.layers if hasattr(layer, "kernel")]
    arrays = {f"{layer.name}/{what}": ops.convert_to_numpy(getattr(layer, what)) for layer in learned for what in ("kernel", "bias")}
    np.savez(folder / "vgg16.npz", **arrays)


def keras_logits(bundle):
    """A classifier for images in 0-1 up to its scores before the softmax, as one Keras model."""
    import tensorflow as tf

    corners = np.zeros((4, 1, 1, 3), np.float32)
    corners[[1, 2, 3], ..., [0, 1, 2]] = 1
    entered = bundle.preprocessing.apply(corners)[:, 0, 0]  # of black, red, green, blue: the arithmetic is linear
    bundle.network.layers[-1].activation = tf.keras.activations.linear
    image = tf.keras.Input((*bundle.size, 3))
    entering = tf.keras.layers.Conv2D(3, 1, name="entering")
    scores = tf.keras.layers.Activation("linear", name="scores")(bundle.network(entering(image)))
    network = tf.keras.Model(image, scores)
    entering.set_weights([(entered[1:] - entered[:1])[None, None], entered[0]])
    return network


def xplique(network, objective, side):
    import tensorflow as tf
    from xplique.features_visualizations import optimize

    tf.random.set_seed(0)
    images, _ = optimize(objective, tf.keras.optimizers.Adam(0.05), nb_steps=XPLIQUE_STEPS, custom_shape=(side, side), values_range=(0, 1))
    return np.asarray(images[0])


def xplique_layer(folder, layer, units, side):
    from xplique.features_visualizations import Objective

    network = peers_network(folder, layer, side, white=1)
    return xplique(network, Objective.channel(network, layer, list(units)), side)


def xplique_classes(bundle, channels):
    from xplique.features_visualizations import Objective

    network, made = keras_logits(bundle), []
    for some in (channels[:6], channels[6:]):  # memory
        made.append(xplique(network, Objective.neuron(network, "scores", some), bundle.size[0]))
    return np.concatenate(made)


def keras_vis(network, channels, side):
    import tensorflow as tf
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.scores import CategoricalScore

    tf.random.set_seed(0)
    # It climbs in 0-255, as its modifiers and penalties expect.
    image = tf.keras.Input((side, side, 3))
    wide = tf.keras.Model(image, tf.keras.layers.Rescaling(1 / 255)(image))
    wide = tf.keras.Model(image, network(wide(image)))
    seed = tf.random.uniform((len(channels), side, side, 3), 0, 255)
    climb = ActivationMaximization(wide, clone=False)
    return np.asarray(climb(CategoricalScore(list(channels)), seed_input=seed, steps=KERAS_VIS_STEPS)) / 255


def keras_vis_layer(folder, layer, units, side):
    return keras_vis(peers_network(folder, layer, side, white=1, linear=True), units, side)


def keras_vis_classes(bundle, channels):
    return np.concatenate([keras_vis(keras_logits(bundle), some, bundle.size[0]) for some in (channels[:6], channels[6:])])


def lucent(folder, layer, units, side):
    import torch
    from lucent.optvis import objectives, param, render, transform

    weights, stages = np.load(folder / "vgg16.npz"), []
    names = list(dict.fromkeys(key.split("/")[0] for key in weights))
    for name in names[: names.index(layer) + 1]:
        if name.endswith("conv1") and name != "block1_conv1":
            stages.append((f"{name[:6]}_pool", torch.nn.MaxPool2d(2)))
        kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
        convolution = torch.nn.Conv2d(*kernel.shape[2:], 3, padding=1)
        convolution.weight.data, convolution.bias.data = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous(), torch.tensor(bias)
        stages += [(name, convolution), (f"{name}_relu", torch.nn.ReLU())]
    network = torch.nn.Sequential(OrderedDict(stages[:-1])).eval()  # before the ReLU, as Lucid's layers are
    means = torch.tensor(MEANS).reshape(1, 3, 1, 1)
    made = []
    for unit in units:
        torch.manual_seed(0)
        shown = render.render_vis(
            network,
            objectives.channel(layer, unit),
            lambda: param.image(side),
            thresholds=(LUCENT_STEPS,),
            preprocess=False,
            transforms=[*transform.standard_transforms, lambda image: image.flip(1) * 255 - means],
            show_image=False,
            progress=False,
            fixed_image_size=side,
        )
        made.append(shown[-1][0])
    return np.stack(made)


PEERS = {
    "convscope": own,
    "maco": lambda *given: own(*given, image="maco"),
    "xplique": xplique_layer,
    "tf-keras-vis": keras_vis_layer,
    "lucent": lucent,
}
CLASS_PEERS = {
    "convscope": own_classes,
    "maco": lambda *given: own_classes(*given, image="maco"),
    "xplique": xplique_classes,
    "tf-keras-vis": keras_vis_classes,
}


def table(folder):
    """Return for each layer and maker the median largest and mean value, the share of fine detail, and the colour."""
    import convscope
    from convscope.backend import keras, ops

    bundle = convscope.load("vgg16", weights="embedded")
    rows = [
        "| layer, side | pictures by | largest value | mean value | above half of Nyquist | chroma | seconds for six |",
        "|---" * 7 + "|",
    ]
    for layer, side in LAYERS.items():
        cut = keras.Model(bundle.network.inputs, bundle.network.get_layer(layer).output)
        for name in PEERS:
            path = folder / f"{name}-{layer}.npz"
            if not path.exists():
                continue
            pictures = np.load(path)["pictures"].astype(np.float32) / 255
            values = ops.convert_to_numpy(cut(bundle.preprocessing.apply(pictures)))
            mine = np.stack([values[place, ..., unit] for place, unit in enumerate(UNITS[layer])]).reshape(len(pictures), -1)
            found = np.median(mine.max(1)), np.median(mine.mean(1)), 100 * np.median([fine(one) for one in pictures])
            colour, seconds = np.median([chroma(one) for one in pictures]), float(np.load(path)["seconds"])
            rows.append(
                f"| {layer}, {side} px | {name} | {found[0]:.0f} | {found[1]:.0f} | {found[2]:.0f} % | {colour:.0f} | {seconds:.0f} |"
            )
    return "\n".join(rows)


def fine(picture):
    """Return the share of luminance energy above half of Nyquist."""
    light = picture @ np.array([0.299, 0.587, 0.114])
    window = np.hanning(light.shape[0])[:, None] * np.hanning(light.shape[1])
    energy = np.abs(np.fft.fft2((light - light.mean()) * window)) ** 2
    cycles = np.hypot(np.fft.fftfreq(light.shape[0])[:, None], np.fft.fftfreq(light.shape[1]))
    return energy[cycles >= 0.25].sum() / energy[cycles > 0.01].sum()


def chroma(picture):
    """Return the mean chroma in CIELAB of an sRGB picture."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    xyz = linear @ matrix.T / np.array([0.95047, 1, 1.08883])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.hypot(500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])).mean()


def blind(folder, seed):
    """Write blind-1.png, ...: six numbered class pictures on each; and blind-key.txt, which says whose each is and of what."""
    from PIL import Image, ImageDraw

    shown = []
    for path in sorted(folder.glob("*-classes-*.npz")):
        found = np.load(path)
        shown += [(path.stem, str(name), picture) for name, picture in zip(found["names"], found["pictures"], strict=True)]
    order = np.random.default_rng(seed).permutation(len(shown))
    key = []
    for page, start in enumerate(range(0, len(order), 12), 1):
        sheet = Image.new("RGB", (4 * (CLASS_SIDE + 8), 3 * (CLASS_SIDE + 24)), "white")
        for place, which in enumerate(order[start : start + 12]):
            maker, name, picture = shown[which]
            left, top = place % 4 * (CLASS_SIDE + 8), place // 4 * (CLASS_SIDE + 24)
            ImageDraw.Draw(sheet).text((left + 2, top + 4), str(start + place + 1), fill="black")
            sheet.paste(Image.fromarray(picture).resize((CLASS_SIDE, CLASS_SIDE), Image.Resampling.LANCZOS), (left, top + 18))
            key.append(f"{start + place + 1} {maker} {name}")
        sheet.save(folder / f"blind-{page}.png")
    (folder / "blind-key.txt").write_text("\n".join(key) + "\n")


if __name__ == "__main__":
    main()
