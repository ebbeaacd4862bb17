"""Differences between two keys, part by part and in words. It compares only the parts of the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedpipe.types.json_text import value_text

TEXT = 80


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a key that differs."""

    part: str
    """``source``, ``interface``, ``parameter``, ``input``, ``environment``, ``requirements``, ``python``, …"""
    text: str
    diff: Sequence[str] = ()
    because: Sequence[Change] = ()
    """Changes in other tasks that cause it."""
    inline: bool = False
    """The text already includes the cause."""


def set_key(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """A different key set by the user."""
    was, now = old.get("cache_key"), new.get("cache_key")
    if was != now:
        texts = [f"`{text}`" if text else "none" for text in (was, now)]
        yield Change("cache_key", f"the key of `set_caching_options`: {' → '.join(texts)}")


def interface_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Different inputs and outputs of the component."""
    from typedpipe.types.data import from_data
    from typedpipe.types.display import show

    for kind in ("inputs", "outputs"):
        was, now = ({row[0]: row[1:] for row in side.get("interface", {}).get(kind, [])} for side in (old, new))
        for name in dict.fromkeys([*was, *now]):
            if was.get(name) == now.get(name):
                continue
            if name not in was or name not in now:
                text = "was added" if name in now else "was removed"
            else:
                types = [show(from_data(row[1])) for row in (was[name], now[name])]
                text = " → ".join(types) if types[0] != types[1] else "is passed in a different way"
            yield Change("interface", f"{kind[:-1]} `{name}` of the component: {text}")


def environment_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Different declared environment variables. Values that may be secrets are stored only as digests."""
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if was != now:
            hidden = any(value is not None and value.startswith("sha256:") for value in (was, now))
            texts = ["not set" if value is None else repr(value) for value in (was, now)]
            what = "a different value" if hidden and None not in (was, now) else " → ".join(texts)
            what = "now set" if hidden and was is None else "no longer set" if hidden and now is None else what
            yield Change("environment", f"environment `{name}`: {what}")


_PLACES = {"python": "Python", "platform": "platform", "image": "image", "image_id": "image digest"}


def place_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Changes of the environment of the task; facts that only one of the two runs recorded are not changes."""
    for part in ("requirements", "packages"):
        if part in old and part in new and old[part] != new[part]:
            yield Change("requirements", f"requirements: {_requirements(old[part], new[part])}")
    was, now = old.get("contents", {}), new.get("contents", {})
    for name in [name for name in now if name in was and was[name] != now[name]]:
        yield Change("contents", f"the code of the package `{name}` changed")
    for part, name in _PLACES.items():
        if part in old and part in new and old[part] != new[part]:
            yield Change(part, f"{name} {old[part] or 'unknown'} → {new[part] or 'unknown'}")
    for part in ("command", "args"):
        if part in old and part in new and old[part] != new[part]:
            yield Change("command", "the command of the container changed", [f"- {old[part]}", f"+ {new[part]}"])
    if old.get("format") != new.get("format") and old and new:
        yield Change("format", "this version of typedpipe computes cache keys differently")


def _requirements(old: Sequence[str], new: Sequence[str]) -> str:
    was, now = ({text.partition("==")[0]: text.partition("==")[2] for text in side} for side in (old, new))
    found: list[str] = []
    for name in sorted({*was, *now}):
        if name not in was:
            found.append(f"{name} {now[name]} was added".replace("  ", " "))
        elif name not in now:
            found.append(f"{name} was removed")
        elif was[name] != now[name]:
            found.append(f"{name} {was[name]} → {now[name]}")
    return ", ".join(found) or "in a different order"


def shown_value(value: object) -> str:
    """A value, truncated if long."""
    text = value_text(value) if isinstance(value, str) else str(value)
    return text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"


def reordered(old: str, new: str) -> bool:
    """Whether two dicts have the same entries in a different order."""
    return old[:1] == "{" == new[:1] and len(old) == len(new) and sorted(old) == sorted(new)


def difference(old: Any, new: Any) -> str:
    """The difference between two artifacts, or two lists of them."""
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return f"{len(new)} item{'' if len(new) == 1 else 's'} instead of {len(old)}"
        at = next(index for index, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1])
        return f"{difference(old[at], new[at])} at item {at}"
    if not isinstance(old, dict) or not isinstance(new, dict):
        return "an artifact instead of none" if new else "no artifact instead of one"
    if old.get("content") != new.get("content"):
        return "different content"
    parts = {
        "metadata": "different metadata",
        "type": "a different type",
        "name": "a different name",
        "version": "a different version",
    }
    return next((text for part, text in parts.items() if old.get(part) != new.get(part)), "a different form")
