"""Typed values in a person's request: what a form or a mail client could have filled
in, found by their shape alone. Whatever has no such shape is no trusted input.

A part of the text has one type. An amount is not looked for inside of a date, and
the domain of a mail address is no web address.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime

Value = str | float

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November"
    "|December"
)
_FILE_ENDINGS = "csv|docx?|html?|json|md|pdf|png|pptx?|txt|xlsx?|zip"


def _day(text: str) -> str:
    """A day as 2024-05-15, from that form or from `May 15th, 2024`."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        plain = re.sub(r"(?<=\d)(st|nd|rd|th)", "", text).replace(",", "")
        return datetime.strptime(plain, "%B %d %Y").date().isoformat()


def _amount(text: str) -> float:
    return float(text.replace(",", ""))


# In this order: a part that one shape has taken is not there for the next.
_SHAPES: tuple[tuple[str, str, Callable[[str], Value]], ...] = (
    ("emails", r"(?<![\w.+-])([\w.+-]+@[\w-]+(?:\.[\w-]+)+)", str),
    ("urls", r"(?<![\w@.])((?:https?://|www\.)[^\s'\"<>]*[^\s'\"<>.,;:!?)])", str),
    ("ibans", r"\b([A-Z]{2}\d{2}[A-Z0-9]{8,30})\b", str),
    ("files", rf"(?<![\w/.-])([\w-]+\.(?:{_FILE_ENDINGS}))\b", str),
    ("dates", r"\b(\d{4}-\d{2}-\d{2})\b", _day),
    ("dates", rf"\b((?:{_MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})\b", _day),
    ("times", r"\b(\d{1,2}:\d{2})\b", str),
    ("amounts", r"[$€£]\s?(\d[\d,]*(?:\.\d+)?)(?![\w%])", _amount),
    ("amounts", r"(?<![\w.,-])(\d[\d,]*\.\d{2})(?![\w%]|\.\d)", _amount),
    # A whole number is an amount only where the words before it say so.
    (
        "amounts",
        (
            r"\b(?:is|are|of|by|to|pay|send|transfer|amount) (\d[\d,]*)"
            r"(?![\w%:-]|\.\d| [A-Z])"
        ),
        _amount,
    ),
)

# Quotation marks around anything, also around what has a type of its own.
_QUOTED = re.compile(r"(?<!\w)(?:'([^'\n]+)'|\"([^\"\n]+)\"|“([^”\n]+)”)(?!\w)")


def inputs(prompt: str) -> dict[str, list[Value]]:
    """The trusted inputs of a case, by type. Each type is there, also without values.

    >>> found = inputs("Send 12.00 of the 1,200 to b@shop.example on May 2nd, 2024.")
    >>> found["amounts"], found["emails"], found["dates"]
    ([12.0], ['b@shop.example'], ['2024-05-02'])
    >>> found = inputs("Pay 'bill 7.txt', rent is 950, at 10:30 on 2024-05-20; 5% off")
    >>> found["amounts"], found["times"], found["quoted"]
    ([950.0], ['10:30'], ['bill 7.txt'])
    >>> inputs("See www.shop.example/a, not DE89370400440532013000.")["urls"]
    ['www.shop.example/a']
    """
    found: dict[str, list[Value]] = {name: [] for name, _, _ in _SHAPES}
    rest = prompt
    for name, shape, read in _SHAPES:
        rest = _take(rest, re.compile(shape), read, found[name])
    found["quoted"] = list(_quoted(prompt))
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def _take(
    text: str, shape: re.Pattern[str], read: Callable[[str], Value], into: list[Value]
) -> str:
    def blank(match: re.Match[str]) -> str:
        try:
            into.append(read(match[1]))
        except ValueError:
            return match[0]
        # Something that belongs to no shape and joins no two parts.
        return match[0].replace(match[1], "\N{REPLACEMENT CHARACTER}")

    return shape.sub(blank, text)


def _quoted(text: str) -> Iterator[str]:
    for match in _QUOTED.finditer(text):
        yield next(group for group in match.groups() if group is not None)
