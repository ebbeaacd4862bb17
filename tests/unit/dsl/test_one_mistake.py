"""One mistake, one error: whatever follows from a mistake is not reported, and what does not follow from it is."""

from __future__ import annotations

import ast

import pytest

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.dsl.tracing import collecting

HEAD = """
from typing import NamedTuple, Optional
from typedpipe import dsl, component, pipeline, Model, Input, Output
class Two(NamedTuple):
    a: int
    b: str
@component
def add(a: int, b: int = 2) -> int: return a + b
@component
def say(s: str) -> str: return s
@component
def two() -> Two: return Two(1, "x")
@component
def make() -> Model: return Model()
@component
def use(m: Input[Model]) -> int: return 1
@component
def seq() -> list[int]: return [1]
@component
def tot(xs: list[int]) -> int: return 1
@component
def status(s: dsl.PipelineTaskFinalStatus = dsl.STATUS) -> None: ...
"""

ONE = """
# TP165
def main(n: int = 1) -> int:
    with dsl.If(n > 1):
        return add(a=1).output
    return add(a=2).output
# TP165
def main(n: int = 1) -> int:
    b = add(a=2)
    with dsl.If(n > 1):
        return b.output
# TP165
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        return add(a=i).output
# TP165
def main(n: int = 1) -> int:
    with dsl.If(n > 1):
        return
    return add(a=2).output
# TP166
def main(n: int = 1) -> str:
    best = 'a'
    with dsl.If(n > 1):
        best = 'b'
    return say(s=best).output
# TP310
def main(n: int = 1) -> int:
    best = add(a=1)
    with dsl.If(n > 1):
        best = add(a=2)
    return best.output
# TP161
def main(n: Optional[int] = None) -> int:
    with dsl.If(n is None):
        add(a=1)
    return add(a=2).output
# TP161
def main(n: Optional[int] = None) -> int:
    with dsl.If(n is not None):
        add(a=n)
    return add(a=2).output
# TP203
def main(n: Optional[bool] = None) -> int:
    with dsl.If(n):
        add(a=1)
    return add(a=2).output
# TP161
def main() -> int:
    with dsl.If(add(a=1)):
        add(a=1)
    return add(a=2).output
# TP203
def main() -> int:
    with dsl.If(add(a=1).output):
        add(a=1)
    return add(a=2).output
# TP162
def main(n: int = 1) -> int:
    with dsl.Else():
        add(a=1)
    return add(a=2).output
# TP162
def main(n: int = 1) -> int:
    with dsl.Elif(n > 1):
        b = add(a=1)
    with dsl.Else():
        c = add(a=1)
    return dsl.OneOf(b.output, c.output)
# TP164
def main() -> list[str]:
    with dsl.ParallelFor('abc') as i:
        t = say(s=i)
    return dsl.Collected(t.output)
# TP164
def main() -> list[int]:
    with dsl.ParallelFor(seq()) as i:
        t = add(a=i)
    return dsl.Collected(t.output)
# TP164
def main() -> list[int]:
    with dsl.ParallelFor({'a': 1}) as i:
        t = add(a=i)
    return dsl.Collected(t.output)
# TP205
def main(n: int = 1) -> list[int]:
    with dsl.ParallelFor(n) as i:
        t = add(a=i)
    return dsl.Collected(t.output)
# TP151
def main() -> list[int]:
    for i in seq().output:
        t = add(a=i)
    return [t.output]
# TP168
def main() -> int:
    with dsl.ExitHandler(add):
        add(a=1)
    return add(a=2).output
# TP168
def main() -> int:
    e = add(a=1)
    with dsl.ExitHandler(e):
        add(a=1)
    with dsl.ExitHandler(e):
        add(a=1)
    return add(a=2).output
# TP163
def main(n: int = 1) -> int:
    dsl.If(n > 1)
    return add(a=2).output
# TP163
def main(n: int = 1) -> int:
    x = dsl.If(n > 1)
    with x: add(a=1)
    with x: add(a=2)
    return add(a=2).output
# TP163
def main(n: int = 1) -> int:
    x = dsl.ParallelFor([1])
    with x as i: add(a=i)
    with x as i: add(a=i)
    return add(a=2).output
# TP202
def main() -> int:
    return two().outputs
# TP118
def main() -> Two:
    return two()
# TP202
def main() -> list[int]:
    return add(a=1).output
# TP118
def main() -> Two:
    return add(a=1).output, 'x'
# TP310
def main(n: int = 1) -> int:
    with dsl.If(n > 1):
        t = add(a=1)
    return t.output
# TP310
def main(n: int = 1) -> int:
    with dsl.If(n > 1):
        t = add(a=1)
    return add(a=t.output).output
# TP310
def main(n: int = 1) -> str:
    with dsl.If(n > 1):
        t = add(a=1)
    return say(s=f'{t.output}').output
# TP201
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        with dsl.If(i > 1):
            t = add(a=1)
    return tot(xs=dsl.Collected(t.output)).output
# TP201
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        with dsl.ParallelFor([1,2]) as j:
            t = add(a=j)
    return tot(xs=dsl.Collected(t.output)).output
# TP312
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        t = add(a=i)
        tot(xs=dsl.Collected(t.output))
    return add(a=1).output
# TP311
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        t = add(a=i)
    return tot(xs=[t.output]).output
# TP311
def main(n: int = 1) -> str:
    with dsl.ParallelFor([1,2]) as i:
        t = add(a=i)
    return say(s=f'{t.output}').output
# TP311
def main(n: int = 1) -> str:
    with dsl.ParallelFor([1,2]) as i:
        t = add(a=i)
    with dsl.If(t.output == 'x'):
        add(a=1)
    return say(s='x').output
# TP311
@component
def uses(ms: Input[list[Model]]) -> int: return 1
@pipeline
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        t = make()
    return uses(ms=t.output).output
# TP311
@component
def yes() -> bool: return True
@pipeline
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        t = yes()
    with dsl.If(t.output):
        add(a=1)
    return add(a=1).output
# TP311
def main(n: int = 1):
    with dsl.ParallelFor([1,2]) as i:
        t = add(a=i)
    with dsl.ParallelFor(t.output) as j:
        add(a=j)
# TP208
def main(n: Optional[list[int]] = None) -> int:
    return add(a=n[0]).output
# TP156
def main(n: Optional[dict[str, int]] = None) -> int:
    return add(a=n['x']).output
# TP156
def main(n: Two = Two(1, 'x')) -> int:
    return add(a=n.c).output
# TP209
def main() -> str:
    return say(s=f'{make().output}').output
# TP167
def main() -> str:
    return say(s=make().output.path).output
# TP167
def main() -> str:
    return say(s=f'{make().output.uri}').output
# TP167
def main() -> int:
    return add(a=make().output.metadata['n']).output
# TP111
def main() -> int:
    return use().output
# TP110
def main() -> int:
    return use(model=make().output).output
# TP113
def main() -> int:
    return add(1, 2, 3).output
# TP117
def main() -> int:
    return add(a=1).set_memry_limit('1G').output
# TP117
def main() -> int:
    return add(a=1).set_retry('x').output
# TP117
def main() -> int:
    t = add(a=1)
    return add(a=1).after(t.output).output
# TP150
def main(n: int = 1) -> int:
    with dsl.If(n > 1 and n < 3):
        add(a=1)
    return add(a=2).output
# TP150
def main(n: bool = True) -> int:
    with dsl.If(not n):
        add(a=1)
    return add(a=2).output
# TP153
def main(n: list[int] = [1]) -> int:
    with dsl.If(3 in n):
        add(a=1)
    return add(a=2).output
# TP150
def main(n: int = 1) -> int:
    with dsl.If(n in [1,2]):
        add(a=1)
    return add(a=2).output
# TP157
def main(n: int = 1) -> int:
    with dsl.If(n > 1 & n < 3):
        add(a=1)
    return add(a=2).output
# TP150
def main(n: int = 1) -> int:
    with dsl.If(1 < n < 3):
        add(a=1)
    return add(a=2).output
# TP156
def main(s: str = 'x') -> str:
    return say(s=s.upper()).output
# TP155
def main(n: int = 1) -> int:
    return add(a=n + 1).output
# TP103
@component
def c(n) -> int: return n
@pipeline
def main() -> str:
    return say(s=c(m=1).output).output
# TP137
X = object()
@component
def c(n: int) -> int: return X
@pipeline
def main() -> str:
    return say(s=c(m=1).output).output
# TP114
def main() -> int:
    return use(m=Model()).output
# TP201
def main() -> int:
    return add(a=make().output).output
# TP201
def main() -> int:
    return use(m=add(a=1).output).output
# TP118
def main(m: Output[Model]) -> int:
    return use(m=m).output
# TP103
def main(n) -> int:
    with dsl.If(n > 1):
        add(a=n)
    return add(a=n).output
# TP103
def main(*n: int) -> int:
    return add(a=1).output
# TP212
def main(n: int = 1) -> int:
    return add(a=1).set_env('A', n).output
# TP119
def main(n: int = 1) -> str:
    import json
    return say(s=json.dumps({'a': add})).output
# TP161
def main(n: int = 1) -> int:
    return add(a=dsl.Some(n, 2)).output
# TP161
def main(n: int = 1) -> int:
    with dsl.IfSet(n) as m:
        add(a=m)
    return add(a=2).output
# TP310
def main(n: Optional[int] = None) -> int:
    with dsl.IfSet(n) as m:
        add(a=m)
    return add(a=m).output
# TP313
def main(n: int = 1) -> int:
    with dsl.If(n > 1):
        a = add(a=1)
    return dsl.OneOf(a.output)
# TP170
def main(n: int = 1) -> int:
    with dsl.If(n > 1):
        a = add(a=1)
    with dsl.Else():
        b = add(a=1)
    return dsl.OneOf(a, b)
# TP206
def main(n: int = 1) -> str:
    with dsl.If(n > 1):
        a = add(a=1)
    with dsl.Else():
        b = say(s='x')
    return say(s=dsl.OneOf(a.output, b.output)).output
# TP170
def main(n: int = 1) -> int:
    with dsl.ParallelFor([1,2]) as i:
        t = add(a=i)
    return tot(xs=dsl.Collected(t)).output
# TP170
def main() -> int:
    with dsl.If(dsl.Not(True)):
        add(a=1)
    return add(a=2).output
# TP170
def main() -> int:
    with dsl.If(dsl.In(1, [1,2])):
        add(a=1)
    return add(a=2).output
# TP213
def main(s: str = 'x') -> int:
    with dsl.If(dsl.In(s, [1,2])):
        add(a=1)
    return add(a=2).output
# TP215
def main(n: int = 1) -> int:
    return use(m=dsl.importer(n, Model).output).output
# TP100
@pipeline
def sub(n: int) -> 'Foo':
    return add(a=n).output
@pipeline
def main(n: int = 1) -> str:
    return say(s=sub(n=n).output).output
# TP100
@pipeline
def sub(n: 'Foo') -> int:
    return add(a=n).output
@pipeline
def main(n: int = 1) -> int:
    return add(a=sub(n=n).output).output
# TP116
@pipeline
def sub(n: int):
    add(a=n)
@pipeline
def main(n: int = 1) -> int:
    return add(a=sub(n=n).output).output
# TP116
@component
def c(n: int):
    print(n)
@pipeline
def main(n: int = 1) -> int:
    return add(a=c(n=n).output).output
# TP105
@component
def c(Output: dsl.OutputPath[int]) -> int:
    return 1
@pipeline
def main(n: int = 1) -> int:
    return c().output
# TP137
@component
def c(s: str, more: list[str]) -> str: return s + X
@pipeline
def main(n: int = 1) -> str:
    done = c(f'{n}', more=[f'{n}']).set_env_variable('N', f'{n}').set_display_name('d')
    with dsl.If(done.output == f'{n}'):
        say(s=done.output)
    return say(s=f'{done.output} {n}').output
# TP103
@component
def c(s) -> str: return s
@pipeline
def main(n: int = 1) -> str:
    return c(s={'a': f'{n}'}).output
# TP116
@pipeline
def sub(s: str):
    say(s=s)
@pipeline
def main(n: int = 1) -> str:
    return say(s=sub(s=f'{n}').output).output
# TP110
def main(n: int = 1) -> str:
    return say(s='x', t=f'{n}').output
# TP110
def main(n: int = 1) -> str:
    return say(t=f'{n}').output
# TP113
def main(n: int = 1) -> str:
    return say('x', f'{n}').output
# TP112
@component
def c(n: int, o: dsl.OutputPath[str]) -> None: ...
@pipeline
def main(n: int = 1) -> str:
    return c(n=n, o=f'{n}').outputs.o
# TP113
def main(n: int = 1) -> str:
    return say(f'{n}', s='x').output
# TP117
def main(n: int = 1) -> str:
    return say(s='x').set_memory_limt(f'{n}G').output
# TP114
def main(n: int = 1) -> str:
    return say(s=[f'{n}', {1}]).output
# TP115
def main(n: int = 1) -> str:
    return say(s='x').outputs.nothing.format(f'{n}')
# TP114
def main(n: int = 1) -> int:
    return use(m=dsl.importer(f'{n}', str).output).output
"""
"""Programs with one mistake each, below the code of its error; ``@pipeline`` is left out before a ``main``."""


