"""The page's own code is what its scripts do and what they call of the browser, and nothing else."""

from typing import Any

from bench.page import costs

URL = "http://127.0.0.1:8080/"


def node(id_: int, name: str, url: str, *children: int) -> dict[str, Any]:
    """One of a profile's call tree."""
    return {"id": id_, "callFrame": {"functionName": name, "url": url}, "children": list(children)}


def test_what_a_script_calls_is_its_own_and_idling_is_nobodys() -> None:
    nodes = [
        node(1, "(root)", "", 2, 3, 4),
        node(2, "(idle)", ""),
        node(3, "look", f"{URL}sdk/stats.js", 5, 6),
        node(4, "(garbage collector)", ""),
        node(5, "getStats", ""),
        node(6, "", f"{URL}page/call.js"),
        node(7, "elsewhere", "https://other.example/x.js"),
    ]
    nodes[0]["children"].append(7)
    profile = {"nodes": nodes, "samples": [2, 3, 5, 6, 4, 7], "timeDeltas": [900_000, 1000, 2000, 500, 300, 700]}
    assert {name: round(1e6 * took) for name, took in costs(profile, URL).items()} == {
        "(idle)": 900_000,
        "/sdk/stats.js look": 3000,
        "/page/call.js (anonymous)": 500,
        "(garbage collector)": 300,
        "elsewhere": 700,
    }
