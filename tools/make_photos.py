"""Makes the embedded sample photographs from those that the wheels of scikit-image and scikit-learn hold.

Run with `python tools/make_photos.py` where both packages are installed; authors and licences are in NOTICE.
"""

import argparse
import importlib.resources
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageCms

PHOTOS = Path(__file__).resolve().parents[1] / "src" / "convscope" / "assets" / "photos"
SOURCES = {
    "cat.jpg": ("skimage.data", "chelsea.png"),
    "coffee.jpg": ("skimage.data", "coffee.png"),
    "rocket.jpg": ("skimage.data", "rocket.jpg"),
    "astronaut.jpg": ("skimage.data", "astronaut.png"),
    "temple.jpg": ("sklearn.datasets.images", "china.jpg"),
    "flower.jpg": ("sklearn.datasets.images", "flower.jpg"),
}
LONGEST_SIDE = 512
QUALITY = 85
LARGEST_TOTAL = 1_000_000


def read_photo(package: str, name: str) -> Image.Image:
    """Return the picture `name` shipped inside `package` in its own colours; no picture is downloaded."""
    try:
        file = importlib.resources.files(package).joinpath(name)
    except ModuleNotFoundError as missing:
        raise SystemExit(f"{package} is missing: pip install scikit-image scikit-learn") from missing
    if not file.is_file():
        raise SystemExit(f"this release of {package} does not ship {name}")
    with file.open("rb") as stream:
        photo = Image.open(stream)
        photo.load()
    return photo


def to_srgb(photo: Image.Image) -> Image.Image:
    """Return the picture in sRGB and without metadata.

    rocket.jpg is stored in Adobe RGB, which looks pale wherever its colour profile is ignored, as most tools do.
    """
    profile = photo.info.get("icc_profile")
    photo = photo.convert("RGB")
    if profile:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        photo = ImageCms.profileToProfile(photo, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    photo.info.clear()
    return photo


def shrink(photo: Image.Image) -> Image.Image:
    """Return the picture with a longest side of LONGEST_SIDE pixels; a smaller picture stays as it is."""
    factor = min(1.0, LONGEST_SIDE / max(photo.size))
    size = (round(photo.width * factor), round(photo.height * factor))
    return photo if size == photo.size else photo.resize(size, Image.Resampling.LANCZOS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write every photograph as JPEG and fail where all together are larger than LARGEST_TOTAL bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PHOTOS, help="folder that gets the photographs")
    folder = parser.parse_args(arguments).out
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, (package, source) in SOURCES.items():
        photo = shrink(to_srgb(read_photo(package, source)))
        photo.save(folder / name, quality=QUALITY, optimize=True)
        size = (folder / name).stat().st_size
        total += size
        print(f"{name}: {photo.width}x{photo.height}, {size:,} bytes")
    print(f"together {total:,} bytes")
    return 0 if total <= LARGEST_TOTAL else 1


if __name__ == "__main__":
    sys.exit(main())
