"""What it saves in gradient ascent that pictures which no longer rise leave their batch, beside a batch that stays whole, in CPU seconds.

    python bench/batches.py [MODEL] [--units block5_conv1:0-6 block3_conv2:0-15] [--rounds 3]

The two take turns in one process, each climbing from nothing with its own compiled step. Medians over the rounds, in brackets the least
and the most; the last column is the median of the ratios of a round.
"""

import argparse
import time
from statistics import median

import convscope
from convscope.ascent import ascend_all
from convscope.ascent.ascend import canvas_for


def seconds(model, units, shrinks):
    """Return the CPU seconds of a climb, of all threads."""
    bundle = convscope.load(model)
    job = ascend_all(bundle, units)
    canvas = canvas_for(job.climber, job.units)
    for attempt in job.climber.attempts(job.units):
        job.climber.step_of(job.units[0], canvas, attempt, copies=1).shrinks = shrinks
    began = time.process_time()
    job.climber.climb(job.units, canvas)
    return time.process_time() - began


def shown(values):
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="vgg16")
    parser.add_argument("--units", nargs="+", default=["block5_conv1:0-6", "block3_conv2:0-15"])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    for units in asked.units:
        whole, fewer = [], []
        for _ in range(asked.rounds):
            whole.append(seconds(asked.model, units, shrinks=False))
            fewer.append(seconds(asked.model, units, shrinks=True))
        ratio = median(one / other for one, other in zip(fewer, whole, strict=True))
        print(f"{units}: whole {shown(whole)} CPU s, fewer {shown(fewer)}, ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
