"""Makes the pictures of docs/circuits.md: what five units of VGG16 are made of. It takes some minutes on two cores.

python tools/make_circuits.py
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import convscope as cs
from convscope.graph.connections import Connection

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
UNITS = ("block3_conv3:23", "block3_conv3:128", "block3_conv3:152", "block4_conv1:403", "block4_conv1:166")
EXCITING, INHIBITING = 4, 2
LARGE, TILE, PATTERN, GAP, LINE = 210, 118, 62, 12, 17
STEPS, SIDE = 128, 112
BLUE, RED = np.array([31, 98, 204]), np.array([200, 40, 40])


def main() -> None:
    """Find what the units are made of, climb for all units that are shown, and write a picture of each."""
    bundle = cs.load("vgg16", weights="embedded")
    with tempfile.TemporaryDirectory() as folder:
        run = cs.scan(bundle, "sample:photos", out=Path(folder) / "run")
        found = cs.connections(bundle, list(UNITS), run=run)
    shown = {str(made.unit): [*made.exciting[:EXCITING], *made.inhibiting[:INHIBITING]] for made in found.units}
    pictures = climbed(bundle, [*shown, *(str(one.source) for inputs in shown.values() for one in inputs)])
    for unit, inputs in shown.items():
        picture = drawn(unit, inputs, pictures)
        picture.save(PICTURES / f"circuit-{unit.replace(':', '-')}.webp", quality=74, method=6)
        print(unit, *(f"{one.source} {one.strength:+.4g}" for one in inputs), sep="  ")


def climbed(bundle: cs.ModelBundle, units: Iterable[str]) -> dict[str, Image.Image]:
    """Return the picture of each unit, those of a layer made together."""
    layers: dict[str, set[int]] = {}
    for layer, channel in (unit.rsplit(":", 1) for unit in units):
        layers.setdefault(layer, set()).add(int(channel))
    found = {}
    for layer, channels in layers.items():
        images = cs.ascend(bundle, f"{layer}:{','.join(map(str, sorted(channels)))}", steps=STEPS, size=SIDE).images
        for channel, image in zip(sorted(channels), images, strict=True):
            found[f"{layer}:{channel}"] = Image.fromarray(np.round(image * 255).astype(np.uint8))
    return found


def coloured(pattern: np.ndarray, most: float) -> Image.Image:
    """Return a pattern as squares: blue excites, red inhibits, white is zero."""
    share = np.abs(pattern)[..., None] / most
    pixels = 255 + share * (np.where(pattern[..., None] < 0, RED, BLUE) - 255)
    return Image.fromarray(pixels.round().astype(np.uint8)).resize((PATTERN, PATTERN), Image.Resampling.NEAREST)


def drawn(unit: str, inputs: list[Connection], pictures: dict[str, Image.Image]) -> Image.Image:
    """Return a unit's picture, and beside it those of its inputs, each with its strength and its pattern."""
    sheet = Image.new("RGB", (LARGE + 2 * GAP + len(inputs) * (TILE + GAP), LARGE + LINE + 4), "white")
    draw, most = ImageDraw.Draw(sheet), max(float(np.abs(one.pattern).max()) for one in inputs)
    draw.text((0, 0), unit, fill="black", font_size=14)
    sheet.paste(pictures[unit].resize((LARGE, LARGE), Image.Resampling.LANCZOS), (0, LINE + 4))
    for place, one in enumerate(inputs):
        left = LARGE + 2 * GAP + place * (TILE + GAP)
        draw.text((left, 0), str(one.source), fill="black", font_size=14)
        sheet.paste(pictures[str(one.source)].resize((TILE, TILE), Image.Resampling.LANCZOS), (left, LINE + 4))
        sheet.paste(coloured(np.asarray(one.pattern), most), (left, LINE + TILE + GAP))
        draw.rectangle((left, LINE + TILE + GAP, left + PATTERN, LINE + TILE + GAP + PATTERN), outline=(200, 205, 212))
        colour = tuple(BLUE if one.strength > 0 else RED)
        draw.text((left + PATTERN + 8, LINE + TILE + GAP + 20), f"{one.strength:+,.0f}", fill=colour, font_size=14)
    return sheet


if __name__ == "__main__":
    main()