def programs() -> list[tuple[str, str]]:
    found = []
    for part in ("\n" + ONE.strip()).split("\n# ")[1:]:
        code, _, text = part.partition("\n")
        found.append((code, text if "@pipeline" in text else text.replace("def main(", "@pipeline\ndef main(", 1)))
    return found


@pytest.mark.parametrize(("code", "text"), programs())
def test_one_mistake_is_one_error(program, code, text):
    found = program(HEAD + text, prelude=False)
    assert found.codes == [code], found.printed


WHOLE = """
@pipeline
def main(n: int = 1, s: str = "a", maybe: Optional[int] = None) -> int:
    first = add(a=n)
    text = say(s=f"{s}-{first.output}")
    with dsl.If(first.output > 1):
        left = add(a=1)
        say(s=f"{left.output}")
    with dsl.Else():
        right = add(a=2)
    with dsl.IfSet(maybe) as given:
        add(a=given)
    with dsl.ParallelFor([1, 2]) as item:
        square = add(a=item)
        with dsl.If(item > 1):
            with dsl.ParallelFor(seq().output) as inner:
                deep = add(a=inner)
            tot(xs=dsl.Collected(deep.output))
    end = status()
    with dsl.ExitHandler(end):
        trained = make()
        use(m=trained.output)
    last = tot(xs=dsl.Collected(square.output)).after(text)
    return dsl.OneOf(left.output, right.output)
"""


