/* Async streams: rows into rings, and the consumer that runs what is in them.
 *
 * Taking from a ring and pushing what was taken happen under one hold of the engine lock, so any thread may do it (`step`): the
 * consumer thread in its loop, a drain before a checkpoint. Cells are given back behind the push.
 *
 * Nobody waits for room in a way that keeps the room from coming. A thread that waits goes on with what only it can do: a consumer
 * thread (of any app) runs its own rings, the holder of this app's token delivers. */
#include "host/host.h"

/* The border whose consumer the present thread is: what it must keep running while it waits for room elsewhere. */
static _Thread_local ef_border_object *consumer_of;

#define PATIENCE_NS ((int64_t)1000000) /* between looks at one's own duties */

/* ---- running ---------------------------------------------------------------------------------------------------------- */

typedef struct outcome {
    bool ran;
    ef_status status;
    int32_t stream;
    uint64_t ticket;
    ef_error error;
} outcome;

/* Inside the engine, without the GIL. */
static void run_ring(ef_border_object *border, ef_arena *arena, outcome *result) {
    uint32_t which = 0;
    uint64_t below = 0, end = 0;
    if (!ef_async_pick(&border->async, &which, &below, &end)) {
        return;
    }
    const ef_async_ring *chosen = &border->async.rings[which];
    uint32_t slice = ef_engine_slice_rows(border->engine);
    ef_ring_taken taken;
    ef_batch batch;
    ef_arena_reset(arena);
    result->stream = chosen->stream;
    result->status = ef_ring_take(chosen->ring, below, end, slice, arena, &taken, &batch, &result->error);
    if (result->status != EF_OK || taken.count == 0) {
        return;
    }
    result->ran = true;
    result->status = ef_border_push(&border->border, chosen->stream, &batch, EF_STREAM_MEANING, &result->error);
    result->ticket = ef_border_collect(&border->border);
    ef_ring_figures *figures = ef_ring_figures_of(chosen->ring);
    int64_t now = ef_monotonic_ns();
    for (uint32_t i = 0, same = 1; i < taken.count; i += same) {
        same = 1; /* rows of one call came in together */
        while (i + same < taken.count && taken.entered_ns[i + same] == taken.entered_ns[i]) {
            same++;
        }
        ef_histogram_add(&figures->consume, now - taken.entered_ns[i], same);
    }
    (void)atomic_fetch_add_explicit(&figures->consumed, taken.count, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&figures->batches, 1, memory_order_relaxed);
    if (result->status != EF_OK) {
        (void)atomic_fetch_add_explicit(&figures->errors, 1, memory_order_relaxed);
    }
    ef_ring_give_back(chosen->ring, &taken);
}

/* What a push that has no caller left: to the failure listener. */
static void report_failure(ef_border_object *border, const outcome *result) {
    PyObject *done = PyObject_CallFunction(border->on_failure, "iiOis", -1, (int)result->stream, Py_None,
                                           (int)result->status, result->error.message);
    Py_XDECREF(done);
}

static void report_exception(ef_border_object *border) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *done = value != NULL ? PyObject_CallFunctionObjArgs(border->on_exception, Py_None, Py_None, value, NULL) : NULL;
    if (done == NULL) {
        PyErr_WriteUnraisable((PyObject *)border);
    }
    Py_XDECREF(done);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

/* Runs batches until one has output, or there is none: 1 ran, 0 nothing there, -1 the thread is inside the engine. */
static int step(ef_border_object *border) {
    ef_scratch *scratch = ef_scratch_take(border);
    if (scratch == NULL) {
        PyErr_Clear();
        return 0;
    }
    outcome result;
    bool any = false;
    ef_entry entry;
    Py_BEGIN_ALLOW_THREADS
    do {
        memset(&result, 0, offsetof(outcome, error));
        entry = ef_border_enter(&border->border);
        if (entry == EF_ENTERED) {
            run_ring(border, &scratch->arena, &result);
            ef_border_leave(&border->border);
        }
        any = any || result.ran;
    } while (entry == EF_ENTERED && result.ran && result.ticket == 0 && result.status == EF_OK && border->pending == NULL);
    Py_END_ALLOW_THREADS
    ef_scratch_give(border, scratch);
    if (entry != EF_ENTERED) {
        return -1;
    }
    if (result.ticket != 0 && !ef_border_deliver(border, result.ticket)) {
        report_exception(border);
    }
    if (result.status != EF_OK) {
        report_failure(border, &result);
    }
    if (!ef_raise_pending(border)) {
        report_exception(border);
    }
    return any;
}

PyObject *ef_border_run_consumer(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    if (border->has_async) {
        ef_border_object *before = consumer_of;
        consumer_of = border;
        while (!ef_async_is_stopping(&border->async)) {
            if (step(border) <= 0) {
                Py_BEGIN_ALLOW_THREADS
                ef_async_wait(&border->async, -1);
                Py_END_ALLOW_THREADS
            }
        }
        consumer_of = before;
    }
    ef_border_unuse(border);
    Py_RETURN_NONE;
}

