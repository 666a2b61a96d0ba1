"""Connections of sqlite3, DuckDB and pools."""

import contextlib
import sqlite3

from database import PATH, engine, open_connection


def never_closed():
    connection = sqlite3.connect(PATH)  # leaks
    connection.execute("select 1")


def closing():
    with contextlib.closing(sqlite3.connect(PATH)) as connection:
        connection.execute("select 1")


def with_leaves_it_open():
    with sqlite3.connect(PATH) as connection:  # leaks
        connection.execute("select 1")


def closing_and_with():
    with contextlib.closing(sqlite3.connect(PATH)) as connection, connection:
        connection.execute("select 1")


def not_closed_where_it_raises():
    connection = sqlite3.connect(PATH)  # leaks
    connection.execute("select * from nowhere")
    connection.close()


def in_memory():
    connection = sqlite3.connect(":memory:")  # linter only: it holds no file and no server
    connection.execute("select 1")


def accessor():
    connection = open_connection()  # leaks
    connection.execute("select 1")


def of_a_class_of_its_own():
    class Connection(sqlite3.Connection):
        pass

    connection = sqlite3.connect(PATH, factory=Connection)  # leaks
    connection.execute("select 1")


def raw_connection():
    connection = engine.raw_connection()  # leaks
    connection.cursor().execute("select 1")


def raw_connection_given_back():
    with contextlib.closing(engine.raw_connection()) as connection:
        connection.cursor().execute("select 1")
