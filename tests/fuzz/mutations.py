"""Mutations of plain trees and of bytes, for the fuzz of each kind of file."""

import copy
import random
from typing import Any


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Each container in a tree, once, with each of its keys."""
    found: list[tuple[Any, Any]] = []
    open_nodes, seen = [tree], set[int]()
    while open_nodes:
        node = open_nodes.pop()
        if id(node) in seen or not isinstance(node, dict | list):
            continue
        seen.add(id(node))
        items = list(node.items() if isinstance(node, dict) else enumerate(node))
        found += [(node, key) for key, _ in items]
        open_nodes += [value for _, value in reversed(items)]
    return found


def mutated_tree(tree: Any, draw: random.Random, odd: list[Any]) -> Any:
    """Remove, replace, repeat or move one to three values of a copy."""
    tree = copy.deepcopy(tree)
    for _ in range(draw.randint(1, 3)):
        node, key = draw.choice(places(tree) or [({0: 0}, 0)])
        way = draw.randrange(4)
        if way == 0 and isinstance(node, dict):
            del node[key]
        elif way == 1 and isinstance(node, dict):
            node[draw.choice(["_target_", "_partial_", "more", "step", "0"])] = copy.deepcopy(draw.choice(odd))
        elif way == 2:
            other, name = draw.choice(places(tree) or [({0: 0}, 0)])
            node[key] = copy.deepcopy(other[name])
        else:
            node[key] = copy.deepcopy(draw.choice(odd))
    return tree


def mutated_bytes(content: bytes, draw: random.Random) -> bytes:
    """Change, truncate or repeat bytes of a copy, or append NULs."""
    content, way = bytearray(content), draw.randrange(4)
    start = draw.randrange(max(1, len(content)))
    if way == 0:
        content = content[:start]
    elif way == 1:
        content += bytes(draw.randrange(1, 5000))
    elif way == 2:
        content[start:start] = content[start : start + draw.randrange(1, 400)]
    else:
        for _ in range(draw.randint(1, 20)):
            content[draw.randrange(max(1, len(content)))] = draw.randrange(256)
    return bytes(content)
