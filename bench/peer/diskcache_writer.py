"""Python DiskCache as one of several processes that write into one directory: one order per line, one tally per line."""

import json
import sys
import time

import diskcache

pool = []
opened = {}


def store_of(order):
    directory = order["directory"]
    if directory not in opened:
        opened[directory] = diskcache.FanoutCache(directory, shards=8)
    return opened[directory]


def value_pool(order):
    if not pool:
        with open(order["values"], "rb") as file:
            everything = file.read()
        size = order["size"]
        pool.extend(everything[at : at + size] for at in range(0, len(everything), size))
    return pool


def write(order):
    store = store_of(order)
    values = value_pool(order)
    pairs = [(f"key:{index:08d}", values[(index + order["shift"]) % len(values)]) for index in order["indices"]]
    worst = 0
    dropped = 0
    began = before = time.perf_counter_ns()
    for key, value in pairs:
        if not store.set(key, value):
            dropped += 1
        after = time.perf_counter_ns()
        worst = max(worst, after - before)
        before = after
    return {"took": (before - began) / 1e6, "worst": worst / 1e6, "dropped": dropped}


for line in sys.stdin:
    message = json.loads(line)
    store_of(message)
    print(json.dumps(write(message) if message["indices"] else {"took": 0, "worst": 0, "dropped": 0}), flush=True)
