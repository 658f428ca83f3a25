"""What each unit of a layer is good for: the loss and the accuracy by class that the network loses when the unit is silenced."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..digests import digest
from ..errors import ImageError, OutputError
from ..formats.lesion_file import LesionSums, lesion_path, read_lesions, write_lesions
from ..method import Method, provenance
from ..network.cutting import Cut
from ..network.network import Network
from ..options import Opt, Stop, Theme, check_options
from ..progress import counting
from ..results.lesions import Lesions
from ..scanning import Run
from .pictures import pictures_of
from .scanned_units import ScanRun, network_of_run, run_and_model, scanned_network

CHUNK = 16  # images after which the sums are written
LABELS, PREDICTIONS = "labels", "predictions"
JUDGED = {
    LABELS: "",
    PREDICTIONS: "The images have no labels that are classes of the network, so its own predictions count as right. What is lost is "
    "agreement with the whole network.",
}
LOGITS = "The network ends without a softmax. Its outputs are taken as scores of classes, and the loss is that of their softmax."
ZERO = (
    "A silenced unit is 0 after its activation. Each unit is silenced alone: two that stand in for one another both seem to cost nothing."
)
UNWRITTEN = "The folder of the run cannot be written to, so nothing is kept to resume from."


def lesion(
    model: Any,
    layer: str,
    *,
    run: ScanRun = None,
    most: Annotated[int, Opt("Images of the run, evenly spread over it; all where there are fewer.", least=1)] = 512,
    count: Annotated[int, Opt("Units to draw, those that cost most.", least=1, most=200)] = 24,
    theme: Theme = "light",
    stop: Stop = None,
) -> Lesions:
    """Return what loss and accuracy, by class, a network loses when each unit of a layer is silenced.

    - `model`: the run, as `scan` or `open_run` returns it, or its folder. With `run`, the network of the scan, if its file has moved.
    - `layer`: any layer on the way to the scores of classes. Each of its units in turn is 0 after its activation, on every image.
    - `most`: how many images of the run are used. `count` and `theme` change only the picture. `stop`: end after this many images.

    The layers before the cut run once for each image. What comes after runs once more for each unit that is not 0 there. Images are judged
    by their labels where these are classes of the network, else by its own predictions (`.judged`). The sums are kept in the run's folder
    (`lesions/LAYER.parquet`) after every 16 images, and the same call resumes. Raises UnitError, ModelError, OptionError, ReplayError.

    >>> convscope.lesion("run/", "block3_conv1").to_frame()
    """
    options = check_options(lesion, locals())
    run, model = run_and_model(model, run)
    network = scanned_network(run, model)
    cut = Cut(network, layer)
    address = network.graph.find(layer).address
    judged, targets = _targets(run, network, cut)
    chosen = _chosen(sorted(targets), options.most)
    of = {
        "run": run.input()["digest"],
        "network": network.bundle.digest,
        "layer": address,
        "judged": judged,
        "chosen": digest(repr(chosen).encode()),
    }
    work = _Work(run, cut, chosen, targets, of)
    interrupted = work.done(options.stop)
    sums, names = work.sums, [network.bundle.label(index) for index in range(len(work.sums.count))]
    parameters = {"layer": address, "run": str(run.path.absolute())} | options.recorded() | ({"stop": sums.done} if interrupted else {})
    notes = (JUDGED[judged], "" if cut.is_softmax else LOGITS, ZERO, work.note)
    return Lesions(
        provenance=provenance("lesion", network.bundle, (run.input(),), parameters),
        notes=tuple(note for note in notes if note),
        interrupted=interrupted,
        theme=theme,
        layer=address,
        **_shares(sums, names),
        judged=judged,
        images=int(sums.count.sum()),
        of=len(chosen),
        dataset=run.dataset,
        run=str(run.path),
        count=options.count,
    )


class _Work:
    """The sums over the images of a run, which grow by a chunk at a time and are kept in its folder."""

    def __init__(self, run: Run, cut: Cut, chosen: Sequence[int], targets: dict[int, int], of: dict[str, str]) -> None:
        self.run, self.cut, self.chosen, self.targets, self.of = run, cut, chosen, targets, of
        self.path, self.note = lesion_path(run.path, of["layer"]), ""
        classes = int(cut.scored.shape[-1] or 0)
        shape = (cut.channels, classes)
        kept = read_lesions(self.path, of)
        self.sums = kept if kept is not None and kept.loss_without.shape == shape else LesionSums.empty(*shape)
        self.missing = 0

    def done(self, stop: int | None) -> bool:
        """Work on the images that are left, and say whether Ctrl-C, or `stop`, ended it before all are done."""
        wanted = len(self.chosen) if stop is None else min(stop, len(self.chosen))
        if stop is not None and self.sums.done > stop:
            self.sums = LesionSums.empty(*self.sums.loss_without.shape)  # the same numbers as the call that was interrupted had
        try:
            with counting("silencing units", len(self.chosen) * self.cut.channels, self.sums.done * self.cut.channels) as advance:
                while self.sums.done < wanted:
                    self._chunk(self.chosen[self.sums.done : min(self.sums.done + CHUNK, wanted)], advance)
                    self._keep(stop)
        except KeyboardInterrupt:
            if self.sums.done == 0:
                raise
        if self.missing and not self.sums.count.sum():
            raise ImageError(f"None of the images of the run `{self.run.path}` can be had. Restore them, or scan again.")
        return self.sums.done < len(self.chosen)

    def _chunk(self, images: Sequence[int], advance: Any) -> None:
        unreadable: dict[int, str] = {}
        pictures = pictures_of(self.run).readable(self.run, images, unreadable)
        self.missing += len(unreadable)
        if unreadable:
            self.note = f"{self.missing} images cannot be had any more. They are left out."
        # What takes the place of the sums is whole: an interrupt leaves chunks, not parts of one.
        sums = self._with(list(pictures), np.stack(list(pictures.values())), advance) if pictures else self.sums
        self.sums = replace(sums, done=self.sums.done + len(images))
        advance(len(unreadable) * self.cut.channels)

    def _with(self, images: list[int], pixels: NDArray[np.float32], advance: Any) -> LesionSums:
        """Return the sums with those of a batch."""
        sums, labels = self.sums, np.array([self.targets[image] for image in images])
        scores, silenced = self.cut.scores(pixels)
        losses, predicted = _losses(scores, labels), scores.argmax(axis=1)
        shape = (*sums.loss_without.shape[:1], len(images))
        without, right = np.tile(losses, (shape[0], 1)), np.tile(predicted == labels, (shape[0], 1))
        changed, active = np.zeros(shape, bool), np.zeros(shape[0], np.int64)
        for one in silenced:
            without[one.unit, one.row] = _losses(one.scores[None], labels[one.row : one.row + 1])[0]
            now = int(one.scores.argmax())
            right[one.unit, one.row], changed[one.unit, one.row] = now == labels[one.row], now != predicted[one.row]
            active[one.unit] += 1
            advance(1)
        advance(without.size - int(active.sum()))
        by_class = np.zeros((len(labels), sums.loss_without.shape[1]))
        by_class[np.arange(len(labels)), labels] = 1.0
        whole = by_class.astype(np.int64)
        return LesionSums(
            sums.count + whole.sum(axis=0),
            sums.loss + losses @ by_class,
            sums.right + (predicted == labels) @ whole,
            sums.loss_without + without @ by_class,
            sums.right_without + right.astype(np.int64) @ whole,
            sums.changed + changed.astype(np.int64) @ whole,
            sums.active + active,
        )

    def _keep(self, stop: int | None) -> None:
        if stop is not None:
            return  # a picture that is made again leaves the run as it is
        try:
            write_lesions(self.path, self.sums, self.of)
        except OutputError:
            self.note = UNWRITTEN


def _losses(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cross-entropy of each row, in nats."""
    exact = scores.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(exact).sum(axis=1)) - exact[np.arange(len(labels)), labels])


