"""A minimal pipeline that needs no third-party packages and finishes in a second.

typedpipe run examples/hello.py --name you --shout
"""

from typing import NamedTuple

from typedpipe import Collected, If, ParallelFor, component, pipeline


class Counted(NamedTuple):
    words: int
    letters: int


@component
def greet(name: str, times: int = 1, shout: bool = False) -> str:
    text = ", ".join([f"hello {name}"] * times)
    return text.upper() if shout else text


@component
def count(text: str) -> Counted:
    print("counting", repr(text))
    return Counted(words=len(text.split()), letters=sum(c.isalpha() for c in text))


@component
def longest(texts: list[str]) -> str:
    return max(texts, key=len)


@component
def celebrate(words: int) -> None:
    print("so many words:", words)


class Hello(NamedTuple):
    text: str
    words: int


@pipeline
def hello(name: str = "world", times: list[int] = [1, 2, 3], shout: bool = False) -> Hello:
    """Greet somebody a few times, and keep the longest greeting."""
    with ParallelFor(times) as n:
        one = greet(name=name, times=n, shout=shout)
    best = longest(texts=Collected(one.output))
    counted = count(text=best.output)
    with If(counted.outputs.words > 5):
        celebrate(words=counted.outputs.words)
    return Hello(text=best.output, words=counted.outputs.words)
