from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExpressionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPRESSION_KIND_UNSPECIFIED: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_COMPARE: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_AND: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_OR: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_NOT: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_CONTAINS: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_IS_SET: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_UNWRAP: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_DEFAULT: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_FIELD: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_INDEX: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_FORMAT: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_MAKE_LIST: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_MAKE_DICT: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_COLLECTED: _ClassVar[ExpressionKind]
    EXPRESSION_KIND_ONE_OF: _ClassVar[ExpressionKind]

class PortHow(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PORT_HOW_UNSPECIFIED: _ClassVar[PortHow]
    PORT_HOW_VALUE: _ClassVar[PortHow]
    PORT_HOW_PATH: _ClassVar[PortHow]
    PORT_HOW_ARTIFACT: _ClassVar[PortHow]
    PORT_HOW_STATUS: _ClassVar[PortHow]
    PORT_HOW_RETURN: _ClassVar[PortHow]
    PORT_HOW_FIELD: _ClassVar[PortHow]

class Returns(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETURNS_UNSPECIFIED: _ClassVar[Returns]
    RETURNS_NONE: _ClassVar[Returns]
    RETURNS_ONE: _ClassVar[Returns]
    RETURNS_FIELDS: _ClassVar[Returns]
EXPRESSION_KIND_UNSPECIFIED: ExpressionKind
EXPRESSION_KIND_COMPARE: ExpressionKind
EXPRESSION_KIND_AND: ExpressionKind
EXPRESSION_KIND_OR: ExpressionKind
EXPRESSION_KIND_NOT: ExpressionKind
EXPRESSION_KIND_CONTAINS: ExpressionKind
EXPRESSION_KIND_IS_SET: ExpressionKind
EXPRESSION_KIND_UNWRAP: ExpressionKind
EXPRESSION_KIND_DEFAULT: ExpressionKind
EXPRESSION_KIND_FIELD: ExpressionKind
EXPRESSION_KIND_INDEX: ExpressionKind
EXPRESSION_KIND_FORMAT: ExpressionKind
EXPRESSION_KIND_MAKE_LIST: ExpressionKind
EXPRESSION_KIND_MAKE_DICT: ExpressionKind
EXPRESSION_KIND_COLLECTED: ExpressionKind
EXPRESSION_KIND_ONE_OF: ExpressionKind
PORT_HOW_UNSPECIFIED: PortHow
PORT_HOW_VALUE: PortHow
PORT_HOW_PATH: PortHow
PORT_HOW_ARTIFACT: PortHow
PORT_HOW_STATUS: PortHow
PORT_HOW_RETURN: PortHow
PORT_HOW_FIELD: PortHow
RETURNS_UNSPECIFIED: Returns
RETURNS_NONE: Returns
RETURNS_ONE: Returns
RETURNS_FIELDS: Returns

class PipelineFile(_message.Message):
    __slots__ = ("version", "min_reader", "pipeline")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MIN_READER_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    version: int
    min_reader: int
    pipeline: Pipeline
    def __init__(self, version: _Optional[int] = ..., min_reader: _Optional[int] = ..., pipeline: _Optional[_Union[Pipeline, _Mapping]] = ...) -> None: ...

class Pipeline(_message.Message):
    __slots__ = ("name", "display_name", "description", "closed", "span", "graph", "components", "pipelines", "graphs", "types", "files")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    PIPELINES_FIELD_NUMBER: _ClassVar[int]
    GRAPHS_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    description: str
    closed: bool
    span: Span
    graph: int
    components: _containers.RepeatedCompositeFieldContainer[Component]
    pipelines: _containers.RepeatedCompositeFieldContainer[CalledPipeline]
    graphs: _containers.RepeatedCompositeFieldContainer[Graph]
    types: _containers.RepeatedScalarFieldContainer[str]
    files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., description: _Optional[str] = ..., closed: bool = ..., span: _Optional[_Union[Span, _Mapping]] = ..., graph: _Optional[int] = ..., components: _Optional[_Iterable[_Union[Component, _Mapping]]] = ..., pipelines: _Optional[_Iterable[_Union[CalledPipeline, _Mapping]]] = ..., graphs: _Optional[_Iterable[_Union[Graph, _Mapping]]] = ..., types: _Optional[_Iterable[str]] = ..., files: _Optional[_Iterable[str]] = ...) -> None: ...

class CalledPipeline(_message.Message):
    __slots__ = ("name", "graph")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    name: str
    graph: int
    def __init__(self, name: _Optional[str] = ..., graph: _Optional[int] = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("file", "line", "column", "end_line", "end_column")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    END_COLUMN_FIELD_NUMBER: _ClassVar[int]
    file: int
    line: int
    column: int
    end_line: int
    end_column: int
    def __init__(self, file: _Optional[int] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., end_line: _Optional[int] = ..., end_column: _Optional[int] = ...) -> None: ...

class Constant(_message.Message):
    __slots__ = ("json", "type")
    JSON_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    json: str
    type: int
    def __init__(self, json: _Optional[str] = ..., type: _Optional[int] = ...) -> None: ...

class TaskOutput(_message.Message):
    __slots__ = ("task", "output")
    TASK_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    task: str
    output: str
    def __init__(self, task: _Optional[str] = ..., output: _Optional[str] = ...) -> None: ...

class Operand(_message.Message):
    __slots__ = ("constant", "input", "task", "item", "expression")
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    constant: Constant
    input: str
    task: TaskOutput
    item: str
    expression: int
    def __init__(self, constant: _Optional[_Union[Constant, _Mapping]] = ..., input: _Optional[str] = ..., task: _Optional[_Union[TaskOutput, _Mapping]] = ..., item: _Optional[str] = ..., expression: _Optional[int] = ...) -> None: ...

class Argument(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: Operand
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[Operand, _Mapping]] = ...) -> None: ...

class Expression(_message.Message):
    __slots__ = ("kind", "operands", "name", "pieces", "keys", "type", "span")
    KIND_FIELD_NUMBER: _ClassVar[int]
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    kind: ExpressionKind
    operands: _containers.RepeatedCompositeFieldContainer[Operand]
    name: str
    pieces: _containers.RepeatedCompositeFieldContainer[FormatPiece]
    keys: _containers.RepeatedScalarFieldContainer[str]
    type: int
    span: Span
    def __init__(self, kind: _Optional[_Union[ExpressionKind, str]] = ..., operands: _Optional[_Iterable[_Union[Operand, _Mapping]]] = ..., name: _Optional[str] = ..., pieces: _Optional[_Iterable[_Union[FormatPiece, _Mapping]]] = ..., keys: _Optional[_Iterable[str]] = ..., type: _Optional[int] = ..., span: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class FormatPiece(_message.Message):
    __slots__ = ("text", "value")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    text: str
    value: FormatValue
    def __init__(self, text: _Optional[str] = ..., value: _Optional[_Union[FormatValue, _Mapping]] = ...) -> None: ...

class FormatValue(_message.Message):
    __slots__ = ("spec", "conversion", "escapes", "table")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FIELD_NUMBER: _ClassVar[int]
    ESCAPES_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    spec: str
    conversion: str
    escapes: str
    table: _containers.RepeatedCompositeFieldContainer[MemberText]
    def __init__(self, spec: _Optional[str] = ..., conversion: _Optional[str] = ..., escapes: _Optional[str] = ..., table: _Optional[_Iterable[_Union[MemberText, _Mapping]]] = ...) -> None: ...

class MemberText(_message.Message):
    __slots__ = ("wire", "text")
    WIRE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    wire: str
    text: str
    def __init__(self, wire: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("name", "type", "default", "how", "description", "span")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: int
    default: Constant
    how: PortHow
    description: str
    span: Span
    def __init__(self, name: _Optional[str] = ..., type: _Optional[int] = ..., default: _Optional[_Union[Constant, _Mapping]] = ..., how: _Optional[_Union[PortHow, str]] = ..., description: _Optional[str] = ..., span: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("text", "file", "line", "module")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    text: str
    file: int
    line: int
    module: str
    def __init__(self, text: _Optional[str] = ..., file: _Optional[int] = ..., line: _Optional[int] = ..., module: _Optional[str] = ...) -> None: ...

class PythonImpl(_message.Message):
    __slots__ = ("entry", "chunks", "returns", "min_python_major", "min_python_minor", "packages", "pip_index_urls", "pip_trusted_hosts")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    RETURNS_FIELD_NUMBER: _ClassVar[int]
    MIN_PYTHON_MAJOR_FIELD_NUMBER: _ClassVar[int]
    MIN_PYTHON_MINOR_FIELD_NUMBER: _ClassVar[int]
    PACKAGES_FIELD_NUMBER: _ClassVar[int]
    PIP_INDEX_URLS_FIELD_NUMBER: _ClassVar[int]
    PIP_TRUSTED_HOSTS_FIELD_NUMBER: _ClassVar[int]
    entry: str
    chunks: _containers.RepeatedCompositeFieldContainer[Chunk]
    returns: Returns
    min_python_major: int
    min_python_minor: int
    packages: _containers.RepeatedScalarFieldContainer[str]
    pip_index_urls: _containers.RepeatedScalarFieldContainer[str]
    pip_trusted_hosts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entry: _Optional[str] = ..., chunks: _Optional[_Iterable[_Union[Chunk, _Mapping]]] = ..., returns: _Optional[_Union[Returns, str]] = ..., min_python_major: _Optional[int] = ..., min_python_minor: _Optional[int] = ..., packages: _Optional[_Iterable[str]] = ..., pip_index_urls: _Optional[_Iterable[str]] = ..., pip_trusted_hosts: _Optional[_Iterable[str]] = ...) -> None: ...

class ContainerImpl(_message.Message):
    __slots__ = ("command_json", "args_json")
    COMMAND_JSON_FIELD_NUMBER: _ClassVar[int]
    ARGS_JSON_FIELD_NUMBER: _ClassVar[int]
    command_json: str
    args_json: str
    def __init__(self, command_json: _Optional[str] = ..., args_json: _Optional[str] = ...) -> None: ...

class Component(_message.Message):
    __slots__ = ("key", "name", "inputs", "outputs", "python", "container", "image", "description", "span")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    key: str
    name: str
    inputs: _containers.RepeatedCompositeFieldContainer[Port]
    outputs: _containers.RepeatedCompositeFieldContainer[Port]
    python: PythonImpl
    container: ContainerImpl
    image: str
    description: str
    span: Span
    def __init__(self, key: _Optional[str] = ..., name: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., python: _Optional[_Union[PythonImpl, _Mapping]] = ..., container: _Optional[_Union[ContainerImpl, _Mapping]] = ..., image: _Optional[str] = ..., description: _Optional[str] = ..., span: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class Retry(_message.Message):
    __slots__ = ("limit", "backoff_seconds", "factor", "max_seconds")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    limit: int
    backoff_seconds: float
    factor: float
    max_seconds: float
    def __init__(self, limit: _Optional[int] = ..., backoff_seconds: _Optional[float] = ..., factor: _Optional[float] = ..., max_seconds: _Optional[float] = ...) -> None: ...

class Options(_message.Message):
    __slots__ = ("retry", "timeout_seconds", "caching", "cache_key", "resources", "env", "display_name", "ignore_upstream_failure", "others", "extensions")
    RETRY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CACHING_FIELD_NUMBER: _ClassVar[int]
    CACHE_KEY_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    IGNORE_UPSTREAM_FAILURE_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    EXTENSIONS_FIELD_NUMBER: _ClassVar[int]
    retry: Retry
    timeout_seconds: float
    caching: bool
    cache_key: str
    resources: _containers.RepeatedCompositeFieldContainer[Argument]
    env: _containers.RepeatedCompositeFieldContainer[Argument]
    display_name: str
    ignore_upstream_failure: bool
    others: _containers.RepeatedCompositeFieldContainer[NamedJson]
    extensions: _containers.RepeatedCompositeFieldContainer[NamedJson]
    def __init__(self, retry: _Optional[_Union[Retry, _Mapping]] = ..., timeout_seconds: _Optional[float] = ..., caching: bool = ..., cache_key: _Optional[str] = ..., resources: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ..., env: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ..., display_name: _Optional[str] = ..., ignore_upstream_failure: bool = ..., others: _Optional[_Iterable[_Union[NamedJson, _Mapping]]] = ..., extensions: _Optional[_Iterable[_Union[NamedJson, _Mapping]]] = ...) -> None: ...

class NamedJson(_message.Message):
    __slots__ = ("name", "json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    json: str
    def __init__(self, name: _Optional[str] = ..., json: _Optional[str] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("component", "pipeline", "args", "options")
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    component: str
    pipeline: str
    args: _containers.RepeatedCompositeFieldContainer[Argument]
    options: Options
    def __init__(self, component: _Optional[str] = ..., pipeline: _Optional[str] = ..., args: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class Importer(_message.Message):
    __slots__ = ("uri", "type", "metadata", "reimport")
    URI_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    REIMPORT_FIELD_NUMBER: _ClassVar[int]
    uri: Operand
    type: int
    metadata: Operand
    reimport: bool
    def __init__(self, uri: _Optional[_Union[Operand, _Mapping]] = ..., type: _Optional[int] = ..., metadata: _Optional[_Union[Operand, _Mapping]] = ..., reimport: bool = ...) -> None: ...

class Arm(_message.Message):
    __slots__ = ("condition", "body", "args", "span")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    condition: Operand
    body: int
    args: _containers.RepeatedCompositeFieldContainer[Argument]
    span: Span
    def __init__(self, condition: _Optional[_Union[Operand, _Mapping]] = ..., body: _Optional[int] = ..., args: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ..., span: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class Branch(_message.Message):
    __slots__ = ("arms",)
    ARMS_FIELD_NUMBER: _ClassVar[int]
    arms: _containers.RepeatedCompositeFieldContainer[Arm]
    def __init__(self, arms: _Optional[_Iterable[_Union[Arm, _Mapping]]] = ...) -> None: ...

class Loop(_message.Message):
    __slots__ = ("items", "item", "item_type", "body", "parallelism", "args")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    ITEM_TYPE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    items: Operand
    item: str
    item_type: int
    body: int
    parallelism: int
    args: _containers.RepeatedCompositeFieldContainer[Argument]
    def __init__(self, items: _Optional[_Union[Operand, _Mapping]] = ..., item: _Optional[str] = ..., item_type: _Optional[int] = ..., body: _Optional[int] = ..., parallelism: _Optional[int] = ..., args: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ...) -> None: ...

class ExitHandler(_message.Message):
    __slots__ = ("body", "exit", "args")
    BODY_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    body: int
    exit: Node
    args: _containers.RepeatedCompositeFieldContainer[Argument]
    def __init__(self, body: _Optional[int] = ..., exit: _Optional[_Union[Node, _Mapping]] = ..., args: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "after", "span", "call", "importer", "branch", "loop", "exit_handler")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    IMPORTER_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    LOOP_FIELD_NUMBER: _ClassVar[int]
    EXIT_HANDLER_FIELD_NUMBER: _ClassVar[int]
    name: str
    after: _containers.RepeatedScalarFieldContainer[str]
    span: Span
    call: Call
    importer: Importer
    branch: Branch
    loop: Loop
    exit_handler: ExitHandler
    def __init__(self, name: _Optional[str] = ..., after: _Optional[_Iterable[str]] = ..., span: _Optional[_Union[Span, _Mapping]] = ..., call: _Optional[_Union[Call, _Mapping]] = ..., importer: _Optional[_Union[Importer, _Mapping]] = ..., branch: _Optional[_Union[Branch, _Mapping]] = ..., loop: _Optional[_Union[Loop, _Mapping]] = ..., exit_handler: _Optional[_Union[ExitHandler, _Mapping]] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("name", "value", "type", "span")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: Operand
    type: int
    span: Span
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[Operand, _Mapping]] = ..., type: _Optional[int] = ..., span: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class Graph(_message.Message):
    __slots__ = ("inputs", "nodes", "outputs", "expressions", "has_spans")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    EXPRESSIONS_FIELD_NUMBER: _ClassVar[int]
    HAS_SPANS_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedCompositeFieldContainer[Port]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    expressions: _containers.RepeatedCompositeFieldContainer[Expression]
    has_spans: bool
    def __init__(self, inputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ..., expressions: _Optional[_Iterable[_Union[Expression, _Mapping]]] = ..., has_spans: bool = ...) -> None: ...
