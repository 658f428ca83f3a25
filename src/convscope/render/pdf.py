"""Sheets -> PDF: words as text in an embedded font, pictures with their own pixels."""

import io
from collections.abc import Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from .figures import exact_width, font, missing_glyphs_allowed, shares
from .pixels import Bytes, digest
from .sheet import DPI, PRINT_DPI, Rectangle, Sheet

SHIFTS = {"left": 0.0, "center": 0.5, "right": 1.0}
# Fonts as TrueType, whose words can be searched and copied; set while a page is written and then put back.
SETTINGS: Any = {"pdf.fonttype": 42, "pdf.compression": 6, "pdf.use14corefonts": False, "pdf.inheritcolor": False}


def pdf(sheet: Sheet, entries: Mapping[str, str]) -> bytes:
    """Return a sheet as one page of PDF, 300 pixels to the inch; `entries`, in ASCII, go into its information dictionary.

    Every picture is in it once, with its own pixels, and words as text in an embedded font. No date: the same sheet is the same bytes.
    """
    file, point = io.BytesIO(), 72 / PRINT_DPI
    said = {"Title": sheet.title, "Creator": None, "Producer": None, "CreationDate": None}
    with rc_context(SETTINGS), missing_glyphs_allowed():
        document: Any = PdfFile(file, metadata=said)  # type: ignore[no-untyped-call]
        document.infoDict |= entries
        document.newPage(sheet.width / PRINT_DPI, sheet.height / PRINT_DPI)
        page: Any = RendererPdf(document, 72, sheet.height / PRINT_DPI, sheet.width / PRINT_DPI)  # type: ignore[no-untyped-call]
        pen = page.new_gc()
        pen.set_linewidth(0)
        turned: dict[bytes, Bytes] = {}  # the same picture twice is once in the file, and begins with its lowest row
        for mark in sheet.marks():
            place = Affine2D().scale(mark.width, mark.height).translate(mark.left, sheet.height - mark.top - mark.height).scale(point)
            if isinstance(mark, Rectangle):
                page.draw_path(pen, Path.unit_rectangle(), place, shares(mark.colour))
            else:
                page.draw_image(pen, 0, 0, turned.setdefault(digest(mark.pixels), mark.pixels[::-1]), place)
        for words in sheet.words:
            pen.set_foreground(shares(words.colour))
            left = (words.left - SHIFTS[words.align] * exact_width(words)) * point
            face = font(words.style.size * DPI / PRINT_DPI, words.style.bold)
            page.draw_text(pen, left, (sheet.height - words.baseline) * point, words.text, face, 0)
        page.finalize()
        document.finalize()
        document.close()
    return file.getvalue()
