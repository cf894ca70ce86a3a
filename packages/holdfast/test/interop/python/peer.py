"""A process that locks by redis-py's Lock: see ../peer.ts for what it can be asked.

    python3 peer.py <host> <port>
"""

import json
import sys
import time

import redis
from redis.exceptions import LockError

host, port = sys.argv[1:]
client = redis.Redis(host=host, port=int(port))
held = {}


def lock(name, ms):
    return client.lock(name, timeout=ms / 1000, sleep=0.02, thread_local=False)


def did(action):
    """Whether the library says that it did it."""
    try:
        return action() is not False
    except LockError:
        return False


def hello(ask):
    return True


def take(ask):
    one = lock(ask["name"], ask["ms"])
    if not one.acquire(blocking=False):
        return False
    held[ask["name"]] = one
    return True


def release(ask):
    return did(held[ask["name"]].release)


def extend(ask):
    return did(held[ask["name"]].reacquire)


def work(ask):
    """Counts under the lock, in a way that only exclusion makes right."""
    for _ in range(ask["times"]):
        with lock(ask["name"], 60_000):
            before = int(client.get("counter") or 0)
            client.rpush("order", ask["tag"])
            time.sleep(0.001)
            client.set("counter", before + 1)
    return ask["times"]


asks = {"hello": hello, "take": take, "release": release, "extend": extend, "work": work}

for line in sys.stdin:
    ask = json.loads(line)
    try:
        reply = {"id": ask["id"], "result": asks[ask["op"]](ask)}
    except Exception as error:
        reply = {"id": ask["id"], "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
