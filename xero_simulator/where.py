"""Xero's filter language, turned into a database filter.

    condition   = and_part { ("OR" | "||") and_part }
    and_part    = part { ("AND" | "&&") part }
    part        = "(" condition ")" | field operator value | field "." function "(" text ")"
    value       = text | number | "true" | "false" | "null" | DateTime(y,m,d) | guid("…")

There is no way to write a double quote inside a text; neither is there in Xero.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q

from xero_simulator.models.contacts import fold_accents


class WhereError(Exception):
    """The filter cannot be read."""


@dataclass(frozen=True)
class Field:
    lookup: str
    kind: str = "text"  # text, name, number, date, moment, guid, bool


_TOKEN = re.compile(
    r'\s*(?:(?P<text>"[^"]*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>==|!=|<=|>=|&&|\|\||[<>().,]))'
)
_COMPARE = {"==": "", "!=": "", "<": "__lt", ">": "__gt", "<=": "__lte", ">=": "__gte"}
_FUNCTIONS = {"contains": "__icontains", "startswith": "__istartswith", "endswith": "__iendswith"}


def compile_where(text: str, fields: Mapping[str, Field]) -> Q:
    """Return the filter; raise `WhereError` if it is no filter or names an unknown field."""
    return _Parser(_tokens(text), fields).parse()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise WhereError("Syntax error")
        found.append((str(match.lastgroup), match.group().strip()))
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], fields: Mapping[str, Field]) -> None:
        self._tokens = tokens
        self._fields = {name.lower(): field for name, field in fields.items()}
        self._at = 0

    def parse(self) -> Q:
        condition = self._condition()
        if self._at < len(self._tokens):
            raise WhereError("Syntax error")
        return condition

    def _condition(self) -> Q:
        return self._chain(("||", "or"), self._all, Q.__or__)

    def _all(self) -> Q:
        return self._chain(("&&", "and"), self._part, Q.__and__)

    def _chain(self, joints: tuple[str, ...], part: Callable[[], Q], join: Callable[[Q, Q], Q]) -> Q:
        whole = part()
        while self._peek().lower() in joints:
            self._next()
            whole = join(whole, part())
        return whole

    def _part(self) -> Q:
        if self._peek() == "(":
            self._next()
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Q:
        field, function = self._field()
        if function:
            self._expect("(")
            text = self._text()
            self._expect(")")
            needle = fold_accents(text) if field.kind == "name" else text
            return Q(**{field.lookup + _FUNCTIONS[function]: needle})
        sign = self._next()
        if sign not in _COMPARE:
            raise WhereError(f"Operator '{sign}' is not known")
        return _compare(field, sign, self._value(field))

    def _field(self) -> tuple[Field, str]:
        """Read a dotted name; return the field, and the function at its end if there is one."""
        names = [self._word()]
        while self._peek() == ".":
            self._next()
            names.append(self._word())
        function = names.pop().lower() if len(names) > 1 and names[-1].lower() in _FUNCTIONS else ""
        name = ".".join(names)
        if name.lower() not in self._fields:
            raise WhereError(f"No property or field '{name}' exists")
        return self._fields[name.lower()], function

    def _value(self, field: Field) -> Any:
        kind, token = self._take()
        if kind == "text":
            return _typed(field, token[1:-1])
        if kind == "number":
            return Decimal(token)
        match token.lower():
            case "true" | "false":
                return token.lower() == "true"
            case "null":
                return None
            case "datetime":
                return self._datetime(field)
            case "guid":
                self._expect("(")
                value = _guid(self._text())
                self._expect(")")
                return value
        raise WhereError(f"'{token}' is not a value")

    def _datetime(self, field: Field) -> dt.date:
        self._expect("(")
        numbers = [self._number()]
        while self._peek() == ",":
            self._next()
            numbers.append(self._number())
        self._expect(")")
        try:
            moment = dt.datetime(*numbers, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]
        except (TypeError, ValueError) as error:
            raise WhereError("DateTime(year, month, day) expected") from error
        return moment if field.kind == "moment" else moment.date()

    def _word(self) -> str:
        kind, token = self._take()
        if kind != "word":
            raise WhereError("Syntax error")
        return token

    def _text(self) -> str:
        kind, token = self._take()
        if kind != "text":
            raise WhereError("Text in double quotes expected")
        return token[1:-1]

    def _number(self) -> int:
        kind, token = self._take()
        if kind != "number" or not token.isdigit():
            raise WhereError("Number expected")
        return int(token)

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise WhereError(f"'{sign}' expected")

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise WhereError("Syntax error")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next(self) -> str:
        return self._take()[1]


def _typed(field: Field, text: str) -> Any:
    match field.kind:
        case "guid":
            return _guid(text)
        case "name":
            return fold_accents(text)
        case "text":
            return text
    raise WhereError(f"Text cannot be compared with {field.kind}")


def _guid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise WhereError(f"'{text}' is not a guid") from error


def _compare(field: Field, sign: str, value: Any) -> Q:
    if value is None:
        # Texts are never null in our columns.
        empty = Q(**{field.lookup: ""}) if field.kind in ("text", "name") else Q(**{f"{field.lookup}__isnull": True})
        condition = empty
    else:
        _check_kind(field, value)
        condition = Q(**{field.lookup + _COMPARE[sign]: value})
    return ~condition if sign == "!=" else condition


def _check_kind(field: Field, value: Any) -> None:
    kinds: dict[str, type | tuple[type, ...]] = {
        "text": str,
        "name": str,
        "number": Decimal,
        "date": dt.date,
        "moment": dt.datetime,
        "guid": uuid.UUID,
        "bool": bool,
    }
    if not isinstance(value, kinds[field.kind]):
        raise WhereError(f"{type(value).__name__} cannot be compared with {field.kind}")
