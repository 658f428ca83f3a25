"""Linear CKA of two networks against a published implementation, `ckatorch`, and against the formula of the paper in float64.

    pip install --no-deps --target FOLDER ckatorch; PYTHONPATH=FOLDER python bench/cka.py

Takes the layers of `fashion` and of `squeezenet` on embedded articles, by the mean of each map and by all numbers.
"""

import resource

import numpy as np

import convscope as cs
from convscope.comparing.cka import cka, cka_of_products, products

IMAGES = "sample:fashion[0-63]"


def formula(first, second):
    """Kornblith et al. 2019, equation 3 with linear kernels."""
    first, second = ((one - one.mean(axis=0)) for one in (first.astype(np.float64), second.astype(np.float64)))
    return np.square(second.T @ first).sum() / np.sqrt(np.square(first.T @ first).sum() * np.square(second.T @ second).sum())


def layers_of(model, patterns):
    names = [info.address for info in cs.layers(model) if info.learns and patterns in info.address][:8]
    return names, [cs.activations(model, name, IMAGES).maps for name in names]


def main():
    start = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    first, second = layers_of("fashion", "")[1], layers_of("squeezenet", "expand3x3")[1]
    for words, of in (
        ("means", lambda maps: maps.mean(axis=tuple(range(1, maps.ndim - 1)))),
        ("maps", lambda maps: maps.reshape(len(maps), -1)),
    ):
        ours, theirs = [of(one) for one in first], [of(one) for one in second]
        found = cka(ours, theirs)
        error = np.abs(found - cka_of_products([products(one) for one in ours], [products(one) for one in theirs])).max()
        print(f"{words}: {found.shape[0]} x {found.shape[1]} layers, {len(ours[0])} images; two ways differ by {error:.1e}")
        if words == "means":
            print(f"  from the formula in float64: {np.abs(found - [[formula(a, b) for b in theirs] for a in ours]).max():.1e}")
        try:
            import torch
            from ckatorch.core import cka_base
        except ImportError:
            print("  ckatorch is not installed")
            continue
        others = [[float(cka_base(*(torch.tensor(one, dtype=torch.float64) for one in (a, b)))) for b in theirs] for a in ours]
        print(f"  from ckatorch in float64: {np.abs(found - others).max():.1e}")
    print(f"{sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - start:.0f} s of CPU")


if __name__ == "__main__":
    main()
