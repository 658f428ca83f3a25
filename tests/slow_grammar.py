"""The grammar of units once more, letter by letter: the slow twin of `units`, `expressions`, `numerals` and the patterns of layers."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DIGITS = "0123456789"
LONGEST_PATTERN = 1000
ANY = object()  # of a term of weight 0 only the form is checked


@dataclass(frozen=True)
class Grammar:
    """What texts mean in a network: `known` are its layers with channels and sides of the map, `classes` those whose units have `labels`.

    Every method returns None for what must be refused.
    """

    known: dict
    classes: tuple
    labels: tuple

    def units_of(self, text, bare):
        """Return the units that an address means, None where it must be refused."""
        text = text.strip()
        layer, rest = cut(text, ":")
        if rest is not None and not rest.strip():
            return None
        call = self.layer_of(layer)
        if call is None:
            return None
        if rest is None:
            return [(call, channel, None) for channel in range(self.known[call][0])] if bare else None
        body, place = cut(rest, "@")
        position = None if place is None else position_of(place)
        channels = self.channels_of(call, body.strip())
        if channels is None or (place is not None and (position is None or self.known[call][1] != 2)):
            return None
        return [(call, channel, position) for channel in channels] or None

    def layer_of(self, name):
        name_c = unicodedata.normalize("NFC", name)
        if name in self.known:
            return name
        found = [one for one in self.known if one.split("/")[-1] == name_c or unicodedata.normalize("NFC", one) == name_c]
        return found[0] if len(found) == 1 else None

    def channels_of(self, layer, body):
        count = self.known[layer][0]
        if body == "all":
            return list(range(count))
        if any(letter not in "0123456789,-" and not letter.isspace() for letter in body) or not body:
            return self.class_of(layer, body)
        found = []
        for part in body.split(","):
            ends = [digits(end.strip()) for end in part.split("-")]
            if None in ends or len(ends) > 2 or ends[0] > ends[-1] or ends[-1] >= count:
                return None
            found += [channel for channel in range(ends[0], ends[-1] + 1) if channel not in found]
        return found

    def class_of(self, layer, name):
        if layer not in self.classes:
            return None
        same = [index for index, label in enumerate(self.labels) if label == name]
        plain = unicodedata.normalize("NFC", name).casefold()
        found = same or [index for index, label in enumerate(self.labels) if unicodedata.normalize("NFC", label).casefold() == plain]
        return found if len(found) == 1 else None

    def meaning(self, text):
        """Return the units of an address, or the terms of an expression, None where it must be refused."""
        signs, parts = divided(text.strip())
        sign, weight, _ = weighted(parts[0].strip())
        plain = len(parts) == 1 and sign is None and weight is None and not parts[0].strip().startswith("odds(")
        layer, tail = cut(text, ":")
        is_class = bool((tail or "").strip()) and tail.strip().lower() in [label.lower() for label in self.labels]
        directed = cut(tail, "@")[0].strip().endswith(".npy") if tail is not None else "@" in layer
        if not directed and (plain or is_class):
            return self.units_of(text, False)
        terms = {}
        for outer, part in zip(signs, parts, strict=True):
            found = self.summand(outer, part)
            if found is ANY:
                return ANY
            if found is None:  # what cancels is not looked up
                written = weighted(part.strip())[2].strip()
                return ANY if text.count(written) > 1 else None
            key, amount = found
            terms[key] = terms.get(key, 0.0) + amount
        terms = {key: amount for key, amount in terms.items() if amount}
        (key, amount), *more = terms.items() or [(None, 0.0)]
        if key is None or not all(map(np.isfinite, terms.values())):
            return None
        is_unit = not more and amount == 1 and not key[3] and key[1].isdigit()
        return [(key[0], int(key[1]), key[2])] if is_unit else terms

    def summand(self, outer, part):
        """Return a term's key and its weight, None where it must be refused."""
        part = part.strip()
        if not part:
            return None
        sign, number, written = weighted(part)
        weight = 1.0 if number is None else rational(number)
        if weight is None:
            return None
        if weight == 0:
            return ANY
        weight = -weight if (outer == "-") != (sign == "-") else weight
        written = written.strip()
        odds = written.startswith("odds(") and written.endswith(")") and "\n" not in written
        inside = written[5:-1].strip() if odds else written
        layer, rest = cut(inside, ":")
        if not (inside[:1].isalnum() or inside[:1] == "_") or any(sign in layer for sign in "()*"):
            return None
        if rest is None:
            return self.bare(inside, odds, weight)
        body, place = cut(rest, "@")
        if not body.strip() and place is None:
            return None
        if body.strip().endswith(".npy"):
            call = self.layer_of(layer)
            position = None if place is None else position_of(place)
            good = call is not None and not odds and is_file(body.strip()) and self.known[call][0] == 4
            good = good and (place is None or (position is not None and self.known[call][1] == 2))
            return ((call, "v.npy", position, False), weight) if good else None
        found = self.units_of(inside, False)
        if found is None or len(found) != 1 or body.strip() == "all":
            return None
        numbers_only = all(letter in "0123456789,-" or letter.isspace() for letter in body.strip())
        if numbers_only and len(spans(body)) != 1:
            return None
        call, channel, position = found[0]
        return (call, str(channel), position, odds), weight

    def bare(self, inside, odds, weight):
        layer, place = inside, None
        if "@" in inside:
            layer, place = inside.rsplit("@", 1)
            if not layer or not place:
                return None
        call = self.layer_of(layer.strip() if place is None else layer)
        position = None if place is None else position_of(place)
        if odds or call is None or (place is not None and (position is None or self.known[call][1] != 2)):
            return None
        return (call, "None", position, False), weight


