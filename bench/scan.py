"""The scan against the bare forward pass of the same network and batches, and its memory for more and more images.

    python bench/scan.py [rate] [memory] [wide]

rate: VGG16 at 224 x 224 in the precision that "auto" means here, over JPEGs made from the sample photographs. Bare passes over arrays in
memory and scans of files alternate in one process; medians. memory: the largest resident size of a process that scans 1,000, 10,000
and 60,000 pictures with the small network. wide: what a scan and a reader of its run take besides the network, at 22,008 units (as many
as EfficientNet-Lite0's) of random numbers: processor time, sizes, memory.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COUNT = 768  # pictures of the rate, three shards
ROUNDS = 3
COUNTS = (1_000, 10_000, 60_000)
SIZE = (500, 375)  # as ImageNet's: many are 500 x 375
WIDE = (32, 96, 144, 240, 480, 672, 1152, 1280)  # units of its layers, six of each as far as they go
WIDE_UNITS, WIDE_IMAGES = 22_008, 1024


def make_pictures(folder, count):
    """Write crops of the sample photographs as JPEGs, every one different."""
    from PIL import Image

    from convscope.assets import photographs

    photos = photographs()
    rng = np.random.default_rng(0)
    for index in range(count):
        photo = photos[index % len(photos)]
        scale = max(SIZE[0] / photo.width, SIZE[1] / photo.height)
        share = rng.uniform(0.6, 1.0)
        width, height = share * SIZE[0] / scale, share * SIZE[1] / scale
        left, top = rng.uniform(0, photo.width - width), rng.uniform(0, photo.height - height)
        picture = photo.resize(SIZE, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
        picture.save(folder / f"{index:06d}.jpg", quality=90)


def rate():
    import convscope
    from convscope.backend import engine, resolve_precision
    from convscope.graph.history import at_precision
    from convscope.graph.tensors import to_array
    from convscope.network.entering import network_input
    from convscope.network.network import as_network
    from convscope.scanning.maxima import NetworkMeasure, chosen_layers

    bundle, precision = convscope.load("vgg16", weights="embedded"), resolve_precision("auto")
    measure = NetworkMeasure(as_network(bundle), chosen_layers(as_network(bundle), "all"), precision)
    graph = at_precision(as_network(bundle).graph, precision)
    output = as_network(bundle).graph.outputs[0].call
    forward = engine().compiled(lambda entered: graph.run(entered, [output])[0])
    pixels = np.random.default_rng(0).uniform(0, 1, (measure.batch, *measure.fit.size, 3)).astype(np.float32)

    def bare():
        for _ in range(COUNT // measure.batch):
            to_array(forward(network_input(bundle, pixels)))

    def measured():
        for _ in range(COUNT // measure.batch):
            measure(pixels)

    seconds = {"bare forward pass": [], "measure, images in memory": [], "scan of files": []}
    with tempfile.TemporaryDirectory() as name:
        photos = Path(name) / "photos"
        photos.mkdir()
        make_pictures(photos, COUNT)
        to_array(forward(network_input(bundle, pixels)))
        measure(pixels)
        for turn in range(ROUNDS):
            for label, run in (
                ("bare forward pass", bare),
                ("measure, images in memory", measured),
                ("scan of files", lambda turn=turn: convscope.scan(bundle, photos, out=Path(name) / f"run{turn}")),
            ):
                start = time.perf_counter()
                run()
                seconds[label].append(time.perf_counter() - start)
    print(f"VGG16, {measure.units} units, {precision}, batches of {measure.batch}, {COUNT} JPEGs of {SIZE[0]} x {SIZE[1]}")
    shortest = statistics.median(seconds["bare forward pass"])
    for label, found in seconds.items():
        median = statistics.median(found)
        each = ", ".join(f"{one:.2f}" for one in found)
        print(f"  {label:26} {COUNT / median:6.1f} images/s  {shortest / median:6.1%} of the bare rate   ({each} s)")


def scan_and_tell(folder, out):
    """Scan and print the seconds and the largest resident size in MiB: what a process of its own is for."""
    import convscope

    start = time.perf_counter()
    run = convscope.scan("fashion", folder, out=out)
    print(f"{len(run)} {time.perf_counter() - start:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def memory():
    from PIL import Image

    from convscope.images import as_image_set

    images = [source.read()[0] for source in as_image_set("sample:fashion").sources]
    print("fashion, PNGs of 28 x 28 in a folder")
    with tempfile.TemporaryDirectory() as name:
        folder, made = Path(name) / "pictures", 0
        for count in COUNTS:
            while made < count:
                target = folder / f"{made // 1000:03d}" / f"{made:06d}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                turned = np.roll(images[made % len(images)][..., 0], made // len(images), axis=1)
                Image.fromarray(np.round(turned * 255).astype(np.uint8)).save(target)
                made += 1
            command = [sys.executable, __file__, "--scan", str(folder), str(Path(name) / f"run{count}")]
            found, seconds, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            print(f"  {int(found):6,} images: {float(seconds):6.1f} s, {int(found) / float(seconds):6.0f} images/s, peak {int(peak):,} MiB")


def random_measure(network, addresses, precision):
    """Return a measure of random numbers, many of them 0, in layers as wide as those of a large network."""
    from convscope.images import Fit
    from convscope.scanning import Measure, MeasuredLayer, Numbers

    layers, first = [], 0
    while first < WIDE_UNITS:
        count = min(WIDE[min(len(layers) // 6, len(WIDE) - 1)], WIDE_UNITS - first)
        layers.append(MeasuredLayer(f"layer{len(layers)}", count, (7, 7), first))
        first += count
    random = np.random.default_rng(0)

    class Wide(Measure):
        batch, fit, features, feature_layer = 32, Fit(1, (28, 28)), 8, "none"

        def __call__(self, pixels):
            values = np.maximum(random.normal(size=(self.batch, WIDE_UNITS)).astype(np.float32) * 3, 0)
            places = np.zeros(values.shape, np.int32)
            nothing = np.zeros(self.batch, np.int32)
            return Numbers(values, places, values[:, :8], nothing, nothing.astype(np.float32))

    Wide.layers = tuple(layers)
    return Wide()


def widely(folder):
    """Scan random numbers and print processor time, size and memory."""
    import convscope

    network = convscope.load("fashion")
    images = np.random.default_rng(0).integers(0, 255, (WIDE_IMAGES, 28, 28, 1)).astype(np.uint8)
    start = time.process_time()
    run = convscope.scan(network, images, out=folder, measure=random_measure, precision="float32")
    each = (time.process_time() - start) / WIDE_IMAGES * 1000
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 2**20:.1f}" for path in sorted(run.path.glob("*.[np][pa]*")))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  scan: {each:.2f} ms of processor time an image, numbers made up among them; peak {peak:,.0f} MiB; MiB: {sizes}")


def one_layer(folder):
    """Read a layer of a run and print processor time and memory."""
    import convscope

    run = convscope.open_run(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("top", "units", "sample"):
        if not hasattr(run, name):
            continue
        start = time.process_time()
        getattr(run, name)("layer20")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"  run.{name}(layer of 240 units): {time.process_time() - start:.2f} s, {(peak - before) / 1024:,.0f} MiB more")
        before = peak


def wide():
    print(f"{WIDE_UNITS:,} units of random numbers, {WIDE_IMAGES:,} images", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for part in ("--widely", "--one-layer"):
            subprocess.run([sys.executable, __file__, part, f"{name}/run"], check=True)


if __name__ == "__main__":
    if "--scan" in sys.argv:
        scan_and_tell(*sys.argv[2:4])
    elif "--widely" in sys.argv:
        widely(sys.argv[2])
    elif "--one-layer" in sys.argv:
        one_layer(sys.argv[2])
    else:
        for part in (rate, memory, wide):
            if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
                part()