def statements() -> list[tuple[int, str]]:
    """Each line of WHOLE that starts a statement of the function, with its indentation."""
    tree = ast.parse(WHOLE)
    nodes = [node for node in ast.walk(tree.body[0]) if isinstance(node, ast.stmt) and node is not tree.body[0]]
    return sorted({(node.lineno, " " * node.col_offset) for node in nodes})


def cut(line: int, *inserted: str) -> str:
    lines = WHOLE.splitlines()
    return HEAD + "\n".join([*lines[: line - 1], *inserted, *lines[line - 1 :]])


def test_the_whole_is_right(program):
    assert program(HEAD + WHOLE, prelude=False).codes == []


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("if n > 3: pass", "TP150"),
        ("for x in seq().output: pass", "TP151"),
        ("len(seq().output)", "TP152"),
        ("3 in seq().output", "TP153"),
        ("int(n)", "TP154"),
        ("nothing()", "TP119"),
        ("raise ValueError('no')", "TP119"),
        ("{}['no']", "TP119"),
        ("dsl.If()", "TP119"),
        ("with dsl.Elif(n > 1): pass", None),
        ("n + 1", "TP155"),
        ("n[1:]", "TP154"),
        ("n['a'] = 1", "TP154"),
    ],
)
def test_what_was_written_before_the_end_of_tracing_is_checked_and_the_rest_not_missed(program, ends, code):
    """Tracing ends at each statement: nothing is reported as a consequence, and an earlier mistake is not hidden."""
    for line, indent in statements():
        found = program(cut(line, indent + ends), prelude=False)
        expected = found.codes if code is None else [code]
        assert len(found.codes) <= 1, found.printed
        assert found.codes == expected, found.printed
        assert "TP902" not in found.codes
        found = program(cut(line, f"{indent}add(a='x')", indent + ends), prelude=False)
        assert sorted(found.codes) == sorted(["TP201", *expected]), found.printed


