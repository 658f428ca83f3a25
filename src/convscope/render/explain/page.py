"""The page of an explanation: one HTML file with its pictures inside, without script or network."""

import shlex
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import PurePath

from ...results import Evidence, Explained, Explanation, FloatArray
from ..layout import Box
from ..pixels import Bytes, unit_to_rgb
from ..site import embedded
from ..site import page as page_of
from ..site import words as html
from ..theme import Theme
from . import parts
from .parts import Shown


def page(result: Explanation, theme: Theme) -> str:
    """Return the HTML. All words are escaped; where `theme` is dark it opens dark."""
    said = parts.heading(result)
    notes = "".join(f"<li>{html(note)}</li>" for note in said.notes)
    several = len(result.explained) > 1
    sections = "\n".join(
        _section(number, one, image, several) for number, (one, image) in enumerate(zip(result.explained, result.images, strict=True), 1)
    )
    body = (
        f'<div class="column">\n<div class="title"><h1>{html(said.title)}</h1><p>{html(said.subtitle)}</p></div>\n'
        f'{_overview(result) if several else ""}{sections}\n<section><ul class="notes">{notes}</ul></section>\n</div>'
    )
    foot = f"<p>Made with convscope: <code>{html(_command(result))}</code>. The picture beside this page holds its provenance.</p>"
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    return page_of(said.title, body, style=style, foot=foot, kind="why", theme="dark" if theme.dark else "").decode("utf-8")


def _command(result: Explanation) -> str:
    names, told = [one.image_name for one in result.explained][:3], result.provenance.parameters
    options = [word for name in ("target", "against", "region", "layers") if told.get(name) for word in (f"--{name}", str(told[name]))]
    run = ["-r", PurePath(told["run"]).name] if told.get("run") else ["-m", result.network_name]
    return shlex.join(["convscope", "explain", *names, *options, *run])


def _overview(result: Explanation) -> str:
    """Return the images as a table, and what those taken alike have in common."""
    rows = "".join(
        f'<tr><td><a href="#image-{number}">{html(one.image_name)}</a></td><td>{html(one.label or "")}</td><td>{html(one.predicted)}</td>'
        f"<td>{html(parts.chance(one.classes[0]) if one.classes else '')}</td><td>{html(one.said)}</td></tr>"
        for number, one in enumerate(result.explained, 1)
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("image", "label", "taken for", "", "explained"))
    common = "".join(f"<li>{html(parts.confusion_words(one))}</li>" for one in result.confusions)
    return f'<section><div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>\n' + (
        f"<section><h2>What they have in common</h2><ul>{common}</ul></section>\n" if common else ""
    )


def _section(number: int, one: Explained, image: FloatArray, several: bool) -> str:
    heading = f"<h2>{html(one.image_name)}: {html(one.said)}</h2>" if several else ""
    first = _figure(Shown(unit_to_rgb(image), one.image_name, f"label {one.label}" if one.label else ""))
    upper = "".join([first, _classes(one), *map(_figure, parts.maps(one, image))])
    layers = "\n".join(_layer(one, place, image) for place in range(len(one.layers)))
    near = "".join(map(_figure, map(parts.neighbour, one.near)))
    nearest = f'<h2>The nearest images of the data set</h2><div class="row small">{near}</div>' if near else ""
    return f'<section id="image-{number}">{heading}<div class="row">{upper}</div>\n{layers}\n{nearest}</section>'


def _classes(one: Explained) -> str:
    if not one.classes:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{html(each.name)}</th><td class="meter"><i style="width:{100 * (each.probability or 0):.2f}%"></i></td>'
        f'<td class="number">{html(parts.chance(each))}</td></tr>'
        for each in one.classes
    )
    return f'<figure class="said"><figcaption>What the network says</figcaption><table><tbody>{rows}</tbody></table></figure>'


def _layer(one: Explained, place: int, image: FloatArray) -> str:
    layer = one.layers[place]
    name, detail = parts.layer_words(layer)
    return (
        f'<h2>{html(name)}</h2><p class="muted">{html(detail)}</p><div class="sides">'
        f"<div><h3>For it</h3>{''.join(_units(layer.pro, image))}</div>"
        f"<div><h3>Against it</h3>{''.join(_units(layer.contra, image)) or '<p>none</p>'}</div></div>"
    )


def _units(units: Sequence[Evidence], image: FloatArray) -> Iterator[str]:
    for one in units:
        name, detail = parts.unit_words(one)
        tiles = "".join(_figure(shown) for shown in parts.unit_tiles(one, image))
        said = f'<p><b>{html(name)}</b> <span class="muted">{html(detail)}</span></p>'
        yield f'<div class="unit">{said}<div class="row tiny">{tiles}</div></div>'


def _figure(shown: Shown) -> str:
    small = f"<small>{html(shown.detail)}</small>" if shown.detail else ""
    inside = '<p class="empty">none</p>' if shown.pixels is None else _image(shown.pixels, shown.name, shown.frame)
    return f"<figure>{inside}<figcaption>{html(shown.name)}{small}</figcaption></figure>"


def _image(pixels: Bytes, name: str, frame: Box | None) -> str:
    image = embedded(pixels, name)
    if frame is None:
        return image
    left, top, right, bottom = frame
    box = f"left:{100 * left:.3f}%;top:{100 * top:.3f}%;width:{100 * (right - left):.3f}%;height:{100 * (bottom - top):.3f}%"
    return f'<span class="framed">{image}<i style="{box}"></i></span>'
