"""Damage to the bytes of a file, of any format, chosen by a random number generator."""

STARTING = 256  # bytes in which most formats keep their header
ODD = (
    b"\0",
    b"\xff",
    b"\x7f\xff",
    b"\x80\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\xff" * 8,
    b"\0" * 16,
)


def damaged(data, rng):
    """Return bytes with one to four kinds of damage; one time in eight they are untouched."""
    if rng.random() < 0.125:
        return data
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(KINDS)(data, rng)
    return data


def flipped(data, rng):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if data else 0):
        changed[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwritten(data, rng):
    odd = rng.choice(ODD)
    place = _place(data, rng)
    return data[:place] + odd + data[place + len(odd) :]


def counted(data, rng):
    """Raise or lower a byte by one."""
    if not data:
        return data
    changed, place = bytearray(data), _place(data, rng)
    changed[place] = (changed[place] + rng.choice((-1, 1))) % 256
    return bytes(changed)


def cut(data, rng):
    return data[: rng.randrange(len(data) + 1)]


def repeated(data, rng):
    first, last = sorted((_place(data, rng), _place(data, rng)))
    return data[:last] + data[first:last] * rng.choice((1, 3)) + data[last:]


def removed(data, rng):
    place = _place(data, rng)
    return data[:place] + data[place + rng.choice((1, 2, 64)) :]


def extended(data, rng):
    return data + rng.randbytes(rng.choice((1, 17, 4096)))


KINDS = (flipped, flipped, overwritten, overwritten, counted, cut, repeated, removed, extended)


def _place(data, rng):
    """Return a place in the data: at the start, at the end, where archives and tables keep what they hold, or anywhere."""
    first, last = rng.choice(((0, STARTING), (-STARTING, len(data)), (0, len(data))))
    first = max(0, len(data) + first) if first < 0 else first
    return rng.randrange(first, max(first + 1, min(last, len(data))))
