"""Makes the pictures of the docs: by the commands that stand above them in gallery.md, reading.md and explain.md, and the README's.

python tools/make_pictures.py [PICTURE ...]

With names, such as `deconv-block2.jpg`, only these. All of them take some minutes on two cores.
"""

import re
import shlex
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import convscope
from convscope.cli import main as command

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"```sh\nconvscope (?P<words>.+)\n```\n(?:\n!\[[^]]*\]\((?P<picture>[^)]+)\))?")
PAGES = ("gallery.md", "reading.md", "explain.md")
OWN = ("run/", "few/")  # folders of runs that the commands of a page share
NOISE = "noise.npy"  # points without any structure
WIDTH = 1200
README = {
    "block1_conv2": "0-7",
    "block2_conv2": "0-7",
    "block3_conv3": "0-7",
    "block4_conv2": "0-7",
    "block5_conv3": "3,50,100,155,200,300,400,500",
}
TILE, GAP, TITLE = 150, 6, 24
MADE: set[str] = set()


def of_page(page: Path, wanted: list[str]) -> None:
    """Run the commands of a page, in order, in one folder, and keep each picture as a JPEG that no earlier page has."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / NOISE, np.random.default_rng(0).normal(size=(500, 50)).astype(np.float32))
        for number, block in enumerate(BLOCK.finditer(page.read_text("utf-8"))):
            name = block["picture"] and Path(block["picture"]).name
            if name is not None and (name not in wanted if wanted else name in MADE):
                continue
            words = [f"{folder}/{word}" if word in (*OWN, NOISE) else word for word in shlex.split(block["words"])]
            made = Path(folder) / f"{number}.png"
            command(words if name is None else [*words, "-o", str(made)])
            if name is not None:
                keep(Image.open(made).convert("RGB"), name)
                MADE.add(name)


def keep(picture: Image.Image, name: str) -> None:
    """Write a picture as a JPEG that is not wider than a page needs."""
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    picture.save(DOCS / "pictures" / name, quality=86, optimize=True)


def readme() -> None:
    """Climb for every row of the README's picture and write it."""
    bundle = convscope.load("vgg16", weights="embedded")
    rows = {layer: convscope.ascend(bundle, f"{layer}:{channels}").images for layer, channels in README.items()}
    sheet = Image.new("RGB", (8 * (TILE + GAP) - GAP, len(rows) * (TILE + TITLE + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (layer, images) in enumerate(rows.items()):
        top = row * (TILE + TITLE + GAP)
        draw.text((0, top + 2), layer, fill="black", font_size=16)
        for column, image in enumerate(images):
            tile = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.LANCZOS)
            sheet.paste(tile, (column * (TILE + GAP), top + TITLE))
    keep(sheet, "ascend.jpg")


if __name__ == "__main__":
    for page in PAGES:
        of_page(DOCS / page, sys.argv[1:])
    if not sys.argv[1:] or "ascend.jpg" in sys.argv[1:]:
        readme()
