"""Random programs: constructs nested in each other, options, artifacts, failures, and values that are hard to carry."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.combinations.programs import (
    At,
    Branch,
    Call,
    Coll,
    Expr,
    Handler,
    Item,
    Lit,
    Loop,
    Many,
    One,
    Op,
    Out,
    Param,
    Pipeline,
    Program,
    SetBranch,
    SomeOf,
    Stmt,
    Text,
)

VALUES: dict[str, list[object]] = {
    "int": [0, 1, 2, -7, 1234567, 2**53 + 1, 10**20],
    "float": [0.5, 1.0, -0.0, 1e20, 1e-7, 12345678.0],
    "bool": [True, False],
    "str": ["a", "12", "null", "[1]", '"q"', "", "True", "yes", "a b", "{{x}}", "$(A) $$", "ü\n2", '{"$tp": 1}', "'"],
    "list[int]": [[1, 2], [3], [2**53 + 1, 0]],
    "list[str]": [["12", "null"], ["a"], ["[1]", "", '"q"']],
    "dict[str, int]": [{"k": 1, "a": 2}, {"k": 2**53 + 1, "$tp": 3}],
    "dict[str, str]": [{"k": "12", "b": "x"}, {"k": "null", "$tp": "y"}],
}
MAKERS = {
    "int": "num",
    "float": "real",
    "bool": "flag",
    "str": "word",
    "list[int]": "nums",
    "list[str]": "words",
    "dict[str, int]": "table",
    "dict[str, str]": "texts",
}
ITEM_OF = {"list[int]": "int", "list[str]": "str", "dict[str, int]": "int", "dict[str, str]": "str"}
SCALARS = ("int", "float", "bool", "str")
IGNORING = {"int": "num_or", "str": "word_or", "str | None": "none_or"}
DEPTH = 4


@dataclass
class Block:
    """A block that is being written: values that its statements can use, and tasks that ``after`` may name."""

    depth: int
    values: list[Expr] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    shaky: list[Out] = field(default_factory=list)
    """Outputs of this block's tasks that may have failed."""

    def inner(self) -> Block:
        return Block(self.depth + 1, list(self.values), list(self.tasks))


def generate(seed: int) -> Program:
    """The program of a seed."""
    return _Maker(random.Random(seed), seed).program()


