"""Makes docs/pictures/ascend.jpg, the first picture of the README: units of VGG16 from early to late layers, by gradient ascent.

python tools/make_pictures.py [--out FILE]

Every picture has the default canvas and steps; about ten minutes on two cores.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import convscope

OUT = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "ascend.jpg"
UNITS = {
    "block1_conv2": "0-7",
    "block2_conv2": "0-7",
    "block3_conv3": "0-7",
    "block4_conv2": "0-7",
    "block5_conv3": "3,50,100,155,200,300,400,500",
}
TILE, GAP, TITLE = 150, 6, 24


def main() -> None:
    """Climb for every row and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    bundle = convscope.load("vgg16", weights="embedded")
    rows = {layer: convscope.ascend(bundle, f"{layer}:{channels}").images for layer, channels in UNITS.items()}
    sheet = Image.new("RGB", (8 * (TILE + GAP) - GAP, len(rows) * (TILE + TITLE + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (layer, images) in enumerate(rows.items()):
        top = row * (TILE + TITLE + GAP)
        draw.text((0, top + 2), layer, fill="black", font_size=16)
        for column, image in enumerate(images):
            tile = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.LANCZOS)
            sheet.paste(tile, (column * (TILE + GAP), top + TITLE))
    sheet.save(out, quality=88, optimize=True)


if __name__ == "__main__":
    main()
