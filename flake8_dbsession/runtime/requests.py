"""Which request of a web application is being served."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from flake8_dbsession.runtime.patching import Patches

_REQUEST: ContextVar[str] = ContextVar("flake8_dbsession_request", default="")
_IS_STREAMING: ContextVar[bool] = ContextVar("flake8_dbsession_streaming", default=False)


def current() -> str:
    """Give the request that the running code serves, such as ``GET /users``; empty for none."""
    return _REQUEST.get()


def is_streaming() -> bool:
    """Tell whether the request that the running code serves has come to stream its response."""
    return _IS_STREAMING.get()


def watch_flask(patches: Patches, module: ModuleType) -> None:
    """Note the request in Flask's applications, as the module ``flask.app`` is imported."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
            method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
            token = _REQUEST.set(f"{method} {path}")
            try:
                return original(app, environ, start_response)
            finally:
                _REQUEST.reset(token)

        return call

    patches.wrap(module.Flask, "wsgi_app", around)


def watch_starlette(patches: Patches, module: ModuleType) -> None:
    """Note it in Starlette's and FastAPI's, as ``starlette.applications`` is imported."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def call(app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
            kind = scope["type"]
            if kind not in ("http", "websocket"):  # a lifespan serves no request
                await original(app, scope, receive, send)
                return
            token = _REQUEST.set(f"{scope.get('method', 'WEBSOCKET')} {scope['path']}")
            streaming = _IS_STREAMING.set(False)
            try:
                await original(app, scope, receive, send)
            finally:
                _REQUEST.reset(token)
                _IS_STREAMING.reset(streaming)

        return call

    patches.wrap(module.Starlette, "__call__", around)


def watch_streams(patches: Patches, module: ModuleType) -> None:
    """Note there that a response is streamed, as ``starlette.responses`` is imported."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def call(response: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
            _IS_STREAMING.set(True)  # until the request is done, what its dependencies close too
            await original(response, scope, receive, send)

        return call

    patches.wrap(module.StreamingResponse, "__call__", around)
