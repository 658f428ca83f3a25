"""How long a t-SNE map takes, how faithful it is and how much memory it needs; every case in a process of its own, two threads each.

python bench/tsne.py table  [--sizes 10000 60000] [--engines convscope convscope-30 intelex openTSNE sklearn] [--features pixels network]
python bench/tsne.py growth [--sizes 1000 10000 60000 200000]
python bench/tsne.py files  [--rows 50000] [--width 4096]

`table`: Fashion-MNIST, pixels or the features of the network `fashion`, by PCA to 50 dimensions; the seconds of the t-SNE alone, with
its search for neighbours. convscope's own perplexity is 15 beyond 10,000 images; `convscope-30` is the row to compare with the others,
which are always asked for 30 (left out where it would be the same). `growth`: convscope's own engine; beyond 70,000 images the same ones
are shifted by a pixel. `files`: from features on disk to map, grid and page. The images come from Debian's package
dataset-fashion-mnist, or from --data. KNN@10 is the share of the ten nearest neighbours that are among the ten nearest on the map, on
2,000 images.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2"))

import numpy as np

DATA = Path("/usr/share/datasets/fashion-mnist")
USUAL = 30.0
ENGINES = ("convscope", "convscope-30", "intelex", "openTSNE", "sklearn")


def images(data: Path, count: int) -> np.ndarray:
    """Return `count` Fashion-MNIST images, (count, 28, 28) uint8: training, test, then both shifted by one pixel and by two."""
    files = [data / f"{split}-images-idx3-ubyte.gz" for split in ("train", "t10k")]
    if not all(file.is_file() for file in files):
        raise SystemExit(f"No Fashion-MNIST in {data}: apt-get install dataset-fashion-mnist, or give --data")
    found = np.concatenate([np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8)[16:].reshape(-1, 28, 28) for file in files])
    shifted = [np.roll(found, step, axis=(1, 2)) for step in range(-(-count // len(found)))]
    return np.concatenate(shifted)[:count]


def components(pictures: np.ndarray, kind: str) -> np.ndarray:
    from convscope.embedding.pca import principal_axes

    values = (pictures.reshape(len(pictures), -1) / np.float32(255)).astype(np.float32)
    if kind == "network":
        import convscope

        bundle = convscope.load("fashion")
        from convscope.embedding.features import extract
        from convscope.images import as_image_set
        from convscope.network.features import feature_call
        from convscope.network.network import as_network

        values = np.asarray(extract(bundle, as_image_set(pictures[..., None]), feature_call(as_network(bundle).graph, None)).values)
    return principal_axes(values).project(values)


def perplexity_of(engine: str, count: int) -> float:
    """Return the perplexity that an engine is asked for with so many images."""
    from convscope.embedding.engines import settle

    return settle(count).perplexity if engine == "convscope" else USUAL


def by_convscope(values: np.ndarray, perplexity: float | None = None) -> np.ndarray:
    from convscope.embedding.engines import lay_out, settle
    from convscope.embedding.neighbours import nearest

    settings = settle(len(values), perplexity=perplexity)
    return lay_out(values, nearest(values, int(3 * settings.perplexity)), settings).points


def by_convscope_30(values: np.ndarray) -> np.ndarray:
    return by_convscope(values, USUAL)


def by_intelex(values: np.ndarray) -> np.ndarray:
    from sklearnex.manifold import TSNE

    return TSNE(perplexity=USUAL, init=start_of(values), angle=0.3, random_state=0).fit_transform(values)


def by_opentsne(values: np.ndarray) -> np.ndarray:
    from openTSNE import TSNE

    return np.asarray(TSNE(perplexity=USUAL, initialization=start_of(values), n_jobs=2, random_state=0).fit(values))


def by_sklearn(values: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE

    return TSNE(perplexity=USUAL, init=start_of(values), n_jobs=2, random_state=0).fit_transform(values)


RUNS = {"convscope": by_convscope, "convscope-30": by_convscope_30, "intelex": by_intelex, "openTSNE": by_opentsne, "sklearn": by_sklearn}


def start_of(values: np.ndarray) -> np.ndarray:
    return (values[:, :2] / values[:, 0].std() * 1e-4).astype(np.float32)


def case(engine: str, file: str) -> dict[str, float]:
    """Run one engine here and return its seconds, KNN@10 and the peak memory of this process, in MB."""
    from convscope.embedding.neighbours import nearest
    from convscope.embedding.quality import kept

    values = np.load(file)
    RUNS[engine](values[:200])  # imports and first calls
    began = time.perf_counter()
    points = np.ascontiguousarray(RUNS[engine](values), np.float32)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rng = np.random.default_rng(0)
    queries = np.sort(rng.permutation(len(values))[:2000])
    near = kept(values, points, queries, nearest(values, 10, queries).indices, rng)
    return {"seconds": seconds, "knn@10": near, "peak": peak}


def in_own_process(*words: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(asked: argparse.Namespace) -> None:
    print("| images | features | engine | perplexity | seconds | KNN@10 | peak MB |\n|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind in asked.features:
            for size in asked.sizes or [10_000, 60_000]:
                file = Path(folder) / f"{kind}{size}.npy"
                np.save(file, components(images(asked.data, size), kind))
                for engine in asked.engines:
                    perplexity = perplexity_of(engine, size)
                    if engine == "convscope-30" and "convscope" in asked.engines and perplexity_of("convscope", size) == perplexity:
                        continue
                    found = in_own_process("case", "--case", engine, str(file))
                    row = f"{found['seconds']:.1f} | {found['knn@10']:.3f} | {found['peak']:.0f}"
                    print(f"| {size:,} | {kind} | {engine} | {perplexity:g} | {row} |", flush=True)


def growth(asked: argparse.Namespace) -> None:
    print("| images | perplexity | seconds | KNN@10 | peak MB |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in asked.sizes or [1000, 10_000, 60_000, 200_000]:
            file = Path(folder) / f"{size}.npy"
            np.save(file, components(images(asked.data, size), "pixels"))
            found = in_own_process("case", "--case", "convscope", str(file))
            row = f"{found['seconds']:.1f} | {found['knn@10']:.3f} | {found['peak']:.0f}"
            print(f"| {size:,} | {perplexity_of('convscope', size):g} | {row} |", flush=True)


def files(asked: argparse.Namespace) -> None:
    """Write features on disk that have the spread of real ones, then run the command on them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = images(asked.data, asked.rows)
        rng = np.random.default_rng(0)
        mixing = rng.normal(size=(784, asked.width)).astype(np.float32) / 28
        written = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, (asked.rows, asked.width))
        for start in range(0, asked.rows, 2000):  # pixels mixed at random and rectified, as a layer does
            block = pictures[start : start + 2000].reshape(-1, 784) / np.float32(255)
            written[start : start + 2000] = np.maximum(block @ mixing, 0)
        written.flush()
        np.savez(folder / "pictures.npz", images=pictures)
        words = ["tsne", str(folder / "features.npy"), str(folder / "pictures.npz"), "-o", str(folder / "map"), "--page"]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "convscope", *words], check=True)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = sum(file.stat().st_size for file in (folder / "map").rglob("*") if file.is_file()) / 1e6
        print(f"{asked.rows:,} x {asked.width:,} features: map, grid and page in {seconds:.0f} s, peak {peak:.0f} MB, wrote {size:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "growth", "files", "case"))
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--features", nargs="+", choices=("pixels", "network"), default=("pixels", "network"))
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.what == "case":
        print(json.dumps(case(*asked.case)))
    else:
        {"table": table, "growth": growth, "files": files}[asked.what](asked)


if __name__ == "__main__":
    main()
