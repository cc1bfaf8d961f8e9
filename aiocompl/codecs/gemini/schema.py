"""JSON Schemas made into the subset of OpenAPI's that models before Gemini 2.0 take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEPT: Final = frozenset(
    {
        "default",
        "description",
        "example",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "propertyOrdering",
        "required",
        "title",
    }
)
_FORMATS: Final = frozenset({"date-time", "double", "enum", "float", "int32", "int64"})


def json_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema for a field that takes JSON Schema: without ``$schema``, which is refused there."""
    return (
        {key: value for key, value in schema.items() if key != "$schema"} if "$schema" in schema else schema
    )


def openapi_schema(schema: Mapping[str, Any], *, param: str) -> dict[str, Any]:
    """The schema in OpenAPI's subset: references put in place, types in capitals, unknown keywords left out.

    Args:
        schema: A JSON Schema; it stays as it was.
        param: The parameter that it stands in, for the error.

    Raises:
        UnsupportedParamsError: The schema refers to itself, or to what it does not define.
    """
    return _Cleaner(schema, param).clean(schema, ())


class _Cleaner:
    def __init__(self, root: Mapping[str, Any], param: str) -> None:
        self._root = root
        self._param = param

    def clean(self, schema: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        if isinstance(reference := schema.get("$ref"), str):
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return self.clean(self._resolve(reference, within) | beside, (*within, reference))
        for part in schema.get("allOf") or ():
            schema = {**schema, **self.clean(part, within), "allOf": None}
        clean = {key: value for key, value in schema.items() if key in _KEPT}
        clean |= _type_of(schema.get("type"))
        if schema.get("format") in _FORMATS:
            clean["format"] = schema["format"]
        if (values := schema.get("enum") or ([schema["const"]] if "const" in schema else None)) is not None:
            clean["enum"] = [str(value) for value in values if value is not None]
            clean.setdefault("type", "STRING")
        if properties := schema.get("properties"):
            clean["properties"] = {name: self.clean(item, within) for name, item in properties.items()}
        if isinstance(items := schema.get("items"), Mapping):
            clean["items"] = self.clean(items, within)
        if options := schema.get("anyOf") or schema.get("oneOf"):
            self._options(clean, options, within)
        return clean

    def _options(
        self, clean: dict[str, Any], options: Sequence[Mapping[str, Any]], within: tuple[str, ...]
    ) -> None:
        """Alternatives; one of them null makes the rest nullable."""
        real = [self.clean(option, within) for option in options if option.get("type") != "null"]
        if len(real) < len(options):
            clean["nullable"] = True
        if len(real) == 1:
            clean |= {key: value for key, value in real[0].items() if key not in clean}
        elif real:
            clean["anyOf"] = real

    def _resolve(self, reference: str, within: tuple[str, ...]) -> dict[str, Any]:
        target: Any = self._root
        for name in reference.removeprefix("#/").split("/"):
            target = target.get(name) if isinstance(target, Mapping) else None
        if reference in within or not isinstance(target, Mapping):
            raise UnsupportedParamsError(
                f"{self._param}: this model takes no schema that refers to itself or elsewhere ({reference!r})",
                param=self._param,
            )
        return dict(target)


def _type_of(kind: object) -> dict[str, Any]:
    """OpenAPI's way to write a type or a list of types."""
    if isinstance(kind, str):
        return {"type": kind.upper()}
    if not isinstance(kind, (list, tuple)):
        return {}
    kinds = [item.upper() for item in kind if item != "null"]
    null: dict[str, Any] = {"nullable": True} if len(kinds) < len(kind) else {}
    if len(kinds) == 1:
        return null | {"type": kinds[0]}
    return null | {"anyOf": [{"type": item} for item in kinds]}
