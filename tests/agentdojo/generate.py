"""A manifest made of tool signatures and nothing else, by the defaults for classes
of effect: reads are allowed, everything else waits for a person.

One exception comes from a signature too: a read whose place is named by its caller,
by an argument that is an address of the web, carries words out. It is allowed only
to an address that the user named; to any other it waits for a person.

Written before the suites that it is for were looked at, and what it makes for them
has not changed since. Without the exception it shows what the exception is worth.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

ADDRESSES = frozenset({"address", "host", "link", "uri", "url", "website"})

HEAD = """\
# Made by generate.py from the signatures of the tools.
connector = {connector}
component = "sha256:{zeros}"
tenant = "acme"

[list.urls]
input = "urls"

[approval.owner]
approvers = ["group:owner"]
"""


def _rule(name: str, tools: Sequence[str], then: str, when: str | None = None) -> str:
    lines = ["", "[[rule]]", f"name = {json.dumps(name)}"]
    lines.append(f"tool = {json.dumps(list(tools))}")
    if when is not None:
        lines.append(f"when = {when}")
    lines.append(f"then = {then}")
    return "\n".join(lines) + "\n"


def manifest(
    suite: str, tools: Sequence[dict[str, Any]], addresses: Collection[str] = ADDRESSES
) -> str:
    """A manifest for a suite. `addresses` are names of arguments."""

    def named(tool: dict[str, Any]) -> list[str]:
        fields = tool["input_schema"].get("properties", {})
        return [field for field in sorted(fields) if field in addresses]

    held = '{ require = "owner" }'
    reads = [tool for tool in tools if tool["effect"] == "read"]
    plain = [tool["name"] for tool in reads if not named(tool)]
    writes = [tool["name"] for tool in tools if tool["effect"] != "read"]
    text = HEAD.format(connector=json.dumps(suite), zeros="0" * 64)
    if plain:
        text += _rule("reads", plain, '"allow"')
    for tool in reads:
        name = tool["name"]
        fields = named(tool)
        if not fields:
            continue
        known = [f'"input.{field}" = {{ known = "urls" }}' for field in fields]
        text += _rule(f"{name}-named", [name], '"allow"', f"{{ {', '.join(known)} }}")
        for field in fields:
            other = f'{{ "input.{field}" = {{ not = {{ known = "urls" }} }} }}'
            text += _rule(f"{name}-{field}", [name], held, other)
    if writes:
        text += _rule("writes", writes, held)
    return text
