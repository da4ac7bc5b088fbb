# gooseBit, a server of hawkBit's DDI API, on a free port of the loopback interface, which it prints. Its data is in the folder given.
import asyncio
import os
import socket
import sys

folder = os.path.abspath(sys.argv[1])
os.environ["GOOSEBIT_DB_URI"] = f"sqlite://{folder}/db.sqlite3"
os.environ["GOOSEBIT_ARTIFACTS_DIR"] = f"{folder}/artifacts"
os.environ["GOOSEBIT_POLL_TIME"] = "00:00:01"
os.environ["GOOSEBIT_TENANT"] = "lab"
os.environ["GOOSEBIT_SECRET_KEY"] = "a secret of this test alone, long enough"
os.environ["GOOSEBIT_DEVICE_AUTH__ENABLE"] = "true"
os.environ["GOOSEBIT_DEVICE_AUTH__MODE"] = "lax"
os.makedirs(f"{folder}/artifacts", exist_ok=True)

import uvicorn  # noqa: E402
from goosebit import app  # noqa: E402
from goosebit.db.config import TORTOISE_CONF  # noqa: E402
from tortoise import Tortoise  # noqa: E402


async def make_tables():
    await Tortoise.init(config=TORTOISE_CONF)
    await Tortoise.generate_schemas(safe=True)
    await Tortoise.close_connections()


asyncio.run(make_tables())
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listener])
