"""What is known of web frameworks, task queues and command lines, by qualified name.

Sources: the documentation of FastAPI, Starlette, Flask, Quart, Litestar, Celery, APScheduler, RQ,
Click and Typer, and the pages named beside the entries.
"""

from __future__ import annotations

from flake8_dbsession.patterns import regex

# https://flask.palletsprojects.com/en/stable/appcontext/
APPLICATIONS = frozenset(
    {"flask.current_app", "flask.Flask()", "quart.current_app", "quart.Quart()"}
)
"""The application of a web framework, on which a project hangs its own objects."""

CONTEXTS = frozenset({"app_context", "request_context", "test_request_context"})
"""The methods of an application whose block ends with what the request's extensions clear up."""

REQUEST_OBJECTS = frozenset({"flask.g", "flask.globals.g", "quart.g"})
"""What lives as long as a request."""

OBJECTS = tuple(f"{name}." for name in (*sorted(APPLICATIONS), "flask.g", "quart.g"))
"""The beginnings of the names of what a project hangs on a library's objects."""

# https://www.starlette.io/applications/#storing-state-on-the-app-instance
STATEFUL_APPLICATIONS = frozenset({"fastapi.FastAPI()", "starlette.applications.Starlette()"})
"""The applications whose ``state`` is one for the process."""

ROUTERS = (
    "fastapi.FastAPI()",
    "fastapi.APIRouter()",
    "flask.Flask()",
    "flask.Blueprint()",
    "starlette.applications.Starlette()",
    "quart.Quart()",
    "quart.Blueprint()",
)
ROUTES = frozenset(
    {"get", "post", "put", "delete", "patch", "head", "options", "trace", "route", "api_route"}
)
"""What registers request handlers, and the methods by which it does."""

INJECTORS = frozenset({"Depends", "Security", "Provide", "TaskiqDepends"})
INJECTING_PACKAGES = frozenset(
    {
        "fast_depends",
        "fastapi",
        "fastapi_users",
        "faststream",
        "litestar",
        "propan",
        "starlite",
        "taskiq",
        "taskiq_dependencies",
    }
)
"""The names that mean the same as FastAPI's ``Depends``, and where they come from."""

STREAMING_PACKAGES = frozenset({"fastapi", "sse_starlette", "starlette"})
STREAMING_RESPONSES = frozenset({"EventSourceResponse", "StreamingResponse"})
"""The responses that read from a generator after the handler has returned."""

STREAM_WRAPPERS = frozenset({"aiter", "iter", "iterate_in_threadpool"})
"""What runs a generator's turns elsewhere, and gives them one by one."""

BACKGROUND_TASKS = frozenset(
    {
        "fastapi.BackgroundTasks()",
        "fastapi.background.BackgroundTasks()",
        "starlette.background.BackgroundTasks()",
    }
)
BACKGROUND_TASK = frozenset({"starlette.background.BackgroundTask"})
"""What runs functions after the response: a collection of them, and one."""

QUEUE_PACKAGES = frozenset(
    {"apscheduler", "celery", "django_rq", "dramatiq", "flask_apscheduler", "huey", "rq"}
)
QUEUE_DECORATORS = frozenset(
    {"actor", "cron_job", "job", "periodic_task", "scheduled_job", "shared_task", "task"}
)
SCHEDULING = frozenset({"add_job", "add_periodic_task", "do"})
"""The packages that run a function again and again, their decorators, and their methods."""

# https://python-rq.org/docs/workers/
FORKING_QUEUES = frozenset({"django_rq", "rq"})
"""Those whose worker forks a process for each job."""

# https://docs.celeryq.dev/en/stable/userguide/calling.html, https://dramatiq.io/reference.html,
# https://huey.readthedocs.io/en/latest/api.html, https://python-rq.org/docs/,
# https://taskiq-python.github.io/guide/getting-started.html
TASK_PACKAGES = QUEUE_PACKAGES - {"apscheduler", "flask_apscheduler"} | {
    "flask_dramatiq",
    "taskiq",
    "taskiq_aio_kafka",
    "taskiq_aio_pika",
    "taskiq_aio_sqs",
    "taskiq_nats",
    "taskiq_pg",
    "taskiq_redis",
}
"""The packages whose tasks a worker runs, in a process of its own."""

CALLED_TASKS = frozenset({"huey"})
"""Those whose tasks are sent by calling them."""

SENDING_TASK = frozenset({"apply_async", "delay", "kiq", "send", "send_with_options"})
"""The methods by which a task is sent to a worker."""

SIGNATURES = frozenset({"s", "si", "signature", "subtask"})
"""The methods that note what a task is to be sent with, to be sent alone or in a chain."""

# https://docs.celeryq.dev/en/stable/reference/celery.html#celery.Celery.send_task,
# https://python-rq.org/docs/, https://arq-docs.helpmanual.io/#arq.connections.ArqRedis.enqueue_job
SENDING = {
    "send_task": frozenset({"celery.Celery()", "celery.current_app"}),
    "enqueue": frozenset({"django_rq", "django_rq.get_queue()", "rq.Queue()", "rq.queue.Queue()"}),
    "enqueue_call": frozenset({"django_rq.get_queue()", "rq.Queue()", "rq.queue.Queue()"}),
    "enqueue_job": frozenset(
        {
            "arq.ArqRedis()",
            "arq.connections.ArqRedis()",
            "arq.connections.create_pool()",
            "arq.create_pool()",
        }
    ),
}
"""The methods that send what they are told the name of, or given, with those that have them."""

# Of Celery, dramatiq, huey and arq.
POSTPONING = frozenset({"_defer_by", "_defer_until", "countdown", "delay", "eta"})
"""The options of what sends a task by which no worker runs it at once."""

CELERY_APPLICATIONS = frozenset({"celery.Celery", "celery.app.Celery", "celery.app.base.Celery"})

# https://docs.celeryq.dev/en/stable/userguide/signals.html#worker-process-init
CELERY_FORKED = "worker_process_init"
"""Celery's signal of a worker that has been forked."""

COMMAND_LINES = ("click.", "flask.", "typer.")
"""The packages whose decorated functions are commands of a program."""

# https://docs.marimo.io/guides/understanding_errors/multiple_definitions/
NOTEBOOK_CELLS = frozenset({"marimo.App().cell"})
"""What decorates the cells of a notebook, whose names are global to it and live on."""

# https://flask.palletsprojects.com/en/stable/api/#flask.Flask.teardown_appcontext
TEARDOWN_HOOKS = frozenset(
    {"teardown_app_request", "teardown_appcontext", "teardown_request", "teardown_websocket"}
)
"""The decorators of functions that Flask and Quart call when a request or its context ends."""

# What closes or removes a session at a request's end: Flask's hooks and signals, a registry's own
# ``remove``, a close of what ``g`` keeps, and extensions, which bring their hooks in ``init_app``.
TEARDOWN = regex(
    rb"teardown_(?:appcontext|request|websocket)"
    rb"|tearing_down"
    rb"|after_(?:this_)?request"
    rb"|flask_sqlalchemy"
    rb"|init_app"
    rb"|\.remove(?:\(\)|\s*\))"
    rb"|\bg\.pop\("
    rb"|\bg\.\w+\.close\b"
)
"""What in a project may close a request's session when the request ends."""
