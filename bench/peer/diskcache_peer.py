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

# One in so many is looked at.
SAMPLE = 97

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


def open_deque(request):
    """What `diskcache.Deque(directory=…)` opens, with settings."""
    global store
    cache = diskcache.Cache(request["directory"], eviction_policy="none", **request["options"])
    store = diskcache.Deque.fromcache(cache)


def open_index(request):
    global store
    store = diskcache.Index(request["directory"])


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


def values_in(request):
    return [value for _, value in items(request)]


def push_each(request):
    """Appends values, `batch` in one transaction, and takes them away again, untimed."""
    wanted = values_in(request)
    batch = request["batch"]
    before = len(store)

    def work():
        if batch == 1:
            for value in wanted:
                store.append(value)
        else:
            for first in range(0, len(wanted), batch):
                with store.transact():
                    for value in wanted[first : first + batch]:
                        store.append(value)

    figure = timed(len(wanted), work)
    expect(len(store), before + len(wanted))
    with store.transact():
        for value in reversed(wanted):
            expect(store.pop(), value)
    return figure


def shift_each(request):
    """Takes values from the left, `batch` in one transaction; they were put there before, untimed."""
    wanted = values_in(request)
    batch = request["batch"]
    found = []
    with store.transact():
        for value in reversed(wanted):
            store.appendleft(value)

    def work():
        if batch == 1:
            for _ in wanted:
                found.append(store.popleft())
        else:
            for first in range(0, len(wanted), batch):
                with store.transact():
                    for _ in wanted[first : first + batch]:
                        found.append(store.popleft())

    figure = timed(len(wanted), work)
    expect(found, wanted)
    return figure


def fill_deque(request):
    with store.transact():
        for value in values_in(request):
            store.append(value)


def read_at(request):
    places = indices(request)
    found = []

    def work():
        for place in places:
            found.append(store[place])

    figure = timed(len(places), work)
    expect(found, values_in(request))
    return figure


def walk_values(request):
    wanted = values_in(request)
    met = 0
    samples = []

    def work():
        nonlocal met
        for value in store:
            if met % SAMPLE == 0:
                samples.append(value)
            met += 1

    figure = timed(1, work)
    expect(met, len(wanted))
    expect(samples, wanted[::SAMPLE])
    return figure


def fill_index(request):
    with store.transact():
        for key, value in items(request):
            store[key] = value


def index_set(request):
    pairs = items(request)

    def work():
        for key, value in pairs:
            store[key] = value

    figure = timed(len(pairs), work)
    for key, value in pairs[:: max(1, len(pairs) // 100)]:
        expect(store[key], value)
    with store.transact():
        for key, _ in pairs:
            del store[key]
    return figure


def index_get(request):
    pairs = items(request)
    total = 0

    def work():
        nonlocal total
        for key, _ in pairs:
            total += len(store[key])

    figure = timed(len(pairs), work)
    expect(total, request["size"] * len(pairs))
    for key, value in pairs[::SAMPLE]:
        expect(store[key], value)
    return figure


def index_walk(request):
    wanted = items(request)
    met = 0
    samples = []

    def work():
        nonlocal met
        for item in store.items():
            if met % SAMPLE == 0:
                samples.append(item)
            met += 1

    figure = timed(1, work)
    expect(met, len(wanted))
    expect(samples, wanted[::SAMPLE])
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
        open_deque,
        open_index,
        push_each,
        shift_each,
        fill_deque,
        read_at,
        walk_values,
        fill_index,
        index_set,
        index_get,
        index_walk,
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