RETURNS = """
class Pair(NamedTuple):
    model: Model
    score: float
@component
def pair(n: int = 1) -> Pair: return Pair(Model(), nothing)
@component
def takes(ms: Input[list[Model]], scores: list[float]) -> float: return scores[0]
@component
def chooses() -> bool: return nothing
@pipeline
def whole() -> Pair: return pair().outputs
@pipeline
def by_field() -> Pair: return Pair(pair().outputs.model, pair().outputs.score)
@pipeline
def unpacked() -> Pair: return Pair(*pair().outputs)
@pipeline
def artifact() -> Model: return pair().outputs.model
@pipeline
def nested() -> Pair: return whole().outputs
@pipeline
def collected() -> list[Model]:
    with dsl.ParallelFor([1]) as n:
        each = pair(n=n)
    takes(ms=dsl.Collected(each.outputs.model), scores=dsl.Collected(each.outputs.score))
    return dsl.Collected(each.outputs.model)
@pipeline
def one_of(n: int = 1) -> Model:
    with dsl.If(n > 1):
        left = pair()
    with dsl.Else():
        right = make()
    return dsl.OneOf(left.outputs.model, right.output)
@pipeline
def condition(n: int = 1) -> None:
    with dsl.If(chooses().output & (n > 1)):
        make().set_memory_limit(f"{pair().outputs.score}G")
"""