class _Maker:
    def __init__(self, rng: random.Random, seed: int) -> None:
        self.rng = rng
        self.seed = seed
        self.count = 0
        self.left = 0
        self.pipelines: list[Pipeline] = []
        self.failing = rng.random() < 0.5

    def program(self) -> Program:
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            self.pipelines.append(self.pipeline(f"sub{len(self.pipelines)}", 4, inside=True))
        self.pipelines.append(self.pipeline("main", self.rng.randint(5, 9), inside=False))
        return Program(self.seed, self.pipelines)

    def pipeline(self, name: str, size: int, *, inside: bool) -> Pipeline:
        block = Block(1 if inside else 0)
        params: list[tuple[str, str, Lit | None]] = []
        for at in range(self.rng.randint(0, 2)):
            type_ = self.rng.choice(["int", "str", "bool", "float", "list[str]"])
            params.append((f"p{at}", type_, self.literal(type_)))
            block.values.append(Param(type_, f"p{at}"))
        if inside and self.chance(0.4):
            params.append(("d", "Input[Dataset] | None", Lit("None", None)))
            block.values.append(Param("Dataset | None", "d"))
        self.left = size
        body = self.block(block)
        result = self.value(block, self.rng.choice(("str", "str", *SCALARS))) if self.chance(0.7) else None
        return Pipeline(name, params, body, result)

    # ------------------------------------------------------------------------------------------- statements

    def block(self, block: Block) -> list[Stmt]:
        body: list[Stmt] = []
        known = len(block.values)
        for _ in range(self.rng.randint(1, 3) if block.depth else self.rng.randint(3, 6)):
            if self.left <= 0 and body:
                break
            self.left -= 1
            self.statement(block, body)
        made = [value for value in block.values[known:] if "Dataset" not in value.type]
        for value in self.rng.sample(made, min(len(made), 2 if block.depth else 4)):
            self.shown(block, body, value)
        return body

    def statement(self, block: Block, body: list[Stmt]) -> None:
        kinds = ["make"] * 4 + ["show"] * 3 + ["artifact", "artifact", "env"]
        if self.failing:
            kinds += ["fail"] * 2
        if block.depth < DEPTH:
            kinds += ["branch", "branch", "loop", "loop", "set", "handler"]
        if len(self.pipelines) and block.depth <= 2:
            kinds.append("sub")
        getattr(self, "make_" + self.rng.choice(kinds))(block, body)

    def make_make(self, block: Block, body: list[Stmt]) -> None:
        type_ = self.rng.choice([*MAKERS, "str | None"])
        if type_ == "str | None":
            there = self.value(block, "bool")
            self.task(block, body, "maybe", {"v": self.value(block, "str"), "there": there}, type_)
        else:
            self.task(block, body, MAKERS[type_], {"v": self.value(block, type_)}, type_)

    def make_show(self, block: Block, body: list[Stmt]) -> None:
        shaky = [out for out in block.shaky if out.type in IGNORING]
        if shaky and self.chance(0.7):
            out: Expr = self.rng.choice(shaky)
            if out.type in ("int", "str") and self.chance(0.4):
                out = Text("str", (self.rng.choice(["", "x=", '"']), out))
            type_ = "int" if out.type == "int" else "str"
            call = self.task(block, body, IGNORING[out.type], {"v": out}, type_)
            call.ignore = True
            if self.chance(0.3):
                call.after.append(self.rng.choice(block.shaky).task)
        self.shown(block, body, self.any_value(block))

    def shown(self, block: Block, body: list[Stmt], value: Expr) -> Call:
        name = self.name("s")
        call = Call(name, "show", {"label": Lit("str", name), "v": value})
        self.order(block, call)
        body.append(call)
        return call

    def make_artifact(self, block: Block, body: list[Stmt]) -> None:
        data = [value for value in block.values if value.type == "Dataset"]
        maybe = [value for value in block.values if value.type == "Dataset | None"]
        lists = [value for value in block.values if value.type in ("list[Dataset]", "list[Dataset file]")]
        files = [value for value in block.values if value.type == "Dataset file"]
        if files and self.chance(0.6):
            callee, name = self.rng.choice([("read_path", "status"), ("read_or", "d")])
            self.task(block, body, callee, {name: self.rng.choice(files)}, "str")
        elif lists and self.chance(0.7):
            self.task(block, body, "read_all", {"ds": self.rng.choice(lists)}, "list[str]")
        elif (data or maybe) and self.chance(0.7):
            given = self.rng.choice(data + maybe)
            callee = "read" if given.type == "Dataset" and self.chance(0.5) else "read_or"
            self.task(block, body, callee, {"d": given}, "str")
        elif self.chance(0.2):
            self.task(block, body, "read_or", {}, "str")
        elif self.chance(0.4):
            call = self.task(block, body, "save_two", {"v": self.value(block, "str")}, "Dataset file")
            made = [Out("Dataset file", call.id, field) for field in ("path", "e1")]
            block.values[-1:] = made
            self.task(block, body, "read_path", {"status": self.rng.choice(made)}, "str")
        else:
            self.task(block, body, "save", {"v": self.value(block, "str")}, "Dataset")
            return
        self.shown(block, body, block.values[-1])

    def make_env(self, block: Block, body: list[Stmt]) -> None:
        value = self.value(block, "str")
        self.task(block, body, "env_of", {"v": Lit("int", 1)}, "str").env["A"] = value
        self.shown(block, body, block.values[-1])

    def make_fail(self, block: Block, body: list[Stmt]) -> None:
        name = self.name("f")
        if self.chance(0.3):
            call = Call(name, "half", {"v": self.value(block, "int")})
            out = Out("int", name, "good")
        else:
            call = Call(name, "boom", {"v": self.value(block, "int")})
            out = Out("int", name)
        if self.chance(0.2):
            call.retries = 1
        self.order(block, call)
        body.append(call)
        if self.chance(0.5):  # one more task in between
            name = self.name("t")
            body.append(Call(name, "num", {"v": out}))
            out = Out("int", name)
        block.shaky.append(out)
        block.values = [value for value in block.values if value != out]

    def make_sub(self, block: Block, body: list[Stmt]) -> None:
        callee = self.rng.choice(self.pipelines)
        args: dict[str, Expr] = {}
        for name, type_, _ in callee.params:
            if type_ == "Input[Dataset] | None":
                data = [value for value in block.values if value.type in ("Dataset", "Dataset file")]
                if data and self.chance(0.6):
                    args[name] = self.rng.choice(data)
            elif self.chance(0.7):
                args[name] = self.value(block, type_)
        call = Call(self.name("t"), callee.name, args)
        self.order(block, call)
        body.append(call)
        block.tasks.append(call.id)
        if callee.result:
            block.values.append(Out(callee.result.type, call.id))

    def make_branch(self, block: Block, body: list[Stmt]) -> None:
        if self.condition(block) is None:
            self.make_make(block, body)
            return
        name = self.name("b")
        arms: list[tuple[Expr | None, list[Stmt]]] = []
        inners: list[Block] = []
        count = self.rng.choice([1, 1, 2, 2, 3])
        for at in range(count):
            last = count > 1 and at == count - 1
            condition = None if last and self.chance(0.7) else self.condition(block)
            inner = block.inner()
            arms.append((condition, self.block(inner)))
            inners.append(inner)
        body.append(Branch(name, arms))
        known = set(map(id, block.values))
        made = [[value for value in inner.values if id(value) not in known] for inner in inners]
        for type_ in (*SCALARS, "Dataset", "list[int]"):
            found = [[value for value in values if value.type == type_] for values in made]
            outside = [value for value in block.values if value.type == type_]
            if all(found) and (arms[-1][0] is None or outside) and self.chance(0.8):
                rest = None if arms[-1][0] is None else self.rng.choice(outside)
                block.values.append(One(type_, name, tuple(self.rng.choice(each) for each in found), rest))

    def make_set(self, block: Block, body: list[Stmt]) -> None:
        optional = [value for value in block.values if value.type == "str | None"]
        if not optional:
            self.make_make(block, body)
            return
        name, inner = self.name("x"), block.inner()
        inner.values.append(Item("str", name))
        body.append(SetBranch(self.name("b"), self.rng.choice(optional), name, self.block(inner)))

    def make_loop(self, block: Block, body: list[Stmt]) -> None:
        name, item, inner = self.name("l"), self.name("i"), block.inner()
        type_ = self.rng.choice(["list[int]", "list[str]"])
        items = self.value(block, type_)
        value = Item(ITEM_OF[type_], item)
        inner.values.append(value)
        known = set(map(id, inner.values))
        body.append(Loop(name, items, item, self.block(inner), self.rng.choice([0, 0, 1])))
        made = [each for each in inner.values if id(each) not in known and not isinstance(each, One)]
        for each in self.rng.sample(made, min(2, len(made))):
            if "None" in each.type:
                continue
            collected: Expr = each
            if each.type == "str" and self.chance(0.3):
                collected = Text("str", ("<", each, ">"))
            elif each.type in ("dict[str, int]", "dict[str, str]") and self.chance(0.5):
                collected = At(ITEM_OF[each.type], each, "k")
            block.values.append(Coll(f"list[{collected.type}]", name, collected))

    def make_handler(self, block: Block, body: list[Stmt]) -> None:
        name = self.name("e")
        exit_ = Call(name, "told", {"label": Lit("str", name)})
        inner = block.inner()
        known = set(map(id, block.values))
        body.append(Handler(self.name("h"), exit_, self.block(inner)))
        block.values += [value for value in inner.values if id(value) not in known and isinstance(value, Out)]

    # -------------------------------------------------------------------------------------------- details

    def task(self, block: Block, body: list[Stmt], callee: str, args: dict[str, Expr], type_: str) -> Call:
        call = Call(self.name("t"), callee, args)
        call.cached = self.chance(0.3)
        self.order(block, call)
        body.append(call)
        block.tasks.append(call.id)
        block.values.append(Out(type_, call.id))
        return call

    def order(self, block: Block, call: Call) -> None:
        if block.tasks and self.chance(0.15):
            call.after.append(self.rng.choice(block.tasks))

    def value(self, block: Block, type_: str) -> Expr:
        """A value of a type: a constant, one that is there, or one made of those that are."""
        there = [value for value in block.values if value.type == type_]
        choice = self.rng.random()
        if there and choice < 0.55:
            return self.rng.choice(there)
        if choice < 0.8:
            made = self.composed(block, type_)
            if made is not None:
                return made
        return self.literal(type_)

    def composed(self, block: Block, type_: str) -> Expr | None:
        if type_ == "str":
            optional = [value for value in block.values if value.type == "str | None"]
            if optional and self.chance(0.4):
                return SomeOf("str", self.rng.choice(optional), self.literal("str"))
            scalars = [value for value in block.values if value.type in ("int", "str", "bool")]
            if scalars and self.chance(0.7):
                head = self.rng.choice(["", "v=", '"', "{"])
                return Text("str", (head, self.rng.choice(scalars), self.rng.choice(["", "!"])))
        if type_ in ("list[int]", "list[str]"):
            items = [value for value in block.values if value.type == ITEM_OF[type_]]
            if items:
                return Many(type_, (self.rng.choice(items), self.literal(ITEM_OF[type_])))
        holders = [value for value in block.values if ITEM_OF.get(value.type) == type_]
        if holders:
            holder = self.rng.choice(holders)
            key: str | int = 0 if holder.type.startswith("list") else "k"
            if isinstance(key, str) and self.failing and self.chance(0.1):
                key = "zz"
            if holder.type.startswith("list") and isinstance(holder, Coll | Param):
                return None  # may be empty
            return At(type_, holder, key)
        return None

    def any_value(self, block: Block) -> Expr:
        fit = [value for value in block.values if "Dataset" not in value.type]
        if fit and self.chance(0.75):
            return self.rng.choice(fit)
        return self.value(block, self.rng.choice(["str", "int", "list[int]", "list[str]"]))

    def find(self, block: Block, types: tuple[str, ...]) -> Expr | None:
        fit = [value for value in block.values if value.type in types]
        return self.rng.choice(fit) if fit else None

    def literal(self, type_: str) -> Lit:
        return Lit(type_, self.rng.choice(VALUES[type_]))

    def condition(self, block: Block, depth: int = 0) -> Expr | None:
        """A condition on values that are there; None if there is none."""
        if depth < 2 and self.chance(0.3):
            op = self.rng.choice("&|~")
            items = [self.condition(block, depth + 1) for _ in range(1 if op == "~" else 2)]
            return None if None in items else Op("bool", op, tuple(item for item in items if item is not None))
        scalars = [v for v in block.values if v.type in SCALARS]
        holders = [v for v in block.values if v.type in ("dict[str, int]", "dict[str, str]")]
        if holders and (not scalars or self.chance(0.3)):
            holder = self.rng.choice(holders)
            key = "zz" if self.failing and self.chance(0.2) else "k"
            left: Expr = At(ITEM_OF[holder.type], holder, key)
        elif scalars:
            left = self.rng.choice(scalars)
        else:
            return None
        if left.type == "bool":
            return Op("bool", "is", (left,))
        if left.type == "str" and self.chance(0.3):
            return Op("bool", "in", (left, Many("list[str]", (self.literal("str"), self.literal("str")))))
        op = self.rng.choice(["==", "!=", "<", "<=", ">", ">="])
        others = [v for v in block.values if v.type == left.type and v is not left]
        right = self.rng.choice(others) if others and self.chance(0.3) else self.literal(left.type)
        return Op("bool", op, (left, right))

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def chance(self, share: float) -> bool:
        return self.rng.random() < share
