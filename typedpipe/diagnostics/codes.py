"""The one table of diagnostic codes: what each is called. Each has a page, ``docs/errors/TPnnn.md``."""

from __future__ import annotations

CODES: dict[str, str] = {
    # TP1xx: declaring and tracing. 180-199: loading files and arguments (the command line)
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
