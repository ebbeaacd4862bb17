"""The one table of diagnostic codes: what each is called. Each has a page, ``docs/errors/TPnnn.md``."""

from __future__ import annotations

CODES: dict[str, str] = {
    # TP1xx: declaring and tracing. 100-102, 121-129: annotations; 103-120: components and calls; 130-149: shipped source;
    # 150-179: values and groups of a pipeline body
    "TP103": "a parameter of a component that cannot be an input",
    "TP104": "the default does not fit the annotation",
    "TP105": "a name that cannot be used",
    "TP106": "an option of the decorator that does not fit",
    "TP107": "the decorator stands above something that is not a function",
    "TP108": "a container component does not give a ContainerSpec",
    "TP109": "a component or pipeline is called outside of a pipeline",
    "TP110": "the component has no input of this name",
    "TP111": "an input without a default was given no value",
    "TP112": "a call passes an output",
    "TP113": "too many arguments by position, or one given twice",
    "TP114": "something that is not a value is passed to a task",
    "TP115": "the task has no output of this name",
    "TP116": "`.output` of a task that has none, or several",
    "TP117": "a setting of a task that does not fit",
    "TP118": "a pipeline's signature or result that does not fit",
    "TP119": "the pipeline's function raised an exception",
    "TP120": "the pipeline has no tasks",
    "TP150": "Python branches on a value that is not there yet",
    "TP151": "Python loops over a value that is not there yet",
    "TP152": "the length of a value that is not there yet",
    "TP153": "`in` asks a value that is not there yet",
    "TP154": "a value that is not there yet is converted, called or changed",
    "TP155": "arithmetic on a value that is not there yet",
    "TP156": "a field, key or comparison that the value does not have",
    "TP157": "`&` or `|` with something that is not a condition",
    "TP158": "a value of another pipeline",
    "TP159": "the text of an f-string was changed",
    "TP160": "the text of an f-string is never used",
    "TP161": "a condition that Python decided already, or that is always set",
    "TP162": "Elif or Else without an If",
    "TP163": "a group that is never entered, or entered twice",
    "TP164": "a loop over something that is not a list",
    "TP165": "`return`, `break` or `continue` leaves a group",
    "TP166": "a plain value is changed in a group and used after it",
    "TP167": "the path or metadata of an artifact in a pipeline's body",
    "TP168": "an exit task that does not fit",
    "TP169": "control flow outside of a pipeline",
    "TP170": "OneOf, Collected, In, Not or Some of something that is not a value of the pipeline",
    # 180-199: loading files and arguments (the command line)
    "TP180": "the file or module cannot be found",
    "TP181": "the user's file does not parse",
    "TP182": "the user's file raises when it is imported",
    "TP183": "the user's file ends the program when it is imported",
    "TP184": "there is no pipeline in the file",
    "TP185": "there are several pipelines, and none was named",
    "TP186": "no pipeline of this name",
    "TP187": "an argument does not fit the pipeline's parameter",
    "TP188": "the pipeline has no parameter of this name",
    "TP189": "a parameter without a default was given no value",
    # TP2xx: types
    # TP3xx: structure
    # TP4xx: target
    # TP5xx: in the container
    # TP9xx: our mistakes
    "TP901": "typedpipe itself failed",
}