def _targets(run: Run, network: Network, cut: Cut) -> tuple[str, dict[int, int]]:
    """Return what images are judged by, and the class of each image that has one, by id."""
    names = [network.bundle.label(index) for index in range(int(cut.scored.shape[-1] or 0))]
    plain = {name.casefold(): index for index, name in reversed(list(enumerate(names)))}
    ids = run.ids.tolist()
    for judged, texts in ((LABELS, run.images.texts["label"]), (PREDICTIONS, run.images.texts["prediction"])):
        found = {image: plain[text.casefold()] for image, text in zip(ids, texts, strict=True) if text and text.casefold() in plain}
        if found:
            return judged, found
    pictures, targets = pictures_of(run), dict[int, int]()
    for start in range(0, len(ids), CHUNK):  # a network without a softmax predicts too, but no scan recorded it
        some = pictures.readable(run, ids[start : start + CHUNK], {})
        scores, _ = cut.scores(np.stack(list(some.values()))) if some else (np.zeros((0, 1)), None)
        targets |= dict(zip(some, scores.argmax(axis=1).tolist(), strict=True))
    return PREDICTIONS, targets


def _chosen(ids: Sequence[int], most: int) -> list[int]:
    """Return at most so many images, evenly spread, in an order that mixes them: what an interrupted call has seen is then spread too."""
    places = {round(place) for place in np.linspace(0, len(ids) - 1, min(most, len(ids))).tolist()}
    chosen = [ids[place] for place in sorted(places)]
    return [chosen[place] for place in np.random.default_rng(0).permutation(len(chosen))]


def _shares(sums: LesionSums, names: Sequence[str]) -> dict[str, Any]:
    """Return means and shares of the classes that occur."""
    there = np.flatnonzero(sums.count)
    counts, images = sums.count[there], max(1, int(sums.count.sum()))
    return {
        "classes": tuple(names[index] for index in there.tolist()),
        "counts": counts,
        "loss": sums.loss[there] / counts,
        "accuracy": sums.right[there] / counts,
        "loss_without": sums.loss_without[:, there] / counts,
        "accuracy_without": sums.right_without[:, there] / counts,
        "changed": sums.changed.sum(axis=1) / images,
        "active": sums.active / images,
    }


METHOD = Method(
    name="lesion",
    run=lesion,
    examples=(
        "convscope lesion block3_conv1 -r run/",
        "convscope lesion block4_conv2 -r run/ --most 128 --json",
    ),
    description=(
        "RUN is the folder of a `convscope scan`, and may also stand after -m. Images are judged by their labels where these are classes "
        "of the network, else by its own predictions. The sums are kept in the run; if it is interrupted, the same command resumes. To "
        "look at a network without some units, add --without UNIT to any command."
    ),
    network=network_of_run,
)
