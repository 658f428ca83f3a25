"""Picture files of numbers that Pillow cannot write, by hand: TIFF, PNG, PGM and PPM of any depth and number of bands."""

import struct
import zlib

import numpy as np

KINDS = {"u": 1, "i": 2, "f": 3}


def tiff(
    values, *, order="<", deflate=False, planar=False, tile=None, predictor=1, photometric=None, extra=None, rows=None, bits=None, more=()
):
    """Return the bytes of a TIFF of (height, width, band) numbers of any type."""
    height, width, bands = values.shape
    values = np.ascontiguousarray(values, values.dtype.newbyteorder(order))
    wide, tall = tile or (width, rows or height)
    planes = [values[..., band : band + 1] for band in range(bands)] if planar else [values]
    pieces = []
    for plane in planes:
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                piece = plane[top : top + tall, left : left + wide]
                if tile:
                    piece = np.pad(piece, ((0, tall - piece.shape[0]), (0, wide - piece.shape[1]), (0, 0)))
                pieces.append(_packed(np.ascontiguousarray(piece), deflate, predictor))
    colours = bands in (3, 4) and values.dtype.kind != "i" if photometric is None else photometric == 2
    photometric = (2 if colours else 1) if photometric is None else photometric
    extra = (2,) if extra is None and colours and bands == 4 else (0,) * (bands - (3 if colours else 1)) if extra is None else extra
    tags = {
        256: (4, (width,)),
        257: (4, (height,)),
        258: (3, (bits or values.dtype.itemsize * 8,) * bands),
        259: (3, (8 if deflate else 1,)),
        262: (3, (photometric,)),
        277: (3, (bands,)),
        284: (3, (2 if planar else 1,)),
        317: (3, (predictor,)),
        338: (3, extra),
        339: (3, (KINDS[values.dtype.kind],) * bands),
        **dict(more),
    }
    places = (322, 323, 324, 325) if tile else (None, 278, 273, 279)
    start = 8 + sum(len(piece) for piece in pieces)
    offsets = tuple(8 + sum(len(piece) for piece in pieces[:number]) for number in range(len(pieces)))
    tags |= {places[1]: (4, (tall,)), places[2]: (4, offsets), places[3]: (4, tuple(len(piece) for piece in pieces))}
    tags |= {322: (4, (wide,))} if tile else {}
    tags = {number: tag for number, tag in sorted(tags.items()) if tag[1]}
    beside, entries = b"", b""
    for number, (kind, numbers) in tags.items():
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(packed) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(beside)
            beside, packed = beside + packed, struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", number, kind, len(numbers)) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + b"".join(pieces) + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + beside


def _packed(piece, deflate, predictor):
    if predictor == 2:
        whole = piece.view(f"{piece.dtype.str[0]}u{piece.dtype.itemsize}")
        piece = np.concatenate([whole[:, :1], np.diff(whole, axis=1).astype(whole.dtype)], axis=1)
    if predictor == 3:
        rows, wide, bands = piece.shape
        stored = np.moveaxis(piece.astype(f">f{piece.dtype.itemsize}").view(np.uint8).reshape(rows, wide * bands, -1), 2, 1)
        stored = stored.reshape(rows, -1, bands)
        piece = np.concatenate([stored[:, :1], np.diff(stored, axis=1)], axis=1).astype(np.uint8)
    return zlib.compress(piece.tobytes()) if deflate else piece.tobytes()


def png(values, clear=None):
    """Return the bytes of a PNG of (height, width, band) uint8 or uint16 numbers; `clear`: the transparent grey or colour."""
    height, width, bands = values.shape
    rows = [b"\0" + row.astype(values.dtype.newbyteorder(">")).tobytes() for row in values]
    head = struct.pack(">IIBBBBB", width, height, values.dtype.itemsize * 8, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    if clear is not None:
        chunks.insert(1, (b"tRNS", np.asarray(clear, ">u2").tobytes()))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def netpbm(values, white=None, *, plain=False):
    """Return the bytes of a PGM or PPM."""
    height, width, bands = values.shape
    white = white or np.iinfo(values.dtype).max
    name = {(1, False): "P5", (3, False): "P6", (1, True): "P2", (3, True): "P3"}[bands, plain]
    head = f"{name}\n# made by hand\n{width} {height}\n{white}\n".encode()
    if plain:
        return head + " ".join(str(one) for one in values.ravel().tolist()).encode()
    return head + values.astype(">u2" if white > 255 else "u1").tobytes()
