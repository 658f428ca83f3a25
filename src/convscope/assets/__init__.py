"""Files embedded in the package: trained models, sample photographs, test images; NOTICE names their licences."""

from pathlib import Path
from typing import Any


def path(name: str) -> Path:
    """Return the path of the embedded file or folder `name`, such as "fashion.keras" or "photos/cat.jpg"."""
    found = Path(__file__).parent / name
    if not found.exists():
        raise FileNotFoundError(f"convscope has no embedded file named {name!r}")
    return found


def photographs() -> list[Any]:
    """Return the embedded photographs as RGB PIL images, in order of their names: natural pictures to measure networks with."""
    from PIL import Image

    opened = []
    for one in sorted(path("photos").glob("*.jpg")):
        with Image.open(one) as image:
            opened.append(image.convert("RGB"))
    return opened
