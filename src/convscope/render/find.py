"""Units that were found -> a bar for each layer, from the image up: from which depth on a label is readable."""

from ..errors import OutputError
from ..legible import counted, few
from ..results import Findings, Found
from ..results.findings import ALIKE, DUPLICATES, LABELS, SILENT
from ..results.names import LEAST_AUC
from .figures import shorten, width_of
from .layout import GAP, Heading, heading_notes, open_sheet
from .sheet import DETAIL, NOTE, Sheet, joined
from .theme import Theme, theme_of

BAR, WORDS, MOST_NAME = 520, 460, 420
STEP = DETAIL.line + 10
MOST_LAYERS = 1000
CHANCE = 0.5


def draw(result: Findings, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `find.png`: the best unit of each layer, in the order in which layers compute."""
    used, rows = theme_of(result, theme), result.depth
    if len(rows) > MOST_LAYERS:
        raise OutputError(f"A sheet of {len(rows)} layers is too long; convscope draws at most {MOST_LAYERS}. Scan fewer layers.")
    names = min(MOST_NAME, max((round(width_of(layer, DETAIL)) for layer, _ in rows), default=0) + GAP)
    axis = NOTE.line + GAP
    page, left, top = open_sheet(names + BAR + WORDS, axis + STEP * len(rows), _heading(result), used)
    start = left + names
    low, marks = (CHANCE, (CHANCE, 0.6, 0.7, LEAST_AUC, 0.9, 1.0)) if result.kind == LABELS else (0.0, (0.0, 0.25, 0.5, 0.75, 1.0))
    for mark in marks:
        x = start + round(BAR * (mark - low) / (1.0 - low))
        is_least = result.kind == LABELS and mark == LEAST_AUC
        page.fill(x, top + axis, 2 if is_least else 1, STEP * len(rows), used.muted if is_least else used.line)
        page.text(x, top, f"{100 * mark:.0f} %" if result.kind == SILENT else f"{mark:g}", NOTE, "center")
    for place, (layer, best) in enumerate(rows):
        y = top + axis + place * STEP
        page.text(start - GAP, y + 3, shorten(layer, DETAIL, names - GAP), DETAIL, "right")
        _bar(page, result, best, (start, y), low)
    return {"find.png": page}


def _bar(page: Sheet, result: Findings, best: Found | None, place: tuple[int, int], low: float) -> None:
    (left, y), theme = place, page.theme
    length = 0 if best is None else round(BAR * min(1.0, max(0.0, best.value - low) / (1.0 - low)))
    strong = best is not None and (result.kind != LABELS or best.value >= LEAST_AUC)
    if length:
        page.fill(left, y + 5, length, STEP - 10, theme.accent if strong else theme.line)
    page.text(left + BAR + GAP, y + 3, shorten(_words(result, best), DETAIL, WORDS - GAP), DETAIL)


def _words(result: Findings, best: Found | None) -> str:
    """Return what stands beside a bar."""
    if best is None:
        return "none"
    if result.kind == SILENT:
        return best.label
    beside = f" = {best.beside}" if best.beside is not None else ""
    return joined(f"{best.value:.2f}  :{best.unit.channel}{beside}", best.label)


def _heading(result: Findings) -> Heading:
    titles = {
        LABELS: f"Units that fire for \N{LEFT DOUBLE QUOTATION MARK}{result.words}\N{RIGHT DOUBLE QUOTATION MARK}, by depth",
        ALIKE: f"Units that fire as {result.words} does, by depth",
        DUPLICATES: "Units that are the same, by depth",
        SILENT: "Silent units, by depth",
    }
    said = f"labels: {few(result.matched, 6)}" if result.matched else ""
    subtitle = joined(result.network, result.dataset, counted(result.images, "image"), said)
    explained = {
        LABELS: "For each layer the unit that is best on the images which names are chosen on, with its AUC on the others. 0.5 is chance.",
        ALIKE: "For each layer the unit that is most alike.",
        DUPLICATES: "For each layer the pair that is most alike; a pair stands with the layer of its first unit.",
        SILENT: "For each layer the share of its units that fire on no image.",
    }
    return Heading(titles[result.kind], subtitle, heading_notes(result, explained[result.kind]))
