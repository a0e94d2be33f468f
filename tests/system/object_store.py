"""An S3 server on loopback, in a process of its own: delta-rs holds the interpreter while it waits for an answer.

Arguments: the port, and how many requests are let through before every one must carry a valid signature of a known key.
"""

import logging
import os
import sys

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = sys.argv[2]

from moto.server import main

logging.getLogger("werkzeug").setLevel(logging.ERROR)
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
