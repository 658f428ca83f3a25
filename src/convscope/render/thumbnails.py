"""How a thumbnail lies on the map of images: a photo with a coloured frame, or a drawing without its background."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .pixels import Bytes, unit_to_rgb
from .theme import Colour, Theme

Kind = Literal["photo", "bright", "dark"]
BACKGROUND = 28
MOSTLY = 0.6
RIM = 0.75
UNLABELLED: Colour = (88, 110, 148)


def kind_of(thumbnails: Bytes) -> Kind:
    """Return "bright" for grey drawings on black, "dark" for grey drawings on white, else "photo".

    Decided by the border: the backgrounds of Fashion-MNIST or MNIST would cover their neighbours where images overlap,
    so they are left out.
    """
    colourful = thumbnails.shape[-1] >= 3 and int(np.ptp(thumbnails[..., :3].astype(np.int16), axis=-1).max(initial=0)) > 8
    if colourful or not thumbnails.size:
        return "photo"
    grey = thumbnails[..., 0]
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    middle = np.median(border, axis=1)
    if (middle < BACKGROUND).mean() > MOSTLY:
        return "bright"
    return "dark" if (middle > 255 - BACKGROUND).mean() > MOSTLY else "photo"


def lay(canvas: Bytes, place: tuple[int, int], thumbnail: Bytes, side: int, look: tuple[Kind, Colour | None, Theme]) -> None:
    """Draw one thumbnail, `side` pixels large, on the canvas with its left top corner at `place`."""
    kind, colour, theme = look
    left, top = place
    picture = _resized(thumbnail, side)
    room = canvas[top : top + side, left : left + side]
    if kind == "photo":
        thick = max(1, side // 20)
        room[:] = theme.page if colour is None else colour
        room[thick:-thick, thick:-thick] = picture[thick:-thick, thick:-thick]
        return
    strength: NDArray[np.float32] = picture[..., 0].astype(np.float32) / np.float32(255)
    strength = strength if kind == "bright" else np.float32(1) - strength
    opacity = np.minimum(np.float32(1), np.float32(1.8) * strength)
    halo = _spread(opacity)[..., np.newaxis]
    opacity = opacity[..., np.newaxis]
    behind = room * (1 - halo) + np.asarray(theme.page, np.float32) * halo
    room[:] = np.rint(behind * (1 - opacity) + _tinted(strength, colour or UNLABELLED, theme) * opacity)


def _spread(opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the shape one pixel larger: its rim in the page's colour tells overlapping drawings apart."""
    shape = Image.fromarray(np.rint(opacity * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(shape, np.float32) * np.float32(RIM / 255)


def _tinted(strength: NDArray[np.float32], colour: Colour, theme: Theme) -> NDArray[np.float32]:
    """Return the colour, full where the drawing is strong and darker where it is faint, so that its texture stays."""
    faint = 0.45 if theme.dark else 0.55
    shade: NDArray[np.float32] = np.float32(faint) + np.float32(1 - faint) * strength[..., np.newaxis]
    return np.asarray(colour, np.float32) * shade


def _resized(thumbnail: Bytes, side: int) -> Bytes:
    rgb = unit_to_rgb(thumbnail.astype(np.float32) / 255)
    if rgb.shape[:2] == (side, side):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC))
