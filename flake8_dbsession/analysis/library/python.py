"""What Python's builtins, containers, texts, clocks and loggers do, by their spelled names.

Source: https://docs.python.org/3/library/
"""

from __future__ import annotations

LOOKING = frozenset({"bool", "hasattr", "id", "isinstance", "len", "print", "repr", "str", "type"})
"""The builtins that look at what they are given, and keep nothing of it."""

MAKING = frozenset({"dict", "frozenset", "list", "set", "sorted", "tuple"})
"""The builtins that make a container of what they are given."""

QUIET = (
    (LOOKING | MAKING)
    | {"all", "any", "callable", "enumerate", "getattr", "issubclass", "locals", "max", "min"}
    | {"object", "range", "reversed", "super", "zip"}
)
"""The builtins that do not raise in practice."""

WITHOUT_EFFECT = (
    (LOOKING | MAKING)
    | {"abs", "all", "any", "enumerate", "filter", "float", "getattr", "hash", "int", "iter"}
    | {"map", "max", "min", "next", "range", "reversed", "round", "sum", "vars", "zip"}
)
"""The builtins that do nothing but give a value, or print one."""

PLAIN = frozenset({"bool", "bytes", "float", "int", "str"})
"""The types of values that are no objects to work with."""

CALLING = {"filter": 0, "map": 0, "max": None, "min": None, "sorted": None}
"""Those that call what they are given: by which position, or else by the keyword ``key``."""

VALUES = (LOOKING - {"id", "print"}) | {"abs", "all", "any", "float", "int", "round"}
"""The builtins that make a value of its own of what they are given."""

NUMBERS = frozenset({"abs", "float", "int", "max", "min", "round"})
"""The builtins that fail only on what is no number."""

_MOCKS = {"AsyncMock", "MagicMock", "Mock", "NonCallableMagicMock", "NonCallableMock"}
STAND_INS = frozenset({f"unittest.mock.{name}" for name in _MOCKS} | {"types.SimpleNamespace"})
"""The classes whose objects stand for any other in a test."""

VALUES_OF = frozenset({"operator.attrgetter", "operator.itemgetter"})
"""What gives a function that reads from what it is given."""

CONTAINERS = frozenset({"defaultdict", "deque", "dict", "list", "set"})
EMPTY_CONTAINERS = frozenset({"Counter", "OrderedDict", "defaultdict", "deque"})
SHARED_CONTAINERS = frozenset(
    {
        "collections.Counter",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "dict",
        "list",
        "set",
        "weakref.WeakKeyDictionary",
        "weakref.WeakSet",
        "weakref.WeakValueDictionary",
    }
)
"""The mutable containers: by the name called, those of collections, and by qualified name."""

MUTATORS = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "put_nowait", "setdefault", "update"}
)
"""The methods of Python's containers and queues that put something into them."""

KEEPING = MUTATORS | {"set"}
"""The methods that keep what they are given: those, and a context variable's."""

REMOVERS = frozenset({"clear", "discard", "pop", "popitem", "remove"})
"""The methods of containers that take something out."""

IN_PLACE = MUTATORS | REMOVERS | {"reverse", "sort"}
"""The methods that change a container."""

REWRAPPING = (
    MAKING
    | {"copy", "deque", "enumerate", "filter", "items", "iter", "map"}
    | {
        "reversed",
        "values",
        "zip",
    }
)
"""What gives something with the elements of what it is given, or called on, in it."""

VIEWS = frozenset({"items", "keys", "values"})
MAPPING_METHODS = VIEWS | {"copy", "get", "setdefault", "update"}
"""The methods of a dictionary that do not raise."""

CONTAINER_READERS = VIEWS | {"copy", "count", "get", "index"}
"""The methods of containers that change nothing."""

TEXT_METHODS = frozenset(
    {"capitalize", "casefold", "endswith", "isalnum", "isalpha", "isdigit", "isspace", "lower"}
    | {"lstrip", "removeprefix", "removesuffix", "rstrip", "splitlines", "startswith", "strip"}
    | {"swapcase", "upper", "zfill"}
)
"""The methods of texts that do not raise."""

SPLITTING = frozenset({"partition", "rpartition", "rsplit", "split"})
"""Those that do not raise where they are told nothing, or where to split."""

TIME_METHODS = frozenset({"isoformat", "strftime", "timestamp", "total_seconds"})
"""The methods of times that do not raise."""

VALUE_METHODS = (
    TEXT_METHODS
    | TIME_METHODS
    | {"decode", "encode", "format", "join", "replace", "split", "title"}
)
"""The methods of texts, numbers and times, none of which changes anything."""

NOW = frozenset({"now", "today", "utcnow"})
"""What asks a class of datetime for the time."""

TIMES = frozenset(
    f"{clock}{unit}" for clock in ("monotonic", "perf_counter", "time") for unit in ("", "_ns")
)
"""The functions of the module time that read a clock."""

CLOCK_WORDS = frozenset({"asctime", "ctime", "gmtime", "localtime"})
"""Those that give what a clock shows, in words or parts, where they are given nothing."""

CLOCKS = frozenset({"date", "datetime", "dt", "time"})
"""What they are called on."""

