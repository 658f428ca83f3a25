"""Gradient ascent: what excites a unit in general (Erhan et al. 2009; Simonyan 2013; Olah et al. 2017).

Two storeys. Above, `ascend("block4_conv2:17", image="fourier")` decides everything that is not said. Below are the parts, each of which can
be replaced: an objective (`convscope.objective`), an image parametrisation, transforms, an update, and the attempts that combine them. A
part is a name or an object; a name is resolved in IMAGES, TRANSFORMS, UPDATES, ATTEMPTS or OBJECTIVES, where your own can be registered.

```python
from convscope.ascent import AscentRun, fourier, jitter, signed

run = AscentRun.of("fashion", "block2_conv2:3", image=fourier(decay=1.5), transforms=[jitter(4)], update=signed(0.1), size=48)
for _ in range(20):
    run.step()
pictures = run.pictures()  # (picture, height, width, channel) in [0, 1]
```
"""

from ..expressions import OBJECTIVES, as_objective
from .ascend import ascend
from .climb import ATTEMPTS, Attempt, as_attempts
from .image import IMAGES, Image, Parametrisation, as_image, fourier, maco, pixels
from .jobs import AscentJob, ascend_all
from .moves import TRANSFORMS, UPDATES, Transform, Update, View, adam, as_transforms, as_update, jitter, plain, signed, zoom
from .objective import best_measure, paper_measure, peak_measure
from .run import AscentRun, AscentStep, Stage

__all__ = [
    "ATTEMPTS",
    "IMAGES",
    "OBJECTIVES",
    "TRANSFORMS",
    "UPDATES",
    "AscentJob",
    "AscentRun",
    "AscentStep",
    "Attempt",
    "Image",
    "Parametrisation",
    "Stage",
    "Transform",
    "Update",
    "View",
    "adam",
    "as_attempts",
    "as_image",
    "as_objective",
    "as_transforms",
    "as_update",
    "ascend",
    "ascend_all",
    "best_measure",
    "fourier",
    "jitter",
    "maco",
    "paper_measure",
    "peak_measure",
    "pixels",
    "plain",
    "signed",
    "zoom",
]
