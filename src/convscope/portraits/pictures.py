"""The images of a run as they entered the network: each is read and fitted once, and kept while there is room."""

from collections import OrderedDict
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from ..errors import ImageError
from ..results import FloatArray
from ..scanning import Run

# 420 images of 224 x 224 pixels: what a few chunks of units share, and little beside a network.
MAX_BYTES = 256 * 2**20


class Pictures:
    """The pictures of one run that were needed last, up to `most` bytes; those that are handed out cannot be written to."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self.most, self.bytes = most, 0
        self._kept: OrderedDict[int, FloatArray] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, run: Run, image: int) -> FloatArray:
        """Return what entered the network, (height, width, channel) in [0, 1]. Raises ImageError, see `Run.picture`."""
        if image in self._kept:
            self._kept.move_to_end(image)
            return self._kept[image]
        picture = run.picture(image)
        picture.flags.writeable = False
        self._kept[image] = picture
        self.bytes += picture.nbytes
        while self.bytes > self.most and len(self._kept) > 1:
            self.bytes -= self._kept.popitem(last=False)[1].nbytes
        return picture

    def readable(self, run: Run, images: Iterable[int], unreadable: dict[int, str]) -> dict[int, FloatArray]:
        """Return those of the images that can be had, by id; `unreadable` gets why the others cannot."""
        found: dict[int, FloatArray] = {}
        for image in dict.fromkeys(images):
            try:
                found[image] = self.of(run, image)
            except ImageError as error:
                unreadable[image] = str(error)
        return found


_PICTURES: WeakKeyDictionary[Run, Pictures] = WeakKeyDictionary()


def pictures_of(run: Run) -> Pictures:
    """Return the pictures of a run that all its portraits share."""
    return _PICTURES.setdefault(run, Pictures())
