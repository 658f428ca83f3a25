"""Files embedded in the package: trained models, sample photographs, test images; NOTICE names their licences."""

from pathlib import Path
from typing import Any


def path(name: str) -> Path:
    """Return the path of the embedded file or folder `name`, such as "fashion.keras" or "photos/cat.jpg"."""
    found = Path(__file__).parent / name
    if not found.exists():
        raise FileNotFoundError(f"convscope has no embedded file named {name!r}")
    return found


# Few, so that measuring a network stays quick, and the ones its thresholds were found with.
MEASURING = ("astronaut", "cat", "coffee", "flower", "rocket", "temple")


def photographs() -> list[Any]:
    """Return some embedded photographs as RGB PIL images: natural pictures to measure networks with."""
    from PIL import Image

    opened = []
    for name in MEASURING:
        with Image.open(path(f"photos/{name}.jpg")) as image:
            opened.append(image.convert("RGB"))
    return opened
