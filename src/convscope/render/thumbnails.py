"""How a thumbnail lies on the map of images: a photo with a coloured frame around its shape, or a drawing without its background."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter

from .pixels import Bytes, unit_to_rgb
from .theme import Colour, Theme

Kind = Literal["photo", "bright", "dark"]
BACKGROUND = 28
MOSTLY = 0.6
RIM = 0.75
BLOCK = 512
SAMPLE = 2000
UNLABELLED: Colour = (88, 110, 148)


def kind_of(thumbnails: Bytes) -> Kind:
    """Return "bright" for grey drawings on black, "dark" for grey drawings on white, else "photo".

    Those with opacity have no background to leave out. Decided by the border: the backgrounds of Fashion-MNIST or MNIST would cover their
    neighbours where images overlap, so they are left out.
    """
    if thumbnails.shape[-1] in (2, 4):
        return "photo"
    colourful = thumbnails.shape[-1] >= 3 and int(np.ptp(thumbnails[..., :3].astype(np.int16), axis=-1).max(initial=0)) > 8
    if colourful or not thumbnails.size:
        return "photo"
    grey = thumbnails[..., 0]
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    middle = np.median(border, axis=1)
    if (middle < BACKGROUND).mean() > MOSTLY:
        return "bright"
    return "dark" if (middle > 255 - BACKGROUND).mean() > MOSTLY else "photo"


def lay_all(
    canvas: Bytes,
    thumbnails: Bytes,
    order: NDArray[np.intp],
    places: NDArray[np.intp],
    side: int,
    owners: Sequence[Colour | None],
    theme: Theme,
) -> None:
    """Draw thumbnails, `side` pixels large, on the canvas with their left top corners at `places`, in `order`.

    `owners`: the colour of each image's class, or None. A block of them is read and prepared at a time, so `thumbnails` may be a memory
    map.
    """
    kind = kind_of(thumbnails[:: max(1, len(thumbnails) // SAMPLE)])
    for start in range(0, len(order), BLOCK):
        chosen = order[start : start + BLOCK]
        block = np.asarray(thumbnails[chosen])
        colours = [owners[index] for index in chosen]
        if block.shape[-1] in (2, 4):
            _lay_shapes(canvas, block, side, places[chosen], colours, theme)
            continue
        pictures = _resized(block, side)
        if kind == "photo":
            _lay_photos(canvas, pictures, places[chosen], colours, theme)
        else:
            _lay_drawings(canvas, pictures[..., 0], places[chosen], colours, (kind, theme))


def _lay_photos(canvas: Bytes, pictures: Bytes, places: NDArray[np.intp], colours: Sequence[Colour | None], theme: Theme) -> None:
    side = pictures.shape[1]
    thick = max(1, side // 20)
    framed = np.empty_like(pictures)
    framed[:] = np.array([theme.page if one is None else one for one in colours], np.uint8)[:, np.newaxis, np.newaxis]
    framed[:, thick:-thick, thick:-thick] = pictures[:, thick:-thick, thick:-thick]
    for (left, top), picture in zip(places.tolist(), framed, strict=True):
        canvas[top : top + side, left : left + side] = picture


def _lay_shapes(canvas: Bytes, block: Bytes, side: int, places: NDArray[np.intp], colours: Sequence[Colour | None], theme: Theme) -> None:
    """Blend pictures with opacity, each with a frame around its shape; what lies behind shines through as far as they let it."""
    thick = max(1, side // 20)
    inner = max(1, side - 2 * thick)
    clear = block[..., -1:].astype(np.float32) / np.float32(255)
    padded = ((0, 0), (thick, side - inner - thick), (thick, side - inner - thick), (0, 0))
    opacity = np.pad(_enlarged(clear, inner), padded)
    painted = np.pad(_enlarged(_three(block[..., :-1]) * clear, inner), padded)  # enlarged as it is seen: no colour of what is transparent
    shape = maximum_filter(opacity, size=(1, 2 * thick + 1, 2 * thick + 1, 1))
    frames = np.array([theme.page if one is None else one for one in colours], np.float32)[:, np.newaxis, np.newaxis]
    added = painted + frames * shape * (1 - opacity) + np.float32(0.5)
    kept = 1 - np.maximum(shape, opacity)
    for (left, top), share, more in zip(places.tolist(), kept, added, strict=True):
        room = canvas[top : top + side, left : left + side]
        room[:] = np.minimum(room * share + more, 255)


def _three(block: Bytes) -> NDArray[np.float32]:
    return np.repeat(block, 3 // block.shape[-1], axis=-1).astype(np.float32)


def _enlarged(block: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return (n, side, side, channel) of any values, each channel by itself and never beyond what it was."""
    if block.shape[1] == side:
        return block
    planes = np.moveaxis(block, -1, 1).reshape(-1, *block.shape[1:3])
    made = np.stack([np.asarray(Image.fromarray(plane).resize((side, side), Image.Resampling.BICUBIC)) for plane in planes])
    limited = np.clip(made, 0, block.max(initial=0))
    return np.moveaxis(limited.reshape(len(block), block.shape[-1], side, side), 1, -1)


def _lay_drawings(
    canvas: Bytes, greys: Bytes, places: NDArray[np.intp], colours: Sequence[Colour | None], look: tuple[Kind, Theme]
) -> None:
    """Blend each drawing in its colour over a halo of the page's colour; what lies behind is scaled and added to, once an image."""
    kind, theme = look
    side = greys.shape[1]
    strength = greys.astype(np.float32) / np.float32(255)
    strength = strength if kind == "bright" else np.float32(1) - strength
    opacity = np.minimum(np.float32(1), np.float32(1.8) * strength)[..., np.newaxis]
    halo = _spread(opacity)
    page = np.asarray(theme.page, np.float32)
    tints = np.array([one or UNLABELLED for one in colours], np.float32)[:, np.newaxis, np.newaxis]
    added = page * halo * (1 - opacity) + _tinted(strength, tints, theme) * opacity + np.float32(0.5)
    kept = (1 - halo) * (1 - opacity)
    for (left, top), share, more in zip(places.tolist(), kept, added, strict=True):
        room = canvas[top : top + side, left : left + side]
        room[:] = room * share + more


def _spread(opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the shapes one pixel larger: their rim in the page's colour tells overlapping drawings apart."""
    wide = np.pad(opacity, ((0, 0), (1, 1), (1, 1), (0, 0)))
    side = opacity.shape[1]
    shapes = [wide[:, y : y + side, x : x + side] for y in range(3) for x in range(3)]
    return np.maximum.reduce(shapes) * np.float32(RIM)


def _tinted(strength: NDArray[np.float32], tints: NDArray[np.float32], theme: Theme) -> NDArray[np.float32]:
    """Return the colour, full where the drawing is strong and darker where it is faint, so that its texture stays."""
    faint = 0.45 if theme.dark else 0.55
    shade: NDArray[np.float32] = np.float32(faint) + np.float32(1 - faint) * strength[..., np.newaxis]
    return tints * shade


def _resized(thumbnails: Bytes, side: int) -> Bytes:
    rgb = unit_to_rgb(thumbnails.astype(np.float32) / 255)
    if rgb.shape[1:3] == (side, side):
        return rgb
    way = Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), way)) for one in rgb])