def test_what_uses_a_component_with_an_error_is_no_further_error(program):
    found = program(HEAD + RETURNS, prelude=False)
    assert found.codes == ["TP137", "TP137"], found.printed
    assert program(HEAD + RETURNS.replace("nothing", "1.0"), prelude=False).codes == []


def test_errors_before_the_end_of_tracing_are_also_raised_without_the_driver():
    from typedpipe import dsl
    from typedpipe.diagnostics.errors import PipelineError

    @dsl.component
    def words(n: int) -> int:
        return n

    with pytest.raises(PipelineError) as caught:

        @dsl.pipeline
        def main(n: int = 1) -> None:
            words(n="4")  # type: ignore[arg-type]
            if n > 3:
                words(n=n)

    assert [item.code for item in caught.value.diagnostics] == ["TP150", "TP201"]


def test_a_pipeline_with_errors_is_not_run_or_compiled_by_its_own_file(tmp_path):
    """Under the driver its decoration does not raise: the handle exists, but has no IR."""
    from typedpipe import dsl
    from typedpipe.diagnostics.errors import PipelineError

    @dsl.component
    def add(a: int) -> int:
        return a

    with collecting(Diagnostics()) as found:

        @dsl.pipeline
        def main(n: int = 1) -> None:
            add(b=n)  # type: ignore[call-arg]

    assert [handle.ir for handle in found.pipelines] == [None]
    with pytest.raises(PipelineError, match="TP392"):
        main.compile(str(tmp_path / "out.yaml"))
