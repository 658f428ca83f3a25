"""The page of a dossier: one HTML file with its pictures inside, for light and dark readers, without script or network."""

from collections.abc import Iterator
from importlib.resources import files

from ...results import Dossier, FloatArray
from .. import trust as trusting
from ..curves import Curves
from ..layout import number
from ..patches import What, columns_for, framed, shown_tiles, silence
from ..pixels import unit_to_rgb
from ..site import embedded
from ..site import page as page_of
from ..site import words as html
from ..theme import Theme
from . import words

COLUMNS = ("", "image", "class", "value", "after its activation", "row, column")


def page(result: Dossier, theme: Theme) -> str:
    """Return the HTML. It sends no request. All words are escaped.

    It follows the reader's choice of a light or dark page, and has a switch; where `theme` is dark it opens dark.
    """
    heading = words.heading(result)
    model = str(result.provenance.model.get("name") or "")
    upper, lower = "\n".join(_upper(result)), "\n".join(_lower(result))
    notes = "".join(f"<li>{html(note)}</li>" for note in heading.notes)
    body = (
        f'<div class="column">\n<div class="title"><h1>{html(heading.title)}</h1><p>{html(heading.subtitle)}</p></div>\n'
        f'<div class="panels">\n{upper}\n</div>\n<div class="panels lower">\n{lower}\n</div>\n{_other_end(result)}{_trust(result)}'
        f'<div class="after">\n{_list(result)}\n<ul class="notes">{notes}</ul>\n</div>\n</div>'
    )
    foot = f"<p>Made with convscope: <code>{html(words.command(result))}</code>. The picture beside this page holds its provenance.</p>"
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    title = f"{heading.title} \N{MIDDLE DOT} {model}"
    return page_of(title, body, style=style, foot=foot, kind="dossier", theme="dark" if theme.dark else "").decode("utf-8")


def _upper(result: Dossier) -> Iterator[str]:
    names = words.upper(result)
    yield _panel(names[0], embedded(unit_to_rgb(result.synthetic), names[0][0]))
    if words.silent(result):
        yield _panel(names[1], f'<p class="empty">{html(silence(result.images, result.patches.not_finite))}</p>')
        return
    yield _panel(names[1], _nine(result, "patches"))
    yield _panel(names[2], _projected(result, None, result.steady))
    yield _panel(names[3], _nine(result, "through"))


def _projected(result: Dossier, signals: FloatArray | None, steady: bool) -> str:
    """Return the projections, or one of them where all have the same shape."""
    if not steady:
        return _nine(result, "projections", signals)
    tiles = shown_tiles(result.patches, "projections", result.contrast, signals=signals, single=True)
    return "".join(embedded(pixels, "projection") for pixels in tiles.values())


def _nine(result: Dossier, what: What, signals: FloatArray | None = None) -> str:
    patches = result.patches
    shown = shown_tiles(patches, what, result.contrast, signals=signals)
    tall, wide = patches.pixels.shape[1:3]
    tiles = []
    for place in range(patches.count):
        top, left, bottom, right = patches.inside(place)
        style = _placed(left / wide, top / tall, (right - left) / wide, (bottom - top) / tall)
        label = f"{patches.names[place]}: {number(float(patches.before[place]))}"
        image = embedded(shown[place], label, style) if place in shown else ""
        tiles.append(f'<span class="tile" style="aspect-ratio:{wide}/{tall}" title="{html(label)}">{image}</span>')
    across = f"grid-template-columns:repeat({columns_for(len(patches.images))},minmax(0,1fr))"
    return f'<div class="nine" style="{across}">{"".join(tiles)}</div>'


def _lower(result: Dossier) -> Iterator[str]:
    if words.silent(result):
        return
    said = words.histogram_words(result)
    yield _panel(said, words.histogram(result).svg(f"{said[0]}: {said[1]}"), "wide")
    if result.class_means:
        yield _panel(words.class_words(result), _classes(result))
    if result.spread is not None:
        yield _panel(words.without(result), _projected(result, result.spread, result.spread_steady))
    said = words.field_words(result)
    for place in result.patches.places[:1]:
        left, top, right, bottom = framed(result.patches, place)
        box = _placed(left, top, right - left, bottom - top)
        yield _panel(said, f'<span class="framed">{embedded(unit_to_rgb(result.example), said[1])}<i style="{box}"></i></span>')


