"""DBS506: engines that forked workers use."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS506"}
ON = {"selected": frozenset(CODES)}
HOUSE = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker
    from sqlalchemy.pool import NullPool

    engine = create_engine("postgresql://db/shop")
    SessionLocal = sessionmaker(engine)
    null_engine = create_engine("postgresql://db/shop", poolclass=NullPool)

    def count():
        with SessionLocal() as db:
            return db.scalar(query)

    def loose():
        with null_engine.connect() as conn:
            return conn.scalar(query)
"""


def test_processes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": HOUSE,
            "work.py": """
                import multiprocessing
                from concurrent.futures import ProcessPoolExecutor
                from multiprocessing import Pool, Process
                from db import count, engine, loose

                def work(number):
                    return count() + number

                def fresh():
                    engine.dispose(close=False)

                def own(number):
                    engine.dispose(close=False)
                    return count()

                def by_process():
                    Process(target=work, args=(1,)).start()  # DBS506

                def by_pool(numbers):
                    with Pool(4) as pool:  # DBS506
                        pool.map(work, numbers)

                def by_name(numbers):
                    pool = multiprocessing.Pool(4)  # DBS506
                    return pool.imap_unordered(work, numbers)

                def by_executor(numbers):
                    with ProcessPoolExecutor() as executor:  # DBS506
                        return [executor.submit(work, number) for number in numbers]

                def initialized(numbers):
                    with Pool(4, initializer=fresh) as pool:
                        pool.map(work, numbers)

                def disposed_of_first():
                    Process(target=own, args=(1,)).start()

                def without_a_pool():
                    Process(target=loose).start()

                def unseen(numbers):
                    with Pool(4, initializer=prepare) as pool:
                        pool.map(work, numbers)
            """,
            "spawned.py": """
                import multiprocessing
                from db import count

                multiprocessing.set_start_method("spawn")

                def start():
                    multiprocessing.Process(target=count).start()
            """,
        },
        CODES,
        **ON,
    )


CELERY = """
    from celery import Celery
    from db import count

    celery_app = Celery("app")  # DBS506

    @celery_app.task
    def counting():
        return count()
"""


def test_celery(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"db.py": HOUSE, "worker.py": CELERY}, CODES, **ON)


def test_celery_s_tasks_in_another_file(tmp_path: Path) -> None:
    files = {
        "db.py": HOUSE,
        "worker.py": """
            from celery import Celery

            celery_app = Celery("app", broker="sqla+postgresql://db/jobs")  # DBS506
        """,
        "tasks.py": """
            from celery import shared_task
            from db import count

            @shared_task
            def counting():
                return count()
        """,
    }
    assert_cases(tmp_path, files, CODES, **ON)


def test_a_signal_that_disposes_of_it(tmp_path: Path) -> None:
    signals = """
        from celery.signals import worker_process_init
        from db import engine

        @worker_process_init.connect
        def fresh(**kwargs):
            engine.dispose(close=False)
    """
    source = CELERY.replace("  # DBS506", "")
    files = {"db.py": HOUSE, "worker.py": source, "signals.py": signals}
    assert_cases(tmp_path, files, CODES, **ON)


def test_it_is_off_by_default(tmp_path: Path) -> None:
    write_project(tmp_path, {"db.py": HOUSE, "worker.py": CELERY})
    assert "DBS506" not in {code for *_, code, _ in lint(tmp_path, "worker.py")}
