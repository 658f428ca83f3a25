"""Files embedded in the package: trained models, sample photographs, test images; NOTICE names their licences."""

from pathlib import Path


def path(name: str) -> Path:
    """Return the path of the embedded file or folder `name`, such as "fashion.keras" or "photos/cat.jpg"."""
    found = Path(__file__).parent / name
    if not found.exists():
        raise FileNotFoundError(f"convscope has no embedded file named {name!r}")
    return found
