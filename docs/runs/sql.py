"""A table of PostgreSQL, read behind a cursor: killed and gone on with."""

from __future__ import annotations

from tests.reserve.database_servers import PASSWORD, Server, postgresql

from .session import Run, order

DECLARATION = """
source: orders
description: Orders of the shop's database.
owner: team:shop
license: CC0-1.0
connector:
  sql:
    url: "postgresql+psycopg://shop:${DB_PASSWORD}@127.0.0.1:%s/postgres"
    table: orders
    order: [id]          # tells rows apart; rows are read in this order
    cursor: updated      # later collections read only rows with the greatest value seen or more
key: [id]
"""


def make(run: Run) -> None:
    """40,000 orders."""
    with postgresql() as server:
        port = str(server.engine.url.port)
        run.shown[port] = "5432"
        server.run("create table orders (id bigint primary key, text text not null, amount numeric(10, 2), updated timestamptz not null)")
        _insert(server, 0, 40_000)
        run.declare(DECLARATION % port)
        run.lakehouse("collect orders", code=1, DB_PASSWORD="wrong")
        run.variables["DB_PASSWORD"] = PASSWORD
        run.note("with the right password; the table has 40,000 rows, and the first collection is killed")
        run.killed("collect orders", run.landed(2), "2 pieces had landed")
        run.lakehouse("collect orders")
        run.exact(40_000, "id", sent="the table has")
        run.note("unchanged")
        run.lakehouse("collect orders")
        _insert(server, 40_000, 3)
        server.run("update orders set text = '改', updated = '2026-02-01Z' where id = 7")
        run.note("3 rows were inserted, and one was changed")
        run.lakehouse("collect orders")
        server.run("alter table orders rename column updated to changed_at")
        run.note("the column of the cursor was renamed")
        run.lakehouse("collect orders", code=1)


def _insert(server: Server, first: int, count: int) -> None:
    rows = [(row["id"], row["text"]) for row in (order(n, size=8) for n in range(first, first + count))]
    with server.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into orders values (%s, %s, 9.90, '2026-01-01Z'::timestamptz + %s * interval '1 second')",
            [(*row, row[0]) for row in rows],
        )
