"""A small check of JSON against a JSON Schema: the keywords that structured outputs know; others are passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiocompl.types.shapes import MisfitError, kind_of

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def check(value: Any, schema: Any, root: Any, where: str = "") -> None:
    """Find out whether a value of parsed JSON fits.

    Args:
        value: The value.
        schema: Its schema; what is no mapping allows anything.
        root: The whole schema, which references lead into.
        where: The value's path.

    Raises:
        MisfitError: It does not.
    """
    if not isinstance(schema, Mapping):
        return
    if isinstance(reference := schema.get("$ref"), str):
        check(value, _resolved(reference, root), root, where)
    _check_value(value, schema, where)
    for part in _schemas(schema.get("allOf")):
        check(value, part, root, where)
    for key in ("anyOf", "oneOf"):
        options = _schemas(schema.get(key))
        if options and not any(_fits(value, option, root) for option in options):
            raise MisfitError(where, "fits none of the alternatives")
    if isinstance(value, dict):
        _check_object(value, schema, root, where)
    elif isinstance(value, list):
        _check_array(value, schema, root, where)


def _fits(value: Any, schema: Any, root: Any) -> bool:
    try:
        check(value, schema, root)
    except MisfitError:
        return False
    return True


def _check_value(value: Any, schema: Mapping[str, Any], where: str) -> None:
    kinds = schema.get("type")
    if isinstance(kinds, str):
        kinds = [kinds]
    if isinstance(kinds, Sequence) and not any(_is_of(value, kind) for kind in kinds):
        raise MisfitError(where, f"must be of type {' or '.join(map(str, kinds))}, not {kind_of(value)}")
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, Sequence) and not any(_same(value, allowed) for allowed in values):
        raise MisfitError(where, "is none of the values allowed")


def _is_of(value: Any, kind: object) -> bool:
    types = _TYPES.get(kind) if isinstance(kind, str) else None
    if types is None or type(value) in types:
        return True
    return kind == "integer" and isinstance(value, float) and value.is_integer()


def _same(value: Any, allowed: Any) -> bool:
    return bool(value == allowed) and isinstance(value, bool) is isinstance(allowed, bool)


def _check_object(value: dict[str, Any], schema: Mapping[str, Any], root: Any, where: str) -> None:
    prefix = f"{where}." if where else ""
    for name in _schemas(schema.get("required")):
        if name not in value:
            raise MisfitError(f"{prefix}{name}", "is missing")
    properties = schema.get("properties")
    known: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
    rest = schema.get("additionalProperties")
    for name, item in value.items():
        if name not in known and rest is False:
            raise MisfitError(f"{prefix}{name}", "is not among the properties")
        check(item, known.get(name, rest), root, f"{prefix}{name}")


def _check_array(value: list[Any], schema: Mapping[str, Any], root: Any, where: str) -> None:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if (isinstance(least, int) and len(value) < least) or (isinstance(most, int) and len(value) > most):
        raise MisfitError(where, f"has {len(value)} items")
    for index, item in enumerate(value):
        check(item, schema.get("items"), root, f"{where}[{index}]")


def _schemas(value: Any) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _resolved(reference: str, root: Any) -> Any:
    """What a reference within the schema leads to; None, which allows anything, where it leads elsewhere."""
    target = root
    for name in reference.removeprefix("#").split("/"):
        if name:
            target = target.get(name) if isinstance(target, Mapping) else None
    return target
