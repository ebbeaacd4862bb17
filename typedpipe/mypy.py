"""The mypy plugin: ``plugins = ["typedpipe.mypy"]`` in mypy's configuration.

It rewrites the type of a component whose function has output parameters (``OutputPath[T]``, ``Output[T]``, anywhere,
with or without a default): they are removed from the call's signature, and ``.outputs`` gets their names and types. The
status parameter of an exit task is removed as well. The plugin stores no classes that it creates, so that mypy's cache,
dmypy and import cycles work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from mypy.nodes import FuncDef, MypyFile, StrExpr, TypeInfo, Var
from mypy.plugin import AttributeContext, FunctionContext, MethodContext, Plugin
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Parameters,
    TupleType,
    Type,
    TypedDictType,
    TypeOfAny,
    UnboundType,
    get_proper_type,
)

COMPONENT = "typedpipe.dsl.component"
TASK = "typedpipe.dsl.nodes.task"
STATUS = "typedpipe.runtime.task.PipelineTaskFinalStatus"
MARKERS = "typedpipe.types.markers"
CONTAINER = "typedpipe.dsl.container"
DECORATORS = {f"{COMPONENT}.component", f"{CONTAINER}.container_component"}
DECORATOR_CALLS = {f"{COMPONENT}._Decorator.__call__"}


class TypedpipePlugin(Plugin):
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return decorate if fullname in DECORATORS else None

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        if fullname in DECORATOR_CALLS:
            return decorate
        return get_item if fullname == f"{TASK}.Outputs.__getitem__" else None

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        prefix = f"{TASK}.Outputs."
        if fullname.startswith(prefix):
            name = fullname[len(prefix) :]
            return lambda ctx: get_attr(ctx, name)
        return None


def decorate(ctx: FunctionContext | MethodContext) -> Type:
    if not ctx.arg_types or not ctx.arg_types[0]:
        return ctx.default_return_type  # @component(...)
    fn = get_proper_type(ctx.arg_types[0][0])
    if not isinstance(fn, CallableType):
        return ctx.default_return_type
    outputs, keep = split(ctx, fn)
    ret = get_proper_type(fn.ret_type)
    if isinstance(ret, Instance) and ret.type.fullname == f"{CONTAINER}.ContainerSpec":
        ret = NoneType()
    if not outputs:
        if isinstance(ret, NoneType) or len(keep) < len(fn.arg_types):  # `.output` of None is None, not Any
            return instance(ctx, f"{COMPONENT}.Component", [parameters(fn, keep), ret])
        return ctx.default_return_type
    if isinstance(ret, TupleType) and ret.partial_fallback.type.is_named_tuple:
        outputs.update(zip(field_names(ret.partial_fallback.type), ret.items, strict=False))
    elif not isinstance(ret, (NoneType, AnyType)):
        outputs["Output"] = ret
    one: Type = next(iter(outputs.values())) if len(outputs) == 1 else instance(ctx, f"{TASK}.UseOutputs", [])
    names = TypedDictType(outputs, set(outputs), set(), ctx.api.named_generic_type("typing._TypedDict", []))
    by_name = instance(ctx, f"{TASK}.Outputs", [names])
    return instance(ctx, f"{COMPONENT}.ParamComponent", [parameters(fn, keep), one, by_name])


def split(ctx: FunctionContext | MethodContext, fn: CallableType) -> tuple[dict[str, Type], list[int]]:
    """Outputs among a function's parameters, and the indices of the parameters that a caller passes."""
    written = as_written(fn)
    outputs: dict[str, Type] = {}
    keep: list[int] = []
    for place, (name, type_) in enumerate(zip(fn.arg_names, fn.arg_types, strict=True)):
        out = output_type(ctx, type_, written.get(name or ""))
        if out is not None and name is not None:
            outputs[name] = out
        elif not is_status(type_):
            keep.append(place)
    return outputs, keep


def is_status(type_: Type) -> bool:
    """Whether the engine provides the value, not the caller."""
    proper = get_proper_type(type_)
    return isinstance(proper, Instance) and proper.type.fullname == STATUS


def instance(ctx: FunctionContext | MethodContext, fullname: str, args: list[Type]) -> Instance:
    """Look up a class: mypy's ``named_generic_type`` would take ``typedpipe.dsl.component`` for the function."""
    module, _, name = fullname.rpartition(".")
    symbol = cast("Any", ctx.api).modules[module].names[name]
    return Instance(symbol.node, args)


def parameters(fn: CallableType, keep: list[int]) -> Parameters:
    return Parameters([fn.arg_types[i] for i in keep], [fn.arg_kinds[i] for i in keep], [fn.arg_names[i] for i in keep])


def as_written(fn: CallableType) -> dict[str, Type]:
    """The annotations as written: mypy discards the Annotated of Output[T]."""
    d = fn.definition
    raw = d.unanalyzed_type if isinstance(d, FuncDef) else None
    return (
        {n: t for n, t in zip(raw.arg_names, raw.arg_types, strict=True) if n} if isinstance(raw, CallableType) else {}
    )


def output_type(ctx: FunctionContext | MethodContext, typ: Type, written: Type | None) -> Type | None:
    p = get_proper_type(typ)
    if isinstance(p, Instance) and p.type.fullname == f"{MARKERS}.OutputPath":
        return p.args[0]
    if isinstance(written, UnboundType):
        first, *rest = written.name.split(".")
        sym = cast("Any", ctx.api).lookup(first)
        for part in rest:
            sym = sym.node.names.get(part) if sym is not None and isinstance(sym.node, MypyFile) else None
        if sym is not None and sym.node is not None and sym.node.fullname == f"{MARKERS}.Output":
            return typ
    return None


def field_names(info: TypeInfo) -> list[str]:
    sym = info.names.get("__match_args__")  # tuple[Literal["a"], Literal["b"]]; keeps the order, also from the cache
    t = get_proper_type(sym.node.type) if sym is not None and isinstance(sym.node, Var) and sym.node.type else None
    lits: list[Type | None] = [
        i.last_known_value if isinstance(i, Instance) else i
        for i in map(get_proper_type, t.items if isinstance(t, TupleType) else [])
    ]
    return [str(i.value) for i in lits if isinstance(i, LiteralType)]


def names_in(t: Type) -> TypedDictType | None:
    inst = get_proper_type(t)
    if isinstance(inst, Instance) and inst.args:
        a = get_proper_type(inst.args[0])
        return a if isinstance(a, TypedDictType) else None
    return None


def pick(ctx: AttributeContext | MethodContext, default: Type, name: str) -> Type:
    names = names_in(ctx.type)
    if names is None or name.startswith("__"):
        return default
    if name in names.items:
        return names.items[name]
    ctx.api.fail(f'The component has no output "{name}"; it has: {", ".join(sorted(names.items))}', ctx.context)
    return AnyType(TypeOfAny.from_error)


def get_attr(ctx: AttributeContext, name: str) -> Type:
    return pick(ctx, ctx.default_attr_type, name)


def get_item(ctx: MethodContext) -> Type:
    key = ctx.args[0][0] if ctx.args and ctx.args[0] else None
    return pick(ctx, ctx.default_return_type, key.value) if isinstance(key, StrExpr) else ctx.default_return_type


def plugin(_version: str) -> type[Plugin]:
    return TypedpipePlugin
