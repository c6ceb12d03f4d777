"""TOML that a person wrote, checked against a model: an error names the file, the line and the key."""

import difflib
import itertools
import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import TooLargeError, read_regular_text

LARGEST_BYTES = 1_000_000
Key = str | int
HEADER = re.compile(r"\s*(\[{1,2})\s*([^\]]+?)\s*\]{1,2}")
ASSIGNMENT = re.compile(r"\s*([^=#]+?)\s*=")


class Table(BaseModel):
    """A table that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


Tables = TypeVar("Tables", bound=Table)


def read_toml_text(path: Path, what: str, option: str) -> str:
    """The text of this file. what: as the user calls it. Raises UserError that tells to check ``option``."""
    try:
        return read_regular_text(path, LARGEST_BYTES)
    except TooLargeError:
        raise UserError(f"{path}: too large for {what}; give a TOML file of under 1 MB") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file; give a TOML file in UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check {option}") from None


def parse_tables(model: type[Tables], text: str, where: str) -> Tables:
    """The tables in this TOML text; ``where`` names it in errors. Raises UserError."""
    try:
        return model.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise UserError(_explain(model, error, text, where)) from None
    except RecursionError:
        raise UserError(f"{where}: not valid TOML: nested too deeply; fix this line") from None
    except ValueError as error:  # also of a number with thousands of digits
        raise UserError(f"{where}: not valid TOML: {str(error)[:200]}; fix this line") from None


def _explain(model: type[Table], error: ValidationError, text: str, where: str) -> str:
    # The input is left out of the message: it may be a secret in the wrong place.
    first = error.errors(include_url=False, include_input=False)[0]
    keys = first["loc"]
    line = _line_of(text, keys)
    place = f"{where}, line {line}" if line else where
    words = [f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in keys]
    name = ascii("".join(words).lstrip(".") or "the file").strip("'\"")
    if first["type"] == "extra_forbidden":
        known = list(_known_keys(model, keys))
        near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.0)
        return f"{place}: unknown key {name}; the nearest known key is {near[0]} (of {', '.join(known)})"
    if first["type"] == "missing":
        return f"{place}: {name} is missing; add it"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {name}: {reason[:1].lower()}{reason[1:]}"


def _known_keys(model: type[Table], keys: tuple[Key, ...]) -> Iterator[str]:
    """The keys of the table that the last of these keys stands in."""
    annotation: Any = model
    for key in keys[:-1]:
        table = _table_in(annotation)
        annotation = table.model_fields[str(key)].annotation if table and str(key) in table.model_fields else annotation
    found = _table_in(annotation)
    yield from found.model_fields if found else ()


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The first model in an annotation such as ``tuple[Model, ...]``, ``dict[str, Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _table_in(part))), None)


def _line_of(text: str, keys: tuple[Key, ...]) -> int | None:
    """The line of the key, or of the innermost table on the way to it that is written out."""
    named = _named(keys)
    best, found = 0, None
    for number, path in _written(text, keys):
        depth = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(path, named, strict=False))))
        if depth > best:
            best, found = depth, number
    return found


def _written(text: str, keys: tuple[Key, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and full name of each table and key that may be the one meant: of several [[tables]] the right one's."""
    array, wanted = keys[:1], keys[1] if len(keys) > 1 and isinstance(keys[1], int) else 0
    table: tuple[str, ...] = ()
    seen, meant = -1, True
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = _parts(header[2])
            listed = header[1] == "[[" and table == array
            seen += listed
            meant = not listed or seen == wanted
            if meant:
                yield number, table
        elif meant and (assignment := ASSIGNMENT.match(line)) and table == _named(keys)[: len(table)]:
            yield number, table + _parts(assignment[1])


def _named(keys: tuple[Key, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if isinstance(key, str))


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
