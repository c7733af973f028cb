"""An agent that Tollgate's authors did not write the client of: the official
Python package `mcp`, over streamable HTTP. Prints one line of JSON."""

import asyncio
import json
import os
import sys


def http_client(token):
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(headers=headers, trust_env=False, timeout=60)


def plain(result):
    """Of a result, what every version of the package can give."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


async def play(session):
    tools = [tool.name for tool in (await session.list_tools()).tools]
    found = plain(
        await session.call_tool(
            "database.lookup", {"query": "order", "params": {"order_id": 1042}}
        )
    )
    refund = {
        "statement": "refund",
        "params": {"order_id": 1042, "amount_cents": 12900, "reason": "broken"},
        "_tollgate": {"case": "ticket-9", "reason": "photos were sent"},
    }
    held = plain(await session.call_tool("database.execute", refund))
    about = held["structuredContent"]["_tollgate"]
    seen = plain(await session.call_tool("tollgate.run", {"run": about["run"]}))
    try:
        unknown = plain(await session.call_tool("database.nothing", {})).get("isError")
    except Exception:  # a protocol error is the other way to say no
        unknown = True
    return {
        "tools": tools,
        "found": found["structuredContent"]["rows"][0]["customer"],
        "held": about["state"],
        "run": about["run"],
        "seen": seen["structuredContent"]["state"],
        "unknown_is_an_error": bool(unknown),
    }


async def main(url, token):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with http_client(token) as http:
        async with streamable_http_client(url, http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                print(json.dumps(await play(session)))


asyncio.run(main(sys.argv[1], os.environ["TOLLGATE_TOKEN"]))
