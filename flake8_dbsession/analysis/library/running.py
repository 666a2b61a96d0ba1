"""What runs functions and coroutines: threads, processes, event loops, tasks.

Sources: Python's reference of asyncio, concurrent.futures, multiprocessing and threading, and the
pages named beside the entries.
"""

from __future__ import annotations

THREADS = frozenset({"threading.Thread", "threading.Timer"})
EXECUTORS = frozenset(
    f"concurrent.futures.{name}()"
    for name in ("Executor", "ThreadPoolExecutor", "thread.ThreadPoolExecutor")
)
THREAD_POOLS = EXECUTORS | {"multiprocessing.pool.ThreadPool()", "multiprocessing.dummy.Pool()"}
"""What runs functions in threads."""

RELAYS = {
    # https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread
    "asyncio.to_thread": 0,
    "asyncio.threads.to_thread": 0,
    # https://anyio.readthedocs.io/en/stable/threads.html
    "anyio.to_thread.run_sync": 0,
    # https://www.starlette.io/threadpool/
    "starlette.concurrency.run_in_threadpool": 0,
    "fastapi.concurrency.run_in_threadpool": 0,
    # https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_in_executor
    "asyncio.get_running_loop().run_in_executor": 1,
    "asyncio.get_event_loop().run_in_executor": 1,
    # https://docs.djangoproject.com/en/stable/topics/async/#sync-to-async
    "asgiref.sync.sync_to_async()": 0,
    # https://greenback.readthedocs.io and SQLAlchemy's own bridge
    "sqlalchemy.util.greenlet_spawn": 0,
}
"""What calls a function that it is given, elsewhere or here, and gives back its result.

The value is the position of the function among the arguments.
"""

PROCESS_STARTS = frozenset(
    {
        "multiprocessing.Process",
        "multiprocessing.get_context().Process",
        "multiprocessing.process.Process",
    }
)
PROCESS_POOLS = frozenset(
    {
        "concurrent.futures.ProcessPoolExecutor()",
        "concurrent.futures.process.ProcessPoolExecutor()",
        "multiprocessing.Pool()",
        "multiprocessing.get_context().Pool()",
        "multiprocessing.pool.Pool()",
    }
)
"""What runs functions in processes."""

PROCESS_MAKERS = (
    PROCESS_STARTS
    | {name.removesuffix("()") for name in PROCESS_POOLS}
    | {"multiprocessing.context.Process"}
)
"""Their classes and functions, by qualified name."""

POOL_METHODS = frozenset(
    {
        "apply",
        "apply_async",
        "imap",
        "imap_unordered",
        "map",
        "map_async",
        "starmap",
        "starmap_async",
        "submit",
    }
)
"""The methods by which a pool or executor is given work."""

EVENT_LOOPS = frozenset(
    f"asyncio.{name}()"
    for name in ("get_event_loop", "get_running_loop", "new_event_loop", "AbstractEventLoop")
)
LOOP_RUNNERS = frozenset({"anyio.run", "asyncio.run", "asyncio.runners.run", "uvloop.run"})
"""What runs a coroutine in an event loop of its own, and ends that."""

# https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.new_event_loop
# https://docs.python.org/3/library/asyncio-runner.html#asyncio.Runner
# https://github.com/MagicStack/uvloop#using-uvloop
LOOP_MAKERS = {
    "asyncio.Runner": "run",
    "asyncio.events.new_event_loop": "run_until_complete",
    "asyncio.new_event_loop": "run_until_complete",
    "asyncio.runners.Runner": "run",
    "uvloop.new_event_loop": "run_until_complete",
}
"""What makes an event loop, or what has one of its own, and its method that runs a coroutine."""

# https://docs.djangoproject.com/en/stable/topics/async/#async-to-sync
LOOP_WRAPPERS = frozenset({"asgiref.sync.async_to_sync"})
"""What does so with a coroutine function, called or given."""

RUNNERS = LOOP_RUNNERS | {
    "asyncio.gather",
    "asyncio.get_event_loop().run_until_complete",
    "asyncio.new_event_loop().run_until_complete",
    "asyncio.shield",
    "asyncio.wait_for",
}
"""What runs the coroutines that it is given to their end."""

TASKS = frozenset({"asyncio.create_task", "asyncio.ensure_future"})
NOTING_CALLS = (
    TASKS
    | {f"{loop}.create_task" for loop in EVENT_LOOPS}
    | {"asyncio.current_task", "asyncio.get_event_loop", "asyncio.get_running_loop"}
)
"""The functions of asyncio that only note a coroutine for later, or say what is running.

They fail only outside of an event loop.
"""
CARRIERS = (
    TASKS
    | {f"{loop}.create_task" for loop in EVENT_LOOPS}
    | {"asyncio.gather", "asyncio.shield", "asyncio.wait_for"}
)
"""What gives something to await for the coroutines that it is given."""
NOTING_NAMES = frozenset(name.rpartition(".")[2] for name in NOTING_CALLS)

GATHERS = frozenset({"asyncio.gather", "asyncio.tasks.gather"})
# They are given all the coroutines or tasks in one argument.
WAITS = frozenset(
    f"asyncio.{module}{name}" for module in ("", "tasks.") for name in ("as_completed", "wait")
)
# https://anyio.readthedocs.io/en/stable/tasks.html
GROUPS = frozenset(
    {
        "anyio.create_task_group()",
        "asyncio.TaskGroup()",
        "asyncio.taskgroups.TaskGroup()",
        "trio.open_nursery()",
    }
)
"""What runs several coroutines side by side."""

STARTERS = frozenset(
    {"Process", "Thread", "add_task", "apply_async", "create_task", "ensure_future", "submit"}
)
"""What hands its arguments to work that runs by itself, by the spelled name."""

LOCKS = frozenset(
    {"anyio.Lock()", "asyncio.Lock()", "asyncio.locks.Lock()", "threading.Lock()"}
    | {"threading.RLock()"}
)

WAITING_MODULES = ("asyncio", "queue", "threading")
WAITING = frozenset(
    {"BoundedSemaphore", "Condition", "Event", "LifoQueue", "Lock", "PriorityQueue", "Queue"}
    | {"RLock", "Semaphore", "SimpleQueue"}
)
"""What threads and coroutines wait for each other by, and the modules that have it."""

DRIVING = frozenset(
    # https://docs.python.org/3/library/asyncio-runner.html#asyncio.run
    {"asyncio.run", "asyncio.runners.run"}
    # https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_until_complete
    | {"asyncio.get_event_loop().run_until_complete", "asyncio.new_event_loop().run_until_complete"}
)
"""What runs the coroutine that it is given to its end, and gives back its result."""

DRIVING_AWAITED = frozenset(
    # https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for
    {"asyncio.wait_for", "asyncio.tasks.wait_for"}
)
"""What does so where it is awaited."""

RUNNING_MODULES = frozenset(
    {"asyncio", "concurrent", "contextlib", "functools", "itertools", "multiprocessing", "sched"}
    | {"threading", "weakref"}
)
"""The modules that run code which they are given, or keep it."""
