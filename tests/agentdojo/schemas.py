"""What a suite's tools are, for `tollgate decide --schemas`: names, input schemas,
and a class of effect.

The class is taken from a tool's name alone, and only a read is believed: what is
not plainly a read is irreversible until an operator says otherwise, because no
signature says how a write is taken back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from agentdojo.functions_runtime import Function

READS = frozenset({"check", "count", "find", "get", "list", "read", "search", "show"})


def effect(name: str) -> str:
    return "read" if name.split("_", 1)[0] in READS else "irreversible"


def takes_text(tool: Mapping[str, Any]) -> bool:
    """Whether the caller's own words are among a tool's arguments."""
    return any(map(_is_text, tool["input_schema"].get("properties", {}).values()))


def _is_text(schema: Mapping[str, Any]) -> bool:
    either = (*schema.get("anyOf", ()), schema.get("items", {}))
    return schema.get("type") == "string" or any(map(_is_text, filter(None, either)))


def tools(
    functions: Iterable[Function], classes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One entry a tool. `classes` are an operator's own words about some of them."""
    return [
        {
            "name": function.name,
            "input_schema": function.parameters.model_json_schema(),
            "effect": classes.get(function.name, effect(function.name)),
        }
        for function in functions
    ]
