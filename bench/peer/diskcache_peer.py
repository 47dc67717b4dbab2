"""Python DiskCache, doing the work of the benches.

Reads one request per line from standard input, a JSON object with `do` and what that needs, and answers each with one line:
a JSON object with `figure` (microseconds per operation, or null) or `error`. Loops are timed in here, so neither the pipe nor JSON
is in a figure.
"""

import array
import json
import sys
import time

import diskcache

store = None
values = {}


def key_at(index):
    return f"key:{index:08d}"


def indices(request):
    order = array.array("I")
    with open(request["order"], "rb") as file:
        order.frombytes(file.read())
    return order


def value_list(path, size, form):
    found = values.get((path, form))
    if found is None:
        with open(path, "rb") as file:
            everything = file.read()
        pieces = [everything[at : at + size] for at in range(0, len(everything), size)]
        found = [piece.decode("latin-1") for piece in pieces] if form == "text" else pieces
        values[path, form] = found
    return found


def items(request):
    pool = value_list(request["values"], request["size"], request["form"])
    shift = request.get("shift", 0)
    return [(key_at(index), pool[(index + shift) % len(pool)]) for index in indices(request)]


def timed(operations, work):
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / 1000 / operations


def open_store(request):
    global store
    store = diskcache.Cache(request["directory"], **request["options"])


def fill(request):
    with store.transact():
        for key, value in items(request):
            store.set(key, value)


def get(request):
    keys = [key_at(index) for index in indices(request)]
    total = 0

    def work():
        nonlocal total
        for key in keys:
            total += len(store.get(key))

    figure = timed(len(keys), work)
    expect(total, request["size"] * len(keys))
    return figure


def set_each(request):
    pairs = items(request)

    def work():
        for key, value in pairs:
            store.set(key, value)

    figure = timed(len(pairs), work)
    for key, value in pairs[:: max(1, len(pairs) // 100)]:
        expect(store.get(key), value)
    return figure


def set_in_transactions(request):
    pairs = items(request)
    batch = request["batch"]

    def work():
        for first in range(0, len(pairs), batch):
            with store.transact():
                for key, value in pairs[first : first + batch]:
                    store.set(key, value)

    figure = timed(len(pairs), work)
    for key, value in pairs[:: max(1, len(pairs) // 100)]:
        expect(store.get(key), value)
    return figure


def delete_each(request):
    keys = [key_at(index) for index in indices(request)]
    deleted = 0

    def work():
        nonlocal deleted
        for key in keys:
            deleted += store.delete(key)

    figure = timed(len(keys), work)
    expect(deleted, len(keys))
    return figure


def drop(request):
    with store.transact():
        for index in indices(request):
            store.delete(key_at(index))


def small_object(index):
    return {"id": index, "name": f"name {index}", "active": index % 2 == 0, "score": index / 8, "tag": None}


def set_objects(request):
    pairs = [(key_at(index), small_object(index)) for index in indices(request)]

    def work():
        for key, value in pairs:
            store.set(key, value)

    return timed(len(pairs), work)


def get_objects(request):
    wanted = indices(request)
    keys = [key_at(index) for index in wanted]
    found = []

    def work():
        for key in keys:
            found.append(store.get(key))

    figure = timed(len(keys), work)
    for index, value in zip(wanted, found):
        expect(value, small_object(index))
    return figure


def walk_keys(request):
    count = 0
    last = ""

    def work():
        nonlocal count, last
        for key in store.iterkeys():
            assert key > last
            last = key
            count += 1

    figure = timed(1, work)
    expect(count, request["count"])
    return figure


def open_and_close(request):
    def work():
        for _ in range(request["count"]):
            diskcache.Cache(request["directory"]).close()

    return timed(request["count"], work)


def use_recipe(request):
    """Uses a recipe so many times; nobody else does meanwhile."""
    name = request["recipe"]
    count = request["count"]
    if name == "Averager":
        mean = diskcache.Averager(store, name)

        def work():
            for number in range(count):
                mean.add(number)

        figure = timed(count, work)
        expect(mean.pop(), (count - 1) / 2)
        return figure
    if name == "throttle":
        calls = 0

        @diskcache.throttle(store, 1e9, 1, name=name)
        def call():
            nonlocal calls
            calls += 1

        def work():
            for _ in range(count):
                call()

        figure = timed(count, work)
        expect(calls, count)
        return figure
    lock = getattr(diskcache, name)(store, name)
    depth = 2 if name == "RLock" else 1

    def work():
        for _ in range(count):
            for _ in range(depth):
                lock.acquire()
            for _ in range(depth):
                lock.release()

    return timed(count, work)


def close_store(request):
    store.close()


def expect(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")


ACTIONS = {
    action.__name__: action
    for action in (
        open_store,
        fill,
        get,
        set_each,
        set_in_transactions,
        delete_each,
        drop,
        set_objects,
        get_objects,
        walk_keys,
        open_and_close,
        use_recipe,
        close_store,
    )
}

print(json.dumps({"figure": None, "version": diskcache.__version__}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    try:
        answer = {"figure": ACTIONS[message["do"]](message)}
    except Exception as error:  # told to the bench, which stops with it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
