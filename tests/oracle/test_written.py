"""Written programs: how they end is known, and both the analysis and the runs have to say so."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from tests.oracle.runtime import Program
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
}


def _source(body: str) -> str:
    return "def program():\n" + indent(dedent(body).strip(), "    ") + "\n"


@pytest.mark.parametrize("body", _LEAKING.values(), ids=_LEAKING.keys())
@pytest.mark.filterwarnings("ignore")
def test_leaking_program(body: str) -> None:
    source = _source(body)

    assert Program(source).leaking_answers(max_deviations=4, max_runs=10_000) is not None
    assert any(lifetime.leaks for lifetime in judge(source) or ())


@pytest.mark.parametrize(
    "body",
    [*_CLOSED.values(), *_HANDED_ON.values()],
    ids=[*_CLOSED.keys(), *_HANDED_ON.keys()],
)
@pytest.mark.filterwarnings("ignore")
def test_program_without_a_leak(body: str) -> None:
    source = _source(body)

    assert Program(source).leaking_answers(max_deviations=4, max_runs=10_000) is None
    found = judge(source)
    assert found is not None
    assert [lifetime.leaks for lifetime in found] == [()] * len(found)


@pytest.mark.parametrize("body", _HANDED_ON.values(), ids=_HANDED_ON.keys())
def test_hand_on_is_reported(body: str) -> None:
    assert any(lifetime.hand_ons for lifetime in judge(_source(body)) or ())
