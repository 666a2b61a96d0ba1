"""Written programs: how they end is known, and both the analysis and the runs have to say so."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from tests.oracle.agreement import compare
from tests.oracle.verdict import judge

_LEAKING = {
    "never closed": """
        db = SessionLocal()
        db.execute()
    """,
    "use raises before the close": """
        db = SessionLocal()
        db.execute()
        db.close()
    """,
    "connection is live at once": """
        db = connect()
        work()
        db.close()
    """,
    "discarded": """
        SessionLocal().execute()
    """,
    "later argument raises": """
        use(connect(), work())
    """,
    "early return": """
        db = SessionLocal()
        try:
            db.execute()
        except Exception:
            return None
        db.close()
    """,
    "break in a loop": """
        for _ in turns():
            db = connect()
            if choose():
                break
            db.close()
    """,
    "one a turn, the last one closed": """
        db = connect()
        while choose():
            db = connect()
        db.close()
    """,
    "handler catches another class": """
        db = SessionLocal()
        try:
            db.execute()
        except ValueError:
            pass
        db.close()
    """,
    "close in a handler only": """
        db = connect()
        try:
            work()
        except Exception:
            db.close()
            raise
    """,
    "first close of two is skipped in a finally": """
        first = connect()
        try:
            work()
        finally:
            work()
            first.close()
    """,
    "return in a finally swallows the return of the session": """
        db = connect()
        try:
            return db
        finally:
            return None
    """,
    "holder is dropped": """
        holder = Holder(SessionLocal())
        holder.work()
    """,
    "container is dropped": """
        box = [connect()]
        len(box)
    """,
    "container of many is dropped": """
        box = [connect() for _ in turns()]
    """,
    "second of many fails to open": """
        keeper.all = [connect() for _ in turns()]
    """,
    "closure uses and stays": """
        db = SessionLocal()
        def later():
            db.execute()
        later()
    """,
    "sqlite3 block does not close": """
        with connect() as db:
            pass
    """,
    "flag that says nothing of the opening": """
        db = SessionLocal()
        own = choose()
        try:
            db.execute()
        finally:
            if own:
                db.close()
    """,
    "wrong one of two closed": """
        first = connect()
        second = first
        first = connect()
        first.close()
    """,
    "rebound to None": """
        db = connect()
        db = None
    """,
    "used after a close before the first use": """
        db = SessionLocal()
        db.close()
        db.execute()
    """,
    "assertion fails": """
        db = connect()
        assert choose() == 0
        db.close()
    """,
    "subscript raises": """
        db = connect()
        {}[choose()]
        db.close()
    """,
    "while loop left by its condition": """
        while choose():
            db = connect()
            if choose():
                continue
            db.close()
        else:
            work()
    """,
    "match without the last case": """
        db = connect()
        match choose(3):
            case 0:
                db.close()
            case 1:
                db.close()
    """,
    "exception of a class that its handler takes for another": """
        db = SessionLocal()
        try:
            db.execute()
        except ValueError:
            raise KeyError("x")
        except KeyError:
            db.close()
            raise
        db.close()
    """,
    "exception in the else of a try": """
        db = connect()
        try:
            pass
        except Exception:
            pass
        else:
            work()
        db.close()
    """,
    "argument of an ordinary function": """
        db = SessionLocal()
        return use(db)
    """,
    "comprehension closes what it goes through by the same name": """
        db = connect()
        [db.close() for db in keeper.items]
    """,
    "lambda with a parameter of that name": """
        db = connect()
        keeper.items.append(lambda db: db.execute())
    """,
    "nested function with a parameter of that name": """
        db = connect()
        def later(db):
            db.close()
        keeper.later = later
    """,
    "nested function with a name of its own": """
        db = connect()
        def later():
            db = None
            return db
        keeper.later = later
    """,
    "nested function that closes and is never called": """
        db = connect()
        def later():
            db.close()
    """,
    "default of a function that is lost": """
        db = connect()
        def later(given=db):
            given.close()
    """,
    "nonlocal name that is dropped": """
        db = connect()
        def later():
            nonlocal db
            db = None
        later()
    """,
    "generator expression that is dropped": """
        db = connect()
        x = (db.execute() for _ in turns())
    """,
    "block of a connection on an exit stack does not close it": """
        with ExitStack() as stack:
            db = stack.enter_context(connect())
            db.execute()
    """,
    "exit stack that nobody leaves": """
        stack = ExitStack()
        db = stack.enter_context(SessionLocal())
        db.execute()
    """,
    "name is deleted": """
        db = connect()
        del db
    """,
    "bound method that is dropped": """
        db = connect()
        run = db.execute
        run()
    """,
    "partial that is dropped": """
        db = connect()
        later = partial(use, db)
        later()
    """,
    "starred target takes the rest": """
        first, *rest = connect(), connect()
        first.close()
        rest[0].close()
    """,
    "nested comprehensions": """
        db = connect()
        x = [work() for _ in turns() for _ in turns() if work()]
        db.close()
    """,
    "process exit that is caught": """
        db = connect()
        try:
            sys.exit()
        except SystemExit:
            pass
    """,
    "process exit that a finally swallows": """
        db = connect()
        try:
            raise SystemExit(1)
        finally:
            return
    """,
    "added to a container that is dropped": """
        box = []
        box += [connect()]
    """,
    "message of an assertion uses it": """
        db = SessionLocal()
        try:
            assert choose() == 0, db.execute()
        except AssertionError:
            pass
    """,
    "yield from raises": """
        db = connect()
        yield from turns()
        db.close()
    """,
    "return that a later one replaces": """
        db = connect()
        try:
            return db
        finally:
            if choose():
                return None
    """,
    "class that is dropped": """
        db = connect()
        class Local:
            kept = db
    """,
    "opened name reused by a comprehension": """
        db = connect()
        keeper.items = [db for db in turns()]
    """,
    "function that never returns raises": """
        db = connect()
        if choose():
            bail()
        db.close()
    """,
    "cancelled while it waits": """
        db = AsyncSessionLocal()
        try:
            await db.execute()
        except Exception:
            pass
        await db.close()
    """,
    "suppressed with a use after": """
        with suppress(ValueError), closing(connect()) as db:
            db = connect()
            work()
    """,
    "exception kept under its name by an outer handler": """
        db = connect()
        try:
            work()
        except ValueError as error:
            try:
                work()
            except KeyError:
                raise error
        db.close()
    """,
    "second opening replaces the first": """
        db = SessionLocal()
        db.execute()
        other, db = SessionLocal(), db
        db.close()
        other.execute()
    """,
    "second of two swapped fails to open": """
        first = connect()
        second = connect()
        first, second = second, first
        first.close()
        second.close()
    """,
    "nested function opens and may not get to its close": """
        def make():
            db = connect()
            work()
            db.close()
        make()
    """,
}
_CLOSED = {
    "finally": """
        db = SessionLocal()
        try:
            return db.execute()
        finally:
            db.close()
    """,
    "with": """
        with SessionLocal() as db:
            db.execute()
            return 1
    """,
    "closing": """
        with closing(connect()) as db, db:
            db.execute()
    """,
    "None before the try": """
        db = None
        try:
            db = SessionLocal()
            db.execute()
        finally:
            if db:
                db.close()
    """,
    "flag set where it is opened": """
        db = None
        own = False
        if choose():
            db = SessionLocal()
            own = True
        try:
            use(db)
        finally:
            if own:
                db.close()
    """,
    "flag that asks whether there is one": """
        db = keeper.items[0] if keeper.items else None
        own = db is None
        if own:
            db = SessionLocal()
        try:
            db.execute()
        finally:
            if own:
                db.close()
    """,
    "flag set before the fallback": """
        given = keeper.items[0] if keeper.items else None
        own = given is None
        db = given or SessionLocal()
        try:
            db.execute()
        finally:
            if own:
                db.close()
    """,
    "flag and something else": """
        db = None
        own = not db and choose() == 0
        if own:
            db = connect()
        if own and db is not None:
            db.close()
    """,
    "fallback": """
        given = None
        db = given or SessionLocal()
        try:
            db.execute()
        finally:
            if not given:
                db.close()
    """,
    "suppressed": """
        db = SessionLocal()
        with suppress(Exception):
            db.execute()
        db.close()
    """,
    "error kept and raised later": """
        error = None
        db = SessionLocal()
        try:
            db.execute()
        except Exception as caught:
            error = caught
            db.close()
        if error:
            raise error
        db.close()
    """,
    "close in the handler and at the end": """
        db = SessionLocal()
        try:
            db.execute()
        except Exception:
            db.close()
            raise
        db.close()
    """,
    "handler raises again what another one catches": """
        db = connect()
        try:
            try:
                work()
            except ValueError:
                raise
        except Exception:
            pass
        db.close()
    """,
    "making an exception raises no other": """
        db = connect()
        try:
            raise KeyError("x")
        except ValueError:
            return
        except KeyError:
            db.close()
    """,
    "unpacked side by side": """
        first, second = connect(), None
        second, first = first, second
        second.close()
    """,
    "alias": """
        db = connect()
        same = db
        same.close()
    """,
    "callee closes": """
        db = SessionLocal()
        try:
            use(db)
        finally:
            close_it(db)
    """,
    "closure closes": """
        db = SessionLocal()
        def cleanup():
            db.close()
        try:
            db.execute()
        finally:
            cleanup()
    """,
    "is locals aware": """
        try:
            db = connect()
            work()
        finally:
            if "db" in locals():
                db.close()
    """,
    "process exit": """
        db = connect()
        sys.exit()
    """,
    "lost before the process exits": """
        db = SessionLocal()
        try:
            db.execute()
        finally:
            db = None
            sys.exit()
    """,
    "endless loop": """
        db = connect()
        while True:
            try:
                work()
            except Exception:
                continue
            if tired():
                break
        db.close()
    """,
    "break through a finally": """
        for _ in turns():
            db = SessionLocal()
            try:
                db.execute()
                if choose():
                    break
                if choose():
                    continue
            finally:
                db.close()
    """,
    "never used": """
        db = SessionLocal()
        work()
    """,
    "what does not raise": """
        db = connect()
        logger.info("opened %s", len([1]))
        db.close()
    """,
    "last case takes all": """
        db = connect()
        match choose(3):
            case 0:
                db.close()
            case _:
                db.close()
    """,
    "nested function closes what it is given": """
        db = connect()
        def later(given):
            given.close()
        later(db)
    """,
    "nested function closes its default": """
        db = connect()
        def later(given=db):
            given.close()
        later()
    """,
    "nested function uses and closes": """
        db = connect()
        def later():
            try:
                db.execute()
            finally:
                db.close()
        later()
    """,
    "lambda closes": """
        db = connect()
        later = lambda: db.close()
        later()
    """,
    "nested function closes and forgets": """
        db = connect()
        def later():
            nonlocal db
            db.close()
            db = None
        later()
    """,
    "nested function closes under a test": """
        db = connect()
        def later():
            nonlocal db
            db.close()
            db = None
        try:
            work()
        finally:
            if db:
                later()
    """,
    "exit stack": """
        with ExitStack() as stack:
            db = stack.enter_context(SessionLocal())
            db.execute()
    """,
    "exit stack over closing": """
        with ExitStack() as stack:
            db = stack.enter_context(closing(connect()))
            db.execute()
    """,
    "callback of an exit stack": """
        with ExitStack() as stack:
            db = connect()
            stack.callback(db.close)
            db.execute()
    """,
    "pushed onto an exit stack": """
        with ExitStack() as stack:
            db = SessionLocal()
            stack.push(db)
            db.execute()
    """,
    "exit stack closed by hand": """
        stack = ExitStack()
        try:
            db = stack.enter_context(SessionLocal())
            db.execute()
        finally:
            stack.close()
    """,
    "match tells None apart": """
        db = connect() if choose() else None
        match db:
            case None:
                return
            case _:
                db.close()
    """,
    "name bound by a pattern": """
        db = connect()
        match db:
            case same:
                same.close()
    """,
    "assertion says that there is one": """
        db = connect() if choose() else None
        assert db
        db.close()
    """,
    "return where there is none": """
        db = None
        if choose():
            db = connect()
        if db is None:
            return
        db.close()
    """,
    "opened in a test": """
        if (db := connect()):
            db.close()
    """,
    "opened in a comparison": """
        if (db := connect()) is None:
            return
        db.close()
    """,
    "opened in the test of a loop": """
        while choose() and (db := connect()):
            db.close()
    """,
    "yield that is answered": """
        db = connect()
        try:
            x = yield db
        finally:
            db.close()
    """,
    "raised from another one": """
        db = connect()
        try:
            work()
        except Exception as error:
            db.close()
            raise ValueError from error
        db.close()
    """,
    "suppressed inside another manager": """
        with closing(connect()) as db, suppress(Exception):
            work()
            return
        work()
    """,
    "suppressed around another manager": """
        with suppress(Exception), closing(connect()) as db:
            db.execute()
            work()
    """,
    "other name is deleted": """
        db = connect()
        same = db
        del db
        same.close()
    """,
    "two names at once": """
        a = b = connect()
        a.close()
    """,
    "annotated name": """
        db: object = connect()
        db.close()
    """,
    "break in a finally": """
        for _ in turns():
            db = connect()
            try:
                work()
            finally:
                db.close()
                break
    """,
    "return in a finally": """
        db = connect()
        try:
            work()
        finally:
            db.close()
            return
    """,
    "closed through its holder": """
        holder = Holder(connect())
        holder.db.close()
    """,
    "bound close": """
        db = connect()
        end = db.close
        end()
    """,
    "process exit that is raised": """
        db = connect()
        raise SystemExit(1)
    """,
    "process exit in a block": """
        with SessionLocal() as db, block():
            db.execute()
            sys.exit()
    """,
    "asynchronous block": """
        async with slow_block(), AsyncSessionLocal() as db:
            await db.execute()
            await pause()
    """,
    "asynchronous exit stack": """
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(AsyncSessionLocal())
            await db.execute()
    """,
    "asynchronous aclosing": """
        async with aclosing(AsyncSessionLocal()) as db:
            await db.execute()
    """,
    "awaited callee closes": """
        db = AsyncSessionLocal()
        try:
            await pause(db)
        finally:
            await close_slowly(db)
    """,
    "function that never returns exits": """
        db = connect()
        if choose():
            leave()
        db.close()
    """,
    "other closed after a suppressed block": """
        db = connect()
        with suppress(Exception), block():
            work()
        db.close()
    """,
    "close and forget": """
        db = connect() if choose() else None
        if db:
            db.close()
            db = None
        if db:
            work()
    """,
    "stack in a with of its own": """
        pile = ExitStack()
        with pile:
            db = pile.enter_context(SessionLocal())
            db.execute()
    """,
    "container closed in a loop": """
        box = []
        try:
            for _ in turns():
                box.append(connect())
                work()
        finally:
            for each in box:
                each.close()
    """,
    "nested function closes in a block": """
        db = connect()
        def close_later():
            with closing(db):
                pass
        close_later()
    """,
    "nested function closes if there is one": """
        db = None
        def close_later():
            if db is not None:
                db.close()
        try:
            db = connect()
            work()
        finally:
            close_later()
    """,
    "nested function opens and closes": """
        def make():
            db = connect()
            try:
                work()
            finally:
                db.close()
        make()
    """,
    "error of an outer handler raised again": """
        db = connect()
        try:
            work()
        except ValueError as error:
            try:
                work()
            except KeyError:
                try:
                    raise error
                except ValueError:
                    pass
        finally:
            db.close()
        db = connect()
        try:
            try:
                raise ValueError
            except ValueError as error:
                try:
                    raise KeyError
                except KeyError:
                    raise error
        except ValueError:
            db.close()
    """,
    "one a turn until it works": """
        while True:
            db = SessionLocal()
            try:
                db.execute()
                return
            except ValueError:
                if tired():
                    raise
            finally:
                db.close()
    """,
    "given or opened, which another opening hangs on": """
        given = spare()
        db = given
        own = db is None
        if own:
            db = connect()
        try:
            if not db:
                work()
        except LookupError:
            x = [connect()]
        finally:
            if own:
                db.close()
    """,
    "process exit in a nested function": """
        def inner():
            db = connect()
            leave()
        inner()
    """,
    "one of two exceptions is raised again": """
        db = None
        try:
            db = SessionLocal()
            raise RuntimeError
        except:
            try:
                raise
            except LookupError:
                if db:
                    db.execute()
    """,
    "one of two exceptions is raised again to an outer handler": """
        db = None
        try:
            try:
                db = SessionLocal()
                raise RuntimeError
            except:
                raise
        except LookupError:
            if db:
                db.execute()
        except Exception:
            pass
    """,
    "exception before a name is bound anew": """
        other = [1]
        if choose():
            work()
        try:
            work()
            other = [2]
        except Exception:
            if other is None:
                connect().execute()
    """,
}
_HANDED_ON = {
    "returned": """
        db = SessionLocal()
        return db
    """,
    "returned in a container": """
        db = connect()
        return {"db": db}
    """,
    "returned in a holder": """
        holder = Holder(connect())
        return holder
    """,
    "stored": """
        keeper.db = connect()
    """,
    "stored in a box that is stored": """
        box = {}
        box["db"] = connect()
        keeper.box = box
    """,
    "global name": """
        global shared
        shared = connect()
    """,
    "exit stack": """
        db = keeper.stack.enter_context(connect())
        work()
    """,
    "registered close": """
        db = SessionLocal()
        keeper.addCleanup(db.close)
        db.execute()
    """,
    "lambda that leaves": """
        db = connect()
        return lambda: db.execute()
    """,
    "generator that leaves": """
        db = connect()
        def rows():
            yield db.execute()
        return rows()
    """,
    "many stored": """
        keeper.all = [SessionLocal() for _ in turns()]
    """,
    "conditional return": """
        db = connect()
        return db if db else None
    """,
    "generator expression that is stored": """
        db = connect()
        keeper.later = (db.execute() for _ in turns())
    """,
    "default of a function that is stored": """
        db = connect()
        def later(given=db):
            given.execute()
        keeper.later = later
    """,
    "default of a lambda that is stored": """
        db = connect()
        keeper.later = lambda given=db: given.close()
    """,
    "exit stack that is returned": """
        with ExitStack() as stack:
            db = stack.enter_context(SessionLocal())
            db.execute()
            return stack.pop_all()
    """,
    "class that is returned": """
        db = connect()
        class Local:
            def close(self):
                db.close()
        return Local
    """,
    "registered by a decorator": """
        db = connect()
        @keeper.addCleanup
        def later():
            db.close()
    """,
    "partial that is stored": """
        db = connect()
        keeper.later = partial(use, db)
    """,
    "registered for the exit": """
        db = connect()
        atexit.register(db.close)
        work()
    """,
    "registered with a finalizer": """
        db = connect()
        weakref.finalize(keeper, db.close)
        work()
    """,
    "registered in a fixture": """
        db = connect()
        keeper.addfinalizer(db.close)
        work()
    """,
    "name and attribute at once": """
        db = keeper.db = connect()
        db.execute()
    """,
    "added to a container that is stored": """
        keeper.items += [connect()]
    """,
    "return of what is not None": """
        db = connect()
        return None or db
    """,
    "container made of it": """
        db = connect()
        keeper.box = list([db])
    """,
    "callee keeps": """
        db = connect()
        keep_it(db)
        work()
    """,
    "callee wraps": """
        db = connect()
        return wrap_it(db)
    """,
    "stack put away": """
        pile = ExitStack()
        pile.callback(connect().close)
        keeper.pile = pile
    """,
    "global name that is set again": """
        global shared
        db = SessionLocal()
        shared = db
        db.execute()
        shared = None
    """,
}


def _source(body: str) -> str:
    header = "async def" if "await " in body or "async " in body else "def"
    return f"{header} program():\n" + indent(dedent(body).strip(), "    ") + "\n"


@pytest.mark.parametrize("body", _LEAKING.values(), ids=_LEAKING.keys())
@pytest.mark.filterwarnings("ignore")
def test_leaking_program(body: str) -> None:
    found = compare(_source(body), max_deviations=4, max_runs=5_000)

    assert found.leaks
    assert found.claimed == found.shown.keys()


@pytest.mark.parametrize(
    "body",
    [*_CLOSED.values(), *_HANDED_ON.values()],
    ids=[*_CLOSED.keys(), *_HANDED_ON.keys()],
)
@pytest.mark.filterwarnings("ignore")
def test_program_without_a_leak(body: str) -> None:
    found = compare(_source(body), max_deviations=4, max_runs=5_000)

    assert not found.leaks
    assert found.claimed == frozenset()


@pytest.mark.parametrize("body", _HANDED_ON.values(), ids=_HANDED_ON.keys())
def test_hand_on_is_reported(body: str) -> None:
    found = judge(_source(body))
    assert found is not None
    assert any(lifetime.hand_ons for lifetime in found.lifetimes.values())


_WITH_HELPERS = {
    "worked with, given back and dropped": """
        def giver_1(db):
            db.execute()
            return db

        def program():
            db = SessionLocal()
            giver_1(db)
    """,
    "given back only where its work went well": """
        def giver_1(db):
            db.execute()
            return db

        def program():
            db = SessionLocal()
            x = giver_1(db)
            x.close()
    """,
    "a callback that only works": """
        def runner_1(callback, db):
            callback(db)

        def program():
            db = connect()
            runner_1(use_it, db)
    """,
    "opened by a helper of another module": """
        'helpers.py'
        def open_1():
            return connect()

        'program.py'
        from helpers import open_1

        def program():
            db = open_1()
            db.execute()
    """,
    "used again after a block that closes what it is given": """
        @contextmanager
        def guard_1(db):
            try:
                yield db
            finally:
                db.close()

        def program():
            db = SessionLocal()
            with guard_1(db):
                x = work()
            db.execute()
    """,
    "worked with on some ways before it is given back": """
        def giver_1(db):
            if choose():
                db.execute()
            return db

        def program():
            db = SessionLocal()
            try:
                giver_1(db)
            finally:
                close_unless(db)
            x = giver_1(db)
    """,
    "a block that closes only where nothing is raised": """
        @contextmanager
        def scope_1():
            db = connect()
            yield db
            db.close()

        def program():
            with scope_1() as db:
                db.execute()
    """,
}


@pytest.mark.parametrize("source", _WITH_HELPERS.values(), ids=_WITH_HELPERS)
def test_a_leak_that_a_helper_decides(source: str) -> None:
    found = compare(dedent(source).strip("\n") + "\n")
    assert found.claimed == found.shown.keys()
    assert len(found.shown) == 1


def test_a_name_for_objects_of_several_classes_is_not_guessed_at() -> None:
    source = """
        class Store_1:
            def __init__(self, db):
                self.db = db

            def finish(self):
                self.db.execute()

        class Store_2:
            def __init__(self, db):
                self.db = db

            def finish(self):
                self.db.close()

        def program():
            db = SessionLocal()
            if choose():
                store = Store_1(tuple())
            store = Store_2(db)
            store.finish()
    """
    found = compare(dedent(source).strip("\n") + "\n")
    assert found.claimed == found.shown.keys() == set()
