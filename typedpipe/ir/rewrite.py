"""Nodes with something about them changed; what stays the same is the same object."""

from __future__ import annotations

from collections.abc import Mapping

from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import OPERANDS


def map_args(args: ir.Args, new: Mapping[ir.Operand, ir.Operand]) -> ir.Args:
    """Arguments with operands replaced.

    >>> map_args((), {})
    ()
    """
    for _, value in args:
        if value in new:
            return tuple([(name, new.get(value, value)) for name, value in args])
    return args


def map_options(options: ir.Options, new: Mapping[ir.Operand, ir.Operand]) -> ir.Options:
    """Task options with operands replaced."""
    changes: dict[str, ir.Operand] = {}
    for name in OPERANDS:
        value = getattr(options, name)
        if value is not None and value in new:
            changes[name] = new[value]
    env = map_args(options.env, new)
    if env is options.env and not changes:
        return options
    return replace(options, env=env, **changes)


def map_node(node: ir.Node, new: Mapping[ir.Operand, ir.Operand]) -> ir.Node:
    """A node with the operands that stand in its own graph replaced; bodies are left alone."""
    match node:
        case ir.Task():
            args, options = map_args(node.args, new), map_options(node.options, new)
            if args is node.args and options is node.options:
                return node
            return ir.Task(node.name, node.component, args, node.after, options, node.span)
        case ir.Call():
            args, options = map_args(node.args, new), map_options(node.options, new)
            if args is node.args and options is node.options:
                return node
            return ir.Call(node.name, node.pipeline, args, node.after, options, node.span)
        case ir.Importer():
            metadata = None if node.metadata is None else new.get(node.metadata, node.metadata)
            return replace(node, uri=new.get(node.uri, node.uri), metadata=metadata)
        case ir.Branch():
            arms = tuple(
                replace(
                    arm,
                    condition=None if arm.condition is None else new.get(arm.condition, arm.condition),
                    args=map_args(arm.args, new),
                )
                for arm in node.arms
            )
            return replace(node, arms=arms)
        case ir.Loop():
            return replace(node, items=new.get(node.items, node.items), args=map_args(node.args, new))
        case ir.ExitHandler():
            exit_ = map_node(node.exit, new)
            assert isinstance(exit_, ir.Task | ir.Call)
            return replace(node, args=map_args(node.args, new), exit=exit_)