PyObject *ef_border_stop_consumer(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (border->has_async && border->is_ready) {
        ef_async_stop(&border->async);
    }
    Py_RETURN_NONE;
}

PyObject *ef_border_start_consumer(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (border->has_async && border->is_ready) {
        ef_async_start(&border->async);
    }
    Py_RETURN_NONE;
}

PyObject *ef_border_drain(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    int ran = 1;
    while (border->has_async && ran > 0) {
        ran = step(border);
    }
    if (ran < 0) {
        ef_raise_inside(border);
    }
    ef_border_unuse(border);
    if (ran < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

/* Waits for room in a ring, doing one's duties meanwhile. */
static void wait_room(ef_border_object *border, ef_ring *ring, int64_t wait_ns) {
    if (consumer_of != NULL && step(consumer_of) > 0) {
        return;
    }
    bool has_duties = consumer_of != NULL;
    if (ef_queue_is_holder(&border->border.queue)) {
        has_duties = true;
        if (!ef_border_deliver(border, ef_queue_last(&border->border.queue))) {
            report_exception(border);
        }
    }
    if (has_duties && (wait_ns < 0 || wait_ns > PATIENCE_NS)) {
        wait_ns = PATIENCE_NS;
    }
    Py_BEGIN_ALLOW_THREADS
    ef_ring_wait_room(ring, wait_ns);
    Py_END_ALLOW_THREADS
}

static bool raise_offer(ef_border_object *border, ef_status status, const char *what, uint64_t accepted) {
    ef_error error;
    (void)ef_fail(&error, status, "%s", what);
    error.row = (int64_t)accepted; /* how many rows entered */
    ef_raise_native(border, &error);
    return false;
}

#define REPORTED_EVERY_NS ((int64_t)60 * 1000000000)

/* Lost rows do not pass silently: at most once a minute and stream `on_dropped` hears how many there were since. */
static bool report_dropped(ef_border_object *border, ef_async_ring *ring) {
    const ef_ring_figures *figures = ef_ring_figures_of(ring->ring);
    uint64_t dropped = atomic_load_explicit(&figures->dropped_newest, memory_order_relaxed) +
                       atomic_load_explicit(&figures->dropped_oldest, memory_order_relaxed);
    int64_t now = ef_monotonic_ns();
    if (dropped == ring->reported || (ring->reported_ns != 0 && now - ring->reported_ns < REPORTED_EVERY_NS)) {
        return true;
    }
    uint64_t since = dropped - ring->reported;
    ring->reported = dropped;
    ring->reported_ns = now;
    PyObject *done = PyObject_CallFunction(border->on_dropped, "iK", (int)ring->stream, (unsigned long long)since);
    Py_XDECREF(done);
    return done != NULL;
}

bool ef_border_offer(ef_border_object *border, uint32_t number, const ef_batch *rows, ef_arena *arena, uint64_t *accepted) {
    ef_async_ring *ring = &border->async.rings[number];
    if (ef_border_is_inside(&border->border)) {
        ef_raise_inside(border);
        return false;
    }
    ef_batch stamped = *rows;
    if (rows->timestamps == NULL) {
        stamped.timestamps = ef_arena_take(arena, (size_t)rows->rows * sizeof *stamped.timestamps);
        if (stamped.timestamps == NULL) {
            ef_raise_memory(border->host);
            return false;
        }
        int64_t moment = ef_border_moment(&border->border);
        for (uint32_t i = 0; i < rows->rows; i++) {
            stamped.timestamps[i] = moment;
        }
    }
    ef_offer offer;
    ef_error error;
    ef_offered state = EF_OFFER_WAIT;
    ef_offer_begin(&offer, &ring->rules);
    uint64_t order = ef_async_order(&border->async);
    while (state == EF_OFFER_WAIT) {
        int64_t wait_ns = 0;
        uint32_t before = offer.accepted;
        if (ef_async_is_stopping(&border->async)) {
            *accepted += offer.accepted;
            ef_offer_end(ring->ring, &offer);
            return raise_offer(border, EF_CLOSED, "the app has stopped", *accepted);
        }
        state = ef_offer_rows(ring->ring, &ring->rules, &offer, &stamped, order, &wait_ns, &error);
        if (offer.accepted > before) {
            ef_signal_notify(&border->async.filled);
        }
        if (state == EF_OFFER_WAIT) {
            wait_room(border, ring->ring, wait_ns);
        }
    }
    ef_offer_end(ring->ring, &offer);
    *accepted += offer.accepted;
    if ((ring->rules.strategy == EF_DROP_NEWEST || ring->rules.strategy == EF_DROP_OLDEST) &&
        !report_dropped(border, ring)) {
        return false;
    }
    switch (state) {
    case EF_OFFER_REFUSED:
        return raise_offer(border, EF_FULL, "there is no room in the buffer of the stream", *accepted);
    case EF_OFFER_TIMEOUT:
        return raise_offer(border, EF_TIMEOUT, "the buffer of the stream stayed full for the time allowed", *accepted);
    case EF_OFFER_ERROR:
        ef_raise_native(border, &error);
        return false;
    default:
        return true;
    }
}

/* ---- rings and their figures ------------------------------------------------------------------------------------------- */

/* add_ring(node, layout, capacity, batch_most, strategy, timeout_ns, initial_ns, longest_ns, multiplier, idle) -> number */
PyObject *ef_border_add_ring(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    int node, strategy, idle;
    PyObject *given;
    unsigned int capacity, batch_most;
    long long timeout_ns, initial_ns, longest_ns;
    double multiplier;
    if (!PyArg_ParseTuple(arguments, "iO!IIiLLLdi:add_ring", &node, border->host->layout_type, &given, &capacity, &batch_most,
                          &strategy, &timeout_ns, &initial_ns, &longest_ns, &multiplier, &idle) ||
        !ef_border_use(border, false)) {
        return NULL;
    }
    const ef_layout *layout = (const ef_layout *)given;
    ef_error error;
    ef_status status = EF_OK;
    int32_t number = -1;
    if (strategy < EF_BLOCK || strategy > EF_FAIL || idle < EF_IDLE_BLOCKING || idle > EF_IDLE_SPINNING || batch_most == 0 ||
        capacity > (1u << 30)) {
        status = ef_fail(&error, EF_INVALID, "options of a ring out of range");
    }
    if (status == EF_OK && !border->has_async) {
        status = ef_async_init(&border->async, &border->border.alloc, &error);
        border->has_async = status == EF_OK;
    }
    if (status == EF_OK) {
        ef_async_ring ring = {.stream = node,
                              .batch_most = batch_most,
                              .rules = {.strategy = (ef_strategy)strategy,
                                        .timeout_ns = timeout_ns,
                                        .initial_ns = initial_ns,
                                        .longest_ns = longest_ns,
                                        .multiplier = multiplier},
                              .idle = (ef_idle)idle};
        status = ef_ring_new(&border->border.alloc, layout->columns, layout->types, capacity, &ring.ring, &error);
        if (status == EF_OK) {
            number = ef_async_add(&border->async, &ring, &error);
            if (number < 0) {
                ef_ring_free(ring.ring);
                status = (ef_status)number;
            }
        }
    }
    if (status != EF_OK) {
        ef_raise_native(border, &error);
    }
    ef_border_unuse(border);
    return status == EF_OK ? PyLong_FromLong(number) : NULL;
}

static unsigned long long read_figure(const _Atomic uint64_t *figure) {
    return (unsigned long long)atomic_load_explicit(figure, memory_order_relaxed);
}

/* (counts by bucket, total ns, highest ns) */
static PyObject *histogram_of(const ef_histogram *histogram) {
    PyObject *counts = PyTuple_New(EF_HISTOGRAM_BUCKETS);
    for (uint32_t i = 0; counts != NULL && i < EF_HISTOGRAM_BUCKETS; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(read_figure(&histogram->counts[i]));
        if (value == NULL) {
            Py_CLEAR(counts);
        } else {
            (void)PyTuple_SetItem(counts, (Py_ssize_t)i, value);
        }
    }
    return counts == NULL ? NULL
                          : Py_BuildValue("(NKL)", counts, read_figure(&histogram->total),
                                          (long long)atomic_load_explicit(&histogram->highest, memory_order_relaxed));
}

PyObject *ef_border_ring_figures(PyObject *self, PyObject *argument) {
    ef_border_object *border = (ef_border_object *)self;
    long number = PyLong_AsLong(argument);
    if (number == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (!border->has_async || !border->is_ready || number < 0 || (unsigned long)number >= border->async.count) {
        PyErr_SetString(PyExc_IndexError, "there is no ring of that number");
        return NULL;
    }
    ef_ring *ring = border->async.rings[number].ring;
    ef_ring_figures *f = ef_ring_figures_of(ring);
    PyObject *publish = histogram_of(&f->publish);
    PyObject *consume = publish != NULL ? histogram_of(&f->consume) : NULL;
    if (consume == NULL) {
        Py_XDECREF(publish);
        return NULL;
    }
    return Py_BuildValue(
        "{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:I,s:I,s:N,s:N}", "published", read_figure(&f->published),
        "consumed", read_figure(&f->consumed), "dropped_newest", read_figure(&f->dropped_newest), "dropped_oldest",
        read_figure(&f->dropped_oldest), "rejected", read_figure(&f->rejected), "batches", read_figure(&f->batches), "full",
        read_figure(&f->full), "waits", read_figure(&f->waits), "wait_ns", read_figure(&f->wait_ns), "timeouts",
        read_figure(&f->timeouts), "backoff_ns", read_figure(&f->backoff_ns), "errors", read_figure(&f->errors), "depth",
        ef_ring_depth(ring), "capacity", ef_ring_capacity(ring), "publish", publish, "consume", consume);
}