_QUIET_BY_MODULE = {
    # https://docs.python.org/3/library/os.path.html: what asks for a file gives False for an error
    "os.path": {"abspath", "basename", "commonprefix", "dirname", "exists", "expanduser"}
    | {"expandvars", "isabs", "isdir", "isfile", "islink", "join", "lexists", "normcase"}
    | {"normpath", "split", "splitdrive", "splitext"},
    "os": {"cpu_count", "getegid", "geteuid", "getgid", "getpid", "getppid", "getuid"},
    # https://docs.python.org/3/library/pathlib.html#concrete-paths: to make one asks for no file
    "pathlib": {"Path", "PurePath", "PurePosixPath", "PureWindowsPath"},
    # Clocks, numbers and names that nobody has.
    "datetime.date": NOW,
    "datetime.datetime": NOW,
    "time": TIMES | {"process_time", "process_time_ns", "thread_time", "thread_time_ns"},
    "random": {"random"},
    "secrets": {"token_bytes", "token_hex", "token_urlsafe"},
    "uuid": {"uuid1", "uuid4", "uuid5"},
    # Texts.
    "fnmatch": {"fnmatch", "fnmatchcase"},
    "html": {"escape", "unescape"},
    "re": {"escape"},
    "shlex": {"quote"},
    "textwrap": {"dedent", "indent"},
    # What runs now, and the error that is being handled.
    "inspect": {"currentframe"},
    "multiprocessing": {"current_process"},
    "platform": {"machine", "node", "platform", "processor", "python_version", "release", "system"},
    "sys": {"exc_info"},
    "threading": {"active_count", "current_thread", "get_ident", "get_native_id", "main_thread"},
    "traceback": {"format_exc", "format_exception", "format_stack"}
    | {"print_exc", "print_exception", "print_stack"},
    # What only holds what it is given.
    "contextlib": {"AsyncExitStack", "ExitStack", "nullcontext"},
    "functools": {"partial"},
    "operator": {"attrgetter", "itemgetter"},
    "types": {"SimpleNamespace"},
}
QUIET_FUNCTIONS = frozenset(
    f"{module}.{name}" for module, names in _QUIET_BY_MODULE.items() for name in names
)
"""The functions and classes of the standard library that do not raise in practice.

Whatever text, or other value of the kind that they are made for, they are given.
"""

COMPUTING_MODULES = frozenset(
    {"base64", "collections", "copy", "csv", "dataclasses", "datetime", "decimal", "enum"}
    | {"hashlib", "html", "io", "itertools", "json", "logging", "math", "operator", "pprint"}
    | {"re", "statistics", "string", "textwrap", "traceback", "uuid"}
)
"""The modules whose functions and classes only compute from what is there, or write it out."""

SLEEPING = "time.sleep"
"""What fails only where it is given a negative number."""

LOGGERS = ("logging", "logger", "log")
LOGS = frozenset({"critical", "debug", "error", "exception", "info", "log", "warn", "warning"})
"""The methods of a logger that write a line."""

LOGGING = LOGS | {"getLogger", "isEnabledFor"}
"""The methods of a logger, and of the module, none of which raises."""

STREAMS = frozenset({"stderr", "stdout"})
PRINTING = frozenset({"flush", "write"})
"""What ``sys`` has to print to, and the methods that do so."""

WARNING = frozenset({"warn", "warn_explicit"})
"""The functions of the module warnings: they raise only where a user asks for that (``-W error``).

Source: https://docs.python.org/3/library/warnings.html#available-functions
"""

MAPPINGS = frozenset({"ChainMap", "Counter", "OrderedDict", "UserDict", "defaultdict", "dict"})
"""The classes of mappings whose ``get`` gives None for a key that is missing."""

ENVIRONMENT = "os.environ"
"""The mapping of that kind that is there from the start."""

NEW_EACH_TIME = ("random.", "secrets.", "tempfile.", "time.", "uuid.")
"""Where the names begin of what gives another number, name or place at each call."""

EXITS = frozenset({"exit", "quit", "sys.exit"})
KILLS = frozenset({"os._exit", "os.abort"})
FAILS = frozenset({"pytest.exit", "pytest.fail", "pytest.skip", "pytest.xfail"})
"""What never returns: by SystemExit, at once, or by an exception of pytest."""

NO_FLUSH_RAISES = frozenset(
    {
        "AttributeError",
        "ImportError",
        "IndexError",
        "JSONDecodeError",
        "KeyError",
        "LookupError",
        "ModuleNotFoundError",
        "NameError",
        "ZeroDivisionError",
    }
)
"""What drivers raise of no value, as they do ``ValueError`` and ``OverflowError``."""

EXPECTING = frozenset({"assertRaises", "assertRaisesRegex", "raises"})
"""What makes a block of a test that swallows the error it waits for."""

# https://docs.python.org/3/library/unittest.html
# https://docs.pytest.org/en/stable/how-to/xunit_setup.html
TEARDOWNS = frozenset(
    {"__del__", "asyncTearDown", "tearDown", "tearDownClass", "tearDownModule"}
    | {"teardown_class", "teardown_function", "teardown_method", "teardown_module"}
)
"""The names of what Python and the runners of tests call when something ends."""

# https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.get_running_loop
RUNNING_LOOP = "asyncio.get_running_loop"
"""What raises RuntimeError where no event loop runs, and never in an asynchronous function."""