def is_file(name):
    """Say whether there is such a file; the only one is a vector of four numbers."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def cut(text, sign):
    """Return what comes before a sign and what after it, None where there is none."""
    for place, letter in enumerate(text):
        if letter == sign:
            return text[:place], text[place + 1 :]
    return text, None


def position_of(place):
    sides = [digits(side.strip()) for side in place.split(",")]
    return tuple(sides) if len(sides) == 2 and None not in sides else None


def digits(text):
    """Return the number that up to 18 digits mean."""
    value = 0
    for letter in text:
        if letter not in DIGITS:
            return None
        value = 10 * value + DIGITS.index(letter)
    return value if 0 < len(text) <= 18 else None


def divided(text):
    """Return the signs and the parts between them: a sign is one that blanks surround, or that ends the text."""
    signs, parts, start, place = ["+"], [], 0, 0
    while place < len(text):
        end = place
        while end < len(text) and text[end].isspace():
            end += 1
        if end > place and end < len(text) and text[end] in "+-" and (end + 1 == len(text) or text[end + 1].isspace()):
            parts.append(text[start:place])
            signs.append(text[end])
            end += 1
            while end < len(text) and text[end].isspace():
                end += 1
            start = place = end
        else:
            place = max(end, place + 1)
    return signs, [*parts, text[start:]]


def weighted(text):
    """Return the sign, the weight as written and the rest of a term, None for what is not there."""
    sign = text[0] if text[:1] in ("+", "-") and text[1:].strip() else None
    rest = text[1:].lstrip() if sign else text
    number, factor = cut(rest, "*")
    if factor is not None and factor.strip() and written_as_number(number.rstrip()):
        return sign, number.rstrip(), factor.lstrip()
    return sign, None, rest


def written_as_number(text):
    mantissa, exponent = cut(text.replace("E", "e"), "e")
    if exponent is not None:
        exponent = exponent[1:] if exponent[:1] in ("+", "-") else exponent
        if not exponent or set(exponent) - set(DIGITS):
            return False
    first, second = cut(mantissa, ".")
    return not set(first + (second or "")) - set(DIGITS) and bool(first or second)


def integer(body):
    value = digits(body.removeprefix("-"))
    return None if value is None else -value if body.startswith("-") else value


def rational(body):
    plain = body[1:] if body[:1] in ("+", "-") else body
    if len(body) > 400 or not written_as_number(plain) or not np.isfinite(float(body)):
        return None
    return float(body)


def spans(body):
    found = set()
    for part in body.split(","):
        ends = [int(end) for end in part.split("-")]
        found |= set(range(ends[0], ends[-1] + 1))
    return found


def layers_of(text, names, words):
    """Return the names that a pattern of layers means, in their order, None where it must be refused; `words` are those it may name."""
    if len(text) > LONGEST_PATTERN:
        return None
    parts, start = [], 0
    for place, letter in enumerate(text):
        bracket_after = next((one for one in text[place:] if one in "[]"), "")
        if letter == "," and bracket_after != "]":
            parts.append(text[start:place])
            start = place + 1
    parts = [text] if text in names else [*parts, text[start:]]
    found = [[name for name in names if name == part or name in words.get(part, ()) or (part not in words and glob(part, name))]
             for part in (part.strip() for part in parts)]  # fmt: skip
    return None if not all(found) else [name for name in names if any(name in part for part in found)]


def glob(pattern, name):
    """Say whether a name matches a pattern of *, ?, [abc], [a-c] and [!abc]; a bracket that nothing closes is a letter."""
    reached = {0}
    for token in tokens(pattern):
        if token == "*":
            reached = set(range(min(reached), len(name) + 1)) if reached else reached
        else:
            reached = {place + 1 for place in reached if place < len(name) and token(name[place])}
    return len(name) in reached


def tokens(pattern):
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        end = pattern.find("]", place + (3 if pattern[place + 1 : place + 2] == "!" else 2)) if letter == "[" else -1
        if letter == "[" and end > 0:
            yield bracket(pattern[place + 1 : end])
            place = end + 1
            continue
        yield letter if letter == "*" else (lambda one: True) if letter == "?" else (lambda one, letter=letter: one == letter)
        place += 1


def bracket(inside):
    negative, inside = inside[:1] == "!", inside.removeprefix("!")
    spans, place = [], 0
    while place < len(inside):
        wide = inside[place + 1 : place + 2] == "-" and place + 2 < len(inside)
        spans.append((inside[place], inside[place + 2] if wide else inside[place]))
        place += 3 if wide else 1
    return lambda one: any(low <= one <= high for low, high in spans) != negative
