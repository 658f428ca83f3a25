"""Makes the embedded sample photographs from those that wheels and Debian packages hold.

Run `python tools/make_photos.py` where scikit-image and scikit-learn are installed (pip) and, from Debian, gcompris-qt-data and
lomiri-wallpapers-16.04. Nothing is downloaded. Authors and licences are in NOTICE.
"""

import argparse
import importlib.resources
import io
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageCms

PHOTOS = Path(__file__).resolve().parents[1] / "src" / "convscope" / "assets" / "photos"
WALLPAPERS = Path("/usr/share/backgrounds")
GAMES = Path("/usr/share/gcompris-qt/rcc")
THINGS = "gcompris/src/activities/categorization/resource/images"
ANIMALS = "gcompris/src/activities/explore_world_animals/resource/animals"
# name: (kind, where it comes from, the file there). The kind is the photograph's label.
SOURCES = {
    "cat": ("animal", "skimage.data", "chelsea.png"),
    "coffee": ("tableware", "skimage.data", "coffee.png"),
    "rocket": ("technology", "skimage.data", "rocket.jpg"),
    "astronaut": ("technology", "skimage.data", "astronaut.png"),
    "temple": ("building", "sklearn.datasets.images", "china.jpg"),
    "flower": ("plant", "sklearn.datasets.images", "flower.jpg"),
    "perch": ("animal", GAMES / "categorization.rcc", f"{THINGS}/fishes/fish4.webp"),
    "goldfish": ("animal", GAMES / "categorization.rcc", f"{THINGS}/fishes/fish25.webp"),
    "wall": ("building", GAMES / "categorization.rcc", f"{THINGS}/monuments/greatWall.webp"),
    "tower": ("building", GAMES / "categorization.rcc", f"{THINGS}/monuments/leaningTowerOfPisa.webp"),
    "louvre": ("building", GAMES / "categorization.rcc", f"{THINGS}/monuments/leMusee.webp"),
    "cup": ("tableware", GAMES / "categorization.rcc", f"{THINGS}/others/buffetset.webp"),
    "volleyball": ("tool", GAMES / "categorization.rcc", f"{THINGS}/others/volleyball.webp"),
    "solardish": ("technology", GAMES / "categorization.rcc", f"{THINGS}/renewable/solar1.webp"),
    "windmill": ("windmill", GAMES / "categorization.rcc", f"{THINGS}/renewable/windmill.webp"),
    "towermill": ("windmill", GAMES / "categorization.rcc", f"{THINGS}/renewable/windmill7.webp"),
    "postmill": ("windmill", GAMES / "categorization.rcc", f"{THINGS}/renewable/windmill12.webp"),
    "pliers": ("tool", GAMES / "categorization.rcc", f"{THINGS}/tools/plier1.webp"),
    "screwdriver": ("tool", GAMES / "categorization.rcc", f"{THINGS}/tools/screwDriver.webp"),
    "moose": ("animal", GAMES / "explore_world_animals.rcc", f"{ANIMALS}/moose.webp"),
    "crocodile": ("animal", GAMES / "explore_world_animals.rcc", f"{ANIMALS}/crocodile.webp"),
    "panda": ("animal", GAMES / "explore_world_animals.rcc", f"{ANIMALS}/panda.webp"),
    "dogs": ("animal", WALLPAPERS, "friends_by_Aitzol_Berasategi.jpg"),
    "mountain": ("landscape", WALLPAPERS, "aitzgorri_by_Aitzol_Berasategi.jpg"),
    "alps": ("landscape", WALLPAPERS, "picosdeeuropa_by_Aitzol_Berasategi.jpg"),
    "brook": ("landscape", WALLPAPERS, "life_by_Aitzol_Berasategi.jpg"),
    "dandelion": ("plant", WALLPAPERS, "seeding_by_Clements_Engelhardt.jpg"),
    "fig": ("plant", WALLPAPERS, "Picture_0B_by_freespace.jpg"),
    "brushes": ("tool", WALLPAPERS, "Picture_1A_by_freespace.jpg"),
}
LABELS = "photos.csv"
LONGEST_SIDE = 512
QUALITY = 85
LARGEST_TOTAL = 2_000_000


def read_photo(place: str | Path, name: str) -> Image.Image:
    """Return a picture in its own colours: from a Python package, a folder, or an archive of Qt resources."""
    if isinstance(place, str):
        try:
            data = importlib.resources.files(place).joinpath(name).read_bytes()
        except (ModuleNotFoundError, FileNotFoundError) as missing:
            raise SystemExit(f"{place} does not hold {name}: pip install scikit-image scikit-learn") from missing
    else:
        try:
            data = from_resources(place.read_bytes(), name) if place.suffix == ".rcc" else (place / name).read_bytes()
        except (OSError, KeyError) as missing:
            raise SystemExit(f"{place} does not hold {name}: apt-get install gcompris-qt-data lomiri-wallpapers-16.04") from missing
    photo = Image.open(io.BytesIO(data))
    photo.load()
    return photo


def from_resources(data: bytes, wanted: str) -> bytes:
    """Return one file of a Qt resource archive (.rcc). Raises KeyError.

    The archive is a tree of nodes of 22 bytes: place of the name, flags, then (number of children, first child) of a folder, or
    (country, language, place of the content) of a file. Contents begin with their length.
    """
    _, tree, contents, names = struct.unpack_from(">4I", data, 4)
    node = 0
    for part in wanted.split("/"):
        count, first = struct.unpack_from(">II", data, tree + 22 * node + 6)
        for node in range(first, first + count):
            at = names + struct.unpack_from(">I", data, tree + 22 * node)[0]
            length = struct.unpack_from(">H", data, at)[0]
            if data[at + 6 : at + 6 + 2 * length].decode("utf-16-be") == part:
                break
        else:
            raise KeyError(wanted)
    flags, _, _, place = struct.unpack_from(">HHHI", data, tree + 22 * node + 4)
    length = struct.unpack_from(">I", data, contents + place)[0]
    found = data[contents + place + 4 : contents + place + 4 + length]
    return zlib.decompress(found[4:]) if flags & 1 else found


def to_srgb(photo: Image.Image) -> Image.Image:
    """Return the picture in sRGB, upright and without metadata.

    rocket.jpg is stored in Adobe RGB, which looks pale wherever its colour profile is ignored, as most tools do.
    """
    profile = photo.info.get("icc_profile")
    if photo.has_transparency_data:
        photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo.convert("RGBA"))
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
    """Write every photograph as JPEG, and the list of their kinds; fail where all are larger than LARGEST_TOTAL bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PHOTOS, help="folder that gets the photographs")
    folder = parser.parse_args(arguments).out
    folder.mkdir(parents=True, exist_ok=True)
    total, lines = 0, ["path,label"]
    for name, (kind, place, source) in SOURCES.items():
        photo = shrink(to_srgb(read_photo(place, source)))
        photo.save(folder / f"{name}.jpg", quality=QUALITY, optimize=True)
        size = (folder / f"{name}.jpg").stat().st_size
        total += size
        lines.append(f"{name}.jpg,{kind}")
        print(f"{name}.jpg: {photo.width}x{photo.height}, {size:,} bytes")
    (folder / LABELS).write_text("\n".join(lines) + "\n")
    print(f"together {total:,} bytes")
    return 0 if total <= LARGEST_TOTAL else 1


if __name__ == "__main__":
    sys.exit(main())
