"""What an engine adds to a scan: the same images alone, and on a Ray cluster of 1, 2 and 4 nodes on this machine.

    python bench/engines.py [--network vgg16] [--images 384] [--rounds 3] [--nodes 1,2,4]

Each node is a node of Ray's own test cluster, with one worker of one thread; the head works on nothing. Scans take turns. What counts is
the cost of an image once all workers stand: the difference of two scans, of all images and of a third of them. Counted is the processor
time of the whole machine, so nothing else may run: the driver, the workers and Ray's own processes, and nodes that share cores compare.
Clock times are beside it: on a machine of fewer cores than nodes they say how well the cores are shared, and not how a cluster grows.
"""

# ruff: noqa: E402
import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[name] = "1"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # the loopback interface

import numpy as np
import psutil
from scan import make_pictures

import convscope
from convscope import assets
from convscope.engines import Ray
from convscope.engines import ray as engine_module

SHARE = 3  # the smaller scan has a third of the images


def fashion(folder, count):
    """Write Fashion-MNIST's test pictures, repeated, as one array in a file."""
    with np.load(assets.path("fashion_test.npz")) as sample:
        np.save(folder / "images.npy", np.resize(sample["images"], (count, 28, 28)))
    return str(folder / "images.npy")


def photographs(folder, count):
    """Write crops of photographs as files."""
    (folder / "photos").mkdir()
    make_pictures(folder / "photos", count)
    return str(folder / "photos")


class Nodes:
    """A cluster whose nodes have one CPU each, and the processor time of all its processes."""

    def __init__(self, count):
        engine_module._imported(local=True)
        from ray.cluster_utils import Cluster

        self.folder = tempfile.mkdtemp(prefix="cs-")
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": engine_module.HEALTH, "object_store_memory": 10**8}
        (Path(tempfile.gettempdir()) / "ray").mkdir(exist_ok=True)  # Ray notes the cluster there, whatever its own folder is
        self.cluster = Cluster(initialize_head=True, head_node_args=head | {"temp_dir": self.folder})
        for _ in range(count):
            self.cluster.add_node(num_cpus=1, object_store_memory=10**8)
        self.engine = Ray(address=self.cluster.address, cpus=1)

    def close(self):
        self.engine.close()
        self.cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)


def processor_seconds():
    """Return what all processors of the machine have worked: the driver, workers that may have ended since, and Ray's own processes."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system


def cost(network, images, count, engine):
    """Return clock and processor seconds of one scan."""
    with tempfile.TemporaryDirectory() as out:
        began, used = time.perf_counter(), processor_seconds()
        run = convscope.scan(network, f"{images}[0-{count - 1}]", out=Path(out) / "run", engine=engine)
        assert len(run) == count and run.complete
        return time.perf_counter() - began, processor_seconds() - used


def per_image(network, images, count, engine):
    """Return clock and processor milliseconds of one more image."""
    few, many = (cost(network, images, number, engine) for number in (count // SHARE, count))
    return [1000 * (after - before) / (count - count // SHARE) for before, after in zip(few, many, strict=True)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=("vgg16", "fashion"), default="vgg16")
    parser.add_argument("--images", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", default="1,2,4")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        images = (photographs if asked.network == "vgg16" else fashion)(Path(name), asked.images)
        cost(asked.network, images, 32, None)  # the network is loaded, and its functions are compiled
        print(f"{asked.network}, {asked.images} images, {os.cpu_count()} cores: milliseconds for each, median of {asked.rounds}")
        for nodes in [int(one) for one in asked.nodes.split(",")]:
            cluster, found = Nodes(nodes), {"alone": [], "cluster": []}
            cost(asked.network, images, asked.images // SHARE, cluster.engine)
            for _ in range(asked.rounds):
                found["alone"].append(per_image(asked.network, images, asked.images, None))
                found["cluster"].append(per_image(asked.network, images, asked.images, cluster.engine))
            report(nodes, found)
            cluster.close()


def report(nodes, found):
    """Print medians and the ratio, of processor and clock time."""
    clock, used = ({who: statistics.median(one[kind] for one in each) for who, each in found.items()} for kind in (0, 1))
    ratios = [ray[1] / alone[1] for alone, ray in zip(found["alone"], found["cluster"], strict=True)]
    print(
        f"{nodes} nodes: processor {used['alone']:.2f} alone, {used['cluster']:.2f} on the cluster, "
        f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); "
        f"clock {clock['alone']:.2f} and {clock['cluster']:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