def _other_end(result: Dossier) -> str:
    """Return the picture that the unit wants least beside the images that excite it least, nothing for a silent unit."""
    parts = list[str]()
    if result.opposite is not None:
        said = words.opposite_words(result)
        parts.append(_panel(said, embedded(unit_to_rgb(result.opposite), said[0])))
    if result.weakest is not None:
        weakest = result.weakest
        labels = [f"{name}: {number(float(value))}" for name, value in zip(weakest.names, weakest.values, strict=True)]
        shown = enumerate(zip(labels, weakest.pixels, strict=True))
        tiles = (
            f'<span class="tile" title="{html(label)}">{"" if place in weakest.missing else embedded(unit_to_rgb(pixels), label)}</span>'
            for place, (label, pixels) in shown
        )
        parts.append(_panel(words.weakest_words(weakest), f'<div class="row">{"".join(tiles)}</div>'))
    return f'<div class="panels other">\n{"".join(parts)}\n</div>\n' if parts else ""


def _placed(*edges: float) -> str:
    """Return the CSS that puts an element at left, top, width and height in [0, 1] of what holds it."""
    return ";".join(f"{name}:{100 * value:.3f}%" for name, value in zip(("left", "top", "width", "height"), edges, strict=True))


def _classes(result: Dossier) -> str:
    rows = words.classes(result)
    largest = max(1e-12, *(mean for _, mean, _ in rows))
    lines = (
        f'<tr><th scope="row">{html(name)}</th><td class="meter"><i style="width:{100 * max(0.0, mean) / largest:.2f}%"></i></td>'
        f"<td>{number(mean)}</td><td>{words.among(result, part) if part else ''}</td></tr>"
        for name, mean, part in rows
    )
    return f'<table class="classes"><tbody>{"".join(lines)}</tbody></table>'


def _trust(result: Dossier) -> str:
    """Return how far the pictures can be trusted, nothing where that was not measured."""
    if result.trust is None:
        return ""
    figures = zip(result.trust.figures(), trusting.lines(result.trust), strict=True)
    rows = "".join(
        f'<tr title="{html(one.meaning)}"><th scope="row">{html(row.name)}</th><td>{html(row.value)}</td><td>{html(row.beside)}</td>'
        f'<td class="word {trusting.TONE[one.word]}">{html(one.word)}</td></tr>'
        for one, row in figures
    )
    panels = [_panel(words.trust_words(result.trust), f'<div class="table"><table><tbody>{rows}</tbody></table></div>', "wide")]
    for said, curves in (
        (trusting.PATH_WORDS, trusting.path_curves(result.trust)),
        (trusting.RANDOM_WORDS, trusting.random_curves(result.trust)),
    ):
        empty = f'<p class="empty">{trusting.NO_CURVE}</p>'
        drawn = empty if curves.is_empty else curves.svg(f"{said[0]}: {said[1]}") + _legend(curves)
        panels.append(_panel(said, f"<div>{drawn}</div>"))  # all that a panel holds lies in one cell
    return f'<div class="panels trust">\n{"".join(panels)}\n</div>\n'


def _legend(curves: Curves) -> str:
    """Return the names of several series, each in the colour of its curve."""
    names = "".join(f'<li class="tone{number}">{html(name)}</li>' for number, (name, _) in enumerate(curves.series))
    return f'<ul class="legend">{names}</ul>' if len(curves.series) > 1 else ""


def _list(result: Dossier) -> str:
    """Return the strongest images as a table, nothing for a silent unit."""
    if words.silent(result):
        return ""
    names = [name for name, shown in zip(COLUMNS, _columns(result), strict=True) if shown]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f'<div class="table list"><table><thead><tr>{head}</tr></thead><tbody>{"".join(_rows(result))}</tbody></table></div>'


def _rows(result: Dossier) -> Iterator[str]:
    patches = result.patches
    for place, one in enumerate(patches.summary()):
        row, column = one["position"]
        where = "" if min(row, column) < 0 else f"{row}, {column}"
        values = number(one["before"]), number(one["value"])
        cells = (str(place + 1), one["image"], one["label"] or "", *values, where)
        shown = (cell for cell, wanted in zip(cells, _columns(result), strict=True) if wanted)
        yield f"<tr>{''.join(f'<td>{html(cell)}</td>' for cell in shown)}</tr>"


def _columns(result: Dossier) -> tuple[bool, ...]:
    """Say which columns of the table have anything in them."""
    patches = result.patches
    return True, True, any(patches.labels), True, patches.saturated is not None, bool((patches.positions >= 0).all(axis=1).any())


def _panel(said: tuple[str, str], inside: str, kind: str = "") -> str:
    small = f"<small>{html(said[1])}</small>" if said[1] else ""
    return f'<figure class="{kind}"><figcaption>{html(said[0])}{small}</figcaption>{inside}</figure>'
