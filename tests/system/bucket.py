"""An S3 server on loopback that knows one key, and has the bucket `lakes`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import free_port, wait_until_open

ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@dataclass(frozen=True)
class Store:
    """The server: its endpoint, and a key that it knows."""

    endpoint: str
    key: str
    secret: str

    @property
    def variables(self) -> dict[str, str]:
        """The key, as the environment has it."""
        region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, **region}


@contextmanager
def bucket(folder: Path) -> Iterator[Store]:
    """The server, until the block ends; its log goes to `folder`. The test is skipped without boto3."""
    boto3 = pytest.importorskip("boto3")
    port = free_port()
    said = (folder / "server.log").open("w")
    # Four requests make the key and the bucket; all later ones are checked.
    server = subprocess.Popen([sys.executable, str(Path(__file__).with_name("object_store.py")), str(port), "4"], stdout=said, stderr=said)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        wait_until_open(port, server, 60)
        given: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
        }
        users = boto3.client("iam", **given)
        users.create_user(UserName="factory")
        users.put_user_policy(UserName="factory", PolicyName="all", PolicyDocument=ALLOW_ALL)
        key = users.create_access_key(UserName="factory")["AccessKey"]
        boto3.client("s3", **given).create_bucket(Bucket="lakes")
        yield Store(endpoint, key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        server.kill()
        server.wait()
        said.close()
