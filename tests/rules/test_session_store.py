"""DBS208: containers that all instances of a session manager share."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS208"}


def test_containers_in_the_bodies_of_managing_classes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import collections
                from collections import OrderedDict, defaultdict
                from typing import ClassVar

                class SessionManager:
                    sessions = {}  # DBS208

                class RedisSessionBackend:
                    by_user: dict[str, object] = defaultdict(list)  # DBS208
                    ordered = OrderedDict()  # DBS208
                    known: ClassVar[set[str]] = set()  # DBS208
                    queue = collections.deque(maxlen=5)  # DBS208

                    def put(self, key, value):
                        self.by_user[key].append(value)

                class UserSessionStore:
                    filled = {"root": None}  # DBS208
                    listed = ["root"]  # DBS208

                    def put(self, key, value):
                        self.filled[key] = value
                        self.listed.append(key)

                def build():
                    class LocalSessionCache:
                        items = []  # DBS208
                    return LocalSessionCache
            """
        },
        CODES,
    )


def test_own_containers_constants_and_other_classes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                class SessionManager:
                    sessions = {}
                    names = ("a", "b")
                    limit = 5
                    lock = make_lock()
                    settings = {"timeout": 5}
                    declared: dict[str, object]

                    def __init__(self):
                        self.sessions = {}

                    def timeout(self):
                        return self.settings["timeout"]

                class SingletonSessionManager:
                    _instances = {}

                    def __new__(cls, name):
                        if name not in cls._instances:
                            cls._instances[name] = super().__new__(cls)
                        return SingletonSessionManager._instances[name]

                class SessionManagerOptions:
                    values = {}

                class ConnectionStore:
                    sessions = {}
            """
        },
        CODES,
    )


def test_a_table_that_is_written_as_a_call_and_only_read(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "store.py": """
                class SessionCache:
                    KINDS = dict(basic=int, session=str)
                    MADE = dict(basic=int)  # DBS208
                    EMPTY = dict()  # DBS208

                    def kind(self, name):
                        self.MADE[name] = self.EMPTY.get(name)
                        return self.KINDS[name]
            """
        },
        {"DBS208"},
    )
