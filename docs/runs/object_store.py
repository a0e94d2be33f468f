"""A bucket of an S3 server: killed, gone on with, and changed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import boto3

from tests.system.bucket import bucket

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, a file a day.
owner: team:shop
license: CC0-1.0
connector:
  object_store:
    url: s3://lakes/orders
    match: "2026/*.jsonl"
    storage_options: {AWS_ENDPOINT_URL: "%s"}
key: [id]
"""


def make(run: Run) -> None:
    """40,000 orders in 40 objects."""
    with tempfile.TemporaryDirectory() as folder, bucket(Path(folder)) as store:
        run.shown[store.endpoint] = "http://127.0.0.1:9000"
        objects = boto3.client(
            "s3",
            endpoint_url=store.endpoint,
            region_name="us-east-1",
            aws_access_key_id=store.key,
            aws_secret_access_key=store.secret,
        )

        def put(day: int, first: int, count: int) -> None:
            lines = "".join(json.dumps(order(n, size=4), ensure_ascii=False) + "\n" for n in range(first, first + count))
            objects.put_object(Bucket="lakes", Key=f"orders/2026/{day:03}.jsonl", Body=lines.encode())

        for day in range(40):
            put(day, day * 1000, 1000)
        run.declare(DECLARATION % store.endpoint)
        run.variables |= store.variables
        run.lakehouse("collect orders", code=1, AWS_SECRET_ACCESS_KEY="wrong")
        run.note("with the right key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; 40 objects with 40,000 orders,")
        run.note("and the first collection is killed")
        run.killed("collect orders", run.landed(15), "15 objects had landed")
        run.lakehouse("collect orders")
        names = run.journal()["name"]
        run.exact(40_000, "id", sent="the bucket has")
        run.say(f"The journal has {names.len()} pieces of {names.n_unique()} objects: none landed twice.")
        run.note("unchanged")
        run.lakehouse("collect orders")
        put(0, 0, 999)
        put(40, 40_000, 10)
        run.note("one object lost an order, and one object of ten orders is new")
        run.lakehouse("collect orders")
        run.declare((DECLARATION % store.endpoint).replace("s3://lakes", "s3://lake"), shown=False)
        run.note("`url:` says s3://lake/orders")
        run.lakehouse("collect orders", code=1)
