/* Border: the owner of an engine as Python sees it: lock, delivery to listeners, timers, closing.
 *
 * Life: `users` counts calls that use the engine. close() forbids new ones; the last to leave frees the engine. With the GIL the count is
 * a plain number. Batches outlive it: a block holds the budget that it was taken from. */
#include "host/host.h"

/* ---- use, lock ---------------------------------------------------------------------------------------------------- */

static void free_engine(ef_border_object *border) {
    if (border->has_async) {
        ef_async_clear(&border->async);
        border->has_async = false;
    }
    while (border->scratch != NULL) {
        ef_scratch *scratch = border->scratch;
        border->scratch = scratch->next;
        ef_arena_clear(&scratch->arena);
        ef_free(&border->border.alloc, scratch, sizeof *scratch);
    }
    if (border->is_ready) {
        ef_border_clear(&border->border);
        border->is_ready = false;
    }
    ef_engine *engine = border->engine;
    border->engine = NULL;
    ef_engine_free(engine);
    if (border->specs != NULL && PyList_SetSlice(border->specs, 0, PyList_Size(border->specs), NULL) < 0) {
        PyErr_Clear();
    }
}

static bool raise_status(ef_border_object *border, ef_status status, const char *message) {
    ef_error error = {.status = status, .node = -1, .row = -1};
    (void)ef_fail(&error, status, "%s", message);
    ef_raise_native(border, &error);
    return false;
}

bool ef_border_use(ef_border_object *border, bool wants_input) {
    if (EF_UNLIKELY(wants_input && border->refusal != Py_None)) {
        PyObject *error = PyObject_CallFunctionObjArgs(border->refusal, NULL);
        if (error != NULL) {
            PyErr_SetObject((PyObject *)Py_TYPE(error), error);
            Py_DECREF(error);
        }
        return false;
    }
    if (EF_UNLIKELY(border->is_closing)) {
        return raise_status(border, EF_CLOSED, "the engine is closed");
    }
    border->users++;
    return true;
}

void ef_border_unuse(ef_border_object *border) {
    if (--border->users == 0 && border->is_closing && border->engine != NULL) {
        free_engine(border);
    }
}

void ef_raise_native(ef_border_object *border, const ef_error *error) {
    const char *operator_name = error->node >= 0 && border->engine != NULL
                                    ? ef_engine_node_name(border->engine, error->node)
                                    : NULL;
    PyObject *raised = PyObject_CallFunction(border->host->native_error, "isLz", (int)error->status, error->message,
                                             (long long)error->row, operator_name);
    if (raised != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        Py_DECREF(raised);
    }
}

void ef_raise_memory(ef_host_state *host) {
    PyObject *raised = PyObject_CallFunction(host->native_error, "isLz", (int)EF_NO_MEMORY,
                                             "no memory left under the engine's limit", -1LL, NULL);
    if (raised != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        Py_DECREF(raised);
    }
}

void ef_raise_inside(ef_border_object *border) {
    (void)raise_status(border, EF_STATE, "a function that the engine calls cannot use the engine");
}

bool ef_border_lock(ef_border_object *border) {
    ef_entry entry = ef_border_try_enter(&border->border);
    if (EF_UNLIKELY(entry == EF_ENTRY_BUSY)) {
        Py_BEGIN_ALLOW_THREADS
        entry = ef_border_enter(&border->border);
        Py_END_ALLOW_THREADS
    }
    if (EF_LIKELY(entry == EF_ENTERED)) {
        return true;
    }
    ef_raise_inside(border);
    return false;
}

ef_scratch *ef_scratch_take(ef_border_object *border) {
    ef_scratch *scratch = border->scratch;
    if (scratch != NULL) {
        border->scratch = scratch->next;
        return scratch;
    }
    scratch = ef_malloc(&border->border.alloc, sizeof *scratch);
    if (scratch == NULL) {
        ef_raise_memory(border->host);
        return NULL;
    }
    ef_alloc_init(&scratch->alloc, border->border.alloc.budget);
    ef_arena_init(&scratch->arena, &scratch->alloc);
    return scratch;
}

#define SCRATCH_KEPT ((int64_t)4 * 1024 * 1024)

void ef_scratch_give(ef_border_object *border, ef_scratch *scratch) {
    if (atomic_load_explicit(&scratch->alloc.used, memory_order_relaxed) > SCRATCH_KEPT) {
        ef_arena_clear(&scratch->arena);
    } else {
        ef_arena_reset(&scratch->arena);
    }
    scratch->next = border->scratch;
    border->scratch = scratch;
}

/* ---- delivery ----------------------------------------------------------------------------------------------------- */

/* After a listener raised: an ordinary exception goes to the app's listener, anything else (KeyboardInterrupt) waits until the queue is
 * worked off, in *held. */
static void report(ef_border_object *border, PyObject *callback, PyObject *batch, PyObject **held) {
    bool is_ordinary = PyErr_ExceptionMatches(PyExc_Exception);
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (value != NULL && trace != NULL) {
        (void)PyException_SetTraceback(value, trace);
    }
    Py_XDECREF(type);
    Py_XDECREF(trace);
    if (is_ordinary && value != NULL) {
        PyObject *done = PyObject_CallFunctionObjArgs(border->on_exception, callback, batch, value, NULL);
        if (done != NULL) {
            Py_DECREF(done);
            Py_DECREF(value);
            return;
        }
        Py_DECREF(value);
        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        Py_XDECREF(type);
        Py_XDECREF(trace);
    }
    if (*held == NULL) {
        *held = value;
    } else {
        Py_XDECREF(value);
    }
}

/* The rows of one kind of a block, as a batch; NULL without an exception: there are none. */
static PyObject *of_kind(ef_layout *layout, ef_block *block, uint8_t kind) {
    uint32_t count = 0, first = 0;
    for (uint32_t i = block->rows; i-- > 0;) {
        if ((block->kinds != NULL ? block->kinds[i] : (uint8_t)EF_CURRENT) == kind) {
            count++;
            first = i;
        }
    }
    if (count == 0) {
        return NULL;
    }
    bool is_run = true;
    for (uint32_t i = first; i < first + count && is_run; i++) {
        is_run = (block->kinds != NULL ? block->kinds[i] : (uint8_t)EF_CURRENT) == kind;
    }
    if (is_run) {
        return ef_event_batch_view(layout, block, (Py_ssize_t)first, (Py_ssize_t)count, 1);
    }
    /* Kinds are mixed: gather. */
    PyObject *made = NULL;
    ef_arena arena;
    ef_arena_init(&arena, block->alloc);
    uint32_t *rows = ef_arena_take(&arena, (size_t)count * sizeof *rows);
    ef_batch all = {.rows = block->rows,
                    .columns = block->columns,
                    .column = (ef_column *)(uintptr_t)block->column,
                    .timestamps = (int64_t *)(uintptr_t)block->timestamps,
                    .kinds = (uint8_t *)(uintptr_t)block->kinds,
                    .form = EF_WHOLE};
    ef_batch some;
    if (rows != NULL) {
        uint32_t at = 0;
        for (uint32_t i = first; at < count; i++) {
            rows[at] = i;
            at += block->kinds[i] == kind;
        }
        bool is_empty = false;
        ef_block *part = ef_batch_gather(&some, &all, rows, count, &arena)
                             ? ef_block_copy(&some, false, block->alloc, &is_empty)
                             : NULL;
        if (part != NULL) {
            if (block->engine != NULL) {
                ef_block_hold(part, block->engine);
            }
            made = ef_event_batch_new(layout, part);
            ef_block_release(part);
        }
    }
    if (made == NULL && !PyErr_Occurred()) {
        ef_raise_memory(layout->host);
    }
    ef_arena_clear(&arena);
    return made;
}

/* Calls one listener of a stream or query with a block, which is taken. */
static void call_listener(ef_border_object *border, const ef_listener *listener, PyObject *callback, ef_block *block,
                          PyObject **held) {
    PyObject *result = NULL, *batch = NULL;
    if (!listener->is_query) {
        batch = ef_event_batch_take(listener->layout, block);
        if (batch != NULL) {
            result = PyObject_CallFunctionObjArgs(callback, batch, NULL);
        }
    } else {
        PyObject *current = of_kind(listener->layout, block, EF_CURRENT);
        PyObject *expired = PyErr_Occurred() ? NULL : of_kind(listener->layout, block, EF_EXPIRED);
        PyObject *timestamp =
            PyErr_Occurred() ? NULL : PyLong_FromLongLong(block->timestamps[block->rows > 0 ? block->rows - 1 : 0]);
        if (timestamp != NULL) {
            result = PyObject_CallFunctionObjArgs(callback, timestamp, current != NULL ? current : Py_None,
                                                  expired != NULL ? expired : Py_None, NULL);
            Py_DECREF(timestamp);
        }
        batch = current != NULL ? current : expired;
        if (batch == current) {
            Py_XDECREF(expired);
        }
        ef_block_release(block);
    }
    if (EF_UNLIKELY(result == NULL)) {
        report(border, callback, batch != NULL ? batch : Py_None, held);
    } else {
        Py_DECREF(result);
    }
    Py_XDECREF(batch);
}

static void handle_delivery(ef_border_object *border, ef_work *work, PyObject **held) {
    uint32_t tap = (uint32_t)work->delivery->tap;
    ef_listener *known = tap < border->listener_count ? &border->listeners[tap] : NULL;
    PyObject *callbacks = work->listeners;
    if (callbacks == NULL && known != NULL) {
        callbacks = known->callbacks;
        Py_XINCREF(callbacks);
    }
    ef_block *block = work->delivery->block;
    if (callbacks == NULL || known->layout == NULL) { /* nobody listens any more */
        Py_XDECREF(callbacks);
        ef_block_release(block);
        return;
    }
    ef_listener listener = *known; /* the table may grow while Python runs */
    Py_INCREF(listener.layout);
    Py_ssize_t count = PyTuple_Size(callbacks);
    Py_ssize_t next = (Py_ssize_t)work->next;
    /* Before a listener that is not the last runs, the rest goes back: what it sends must come to the others later than this. */
    if (next + 1 < count) {
        Py_INCREF(callbacks);
        ef_block_retain(block);
        if (ef_queue_put_back(&border->border.queue, work, callbacks, (uint32_t)next + 1)) {
            count = next + 1;
        } else {
            Py_DECREF(callbacks);
            ef_block_release(block);
        }
    }
    if (next >= count) { /* none is left */
        ef_block_release(block);
    }
    for (; next < count; next++) {
        if (next + 1 < count) {
            ef_block_retain(block);
        }
        call_listener(border, &listener, PyTuple_GetItem(callbacks, next), block, held);
    }
    Py_DECREF(listener.layout);
    Py_DECREF(callbacks);
}

static void handle_failure(ef_border_object *border, ef_failure *failure, PyObject **held) {
    PyObject *batch = NULL;
    uint32_t stream = failure->stream >= 0 ? (uint32_t)failure->stream : UINT32_MAX;
    if (failure->block != NULL && stream < border->listener_count && border->listeners[stream].layout != NULL) {
        batch = ef_event_batch_new(border->listeners[stream].layout, failure->block);
        if (batch == NULL) {
            PyErr_Clear();
        }
    }
    PyObject *done = PyObject_CallFunction(border->on_failure, "iiOis", (int)failure->node, (int)failure->stream,
                                           batch != NULL ? batch : Py_None, (int)failure->status, failure->message);
    if (done == NULL) {
        report(border, border->on_failure, batch != NULL ? batch : Py_None, held);
    }
    Py_XDECREF(done);
    Py_XDECREF(batch);
    ef_failure_free(border->engine, failure);
}

bool ef_border_deliver_visit(ef_border_object *border, uint64_t ticket, ef_visit *visit, ef_work *work) {
    PyObject *held = NULL;
    ef_turn turn = work->delivery != NULL ? EF_TURN_WORK : ef_queue_next(&border->border.queue, ticket, visit, work);
    while (turn != EF_TURN_DONE) {
        if (turn == EF_TURN_WAIT) {
            Py_BEGIN_ALLOW_THREADS
            ef_queue_wait(&border->border.queue, ticket);
            Py_END_ALLOW_THREADS
        } else if (work->delivery != NULL) {
            handle_delivery(border, work, &held);
        } else {
            handle_failure(border, work->failure, &held);
        }
        turn = ef_queue_next(&border->border.queue, ticket, visit, work);
    }
    if (EF_UNLIKELY(held != NULL)) {
        PyErr_SetObject((PyObject *)Py_TYPE(held), held);
        Py_DECREF(held);
        return false;
    }
    return true;
}

bool ef_border_deliver(ef_border_object *border, uint64_t ticket) {
    ef_visit visit = {false, NULL, 0};
    ef_work work = {.delivery = NULL};
    return ef_border_deliver_visit(border, ticket, &visit, &work);
}

/* ---- pushing ------------------------------------------------------------------------------------------------------ */

bool ef_raise_pending(ef_border_object *border) {
    PyObject *pending = border->pending;
    if (EF_LIKELY(pending == NULL)) {
        return true;
    }
    border->pending = NULL;
    PyErr_SetObject((PyObject *)Py_TYPE(pending), pending);
    Py_DECREF(pending);
    return false;
}

/* Rows below which a push keeps the GIL: giving it up costs more than running them. */
#define KEEPS_GIL 64u

/* One slice or chunk. */
static bool push_part(ef_border_object *border, ef_node_id stream, const ef_batch *batch, ef_meaning meaning) {
    ef_error error;
    ef_status status;
    uint64_t ticket;
    ef_visit visit = {false, NULL, 0};
    ef_work work = {.delivery = NULL};
    if (batch->rows < KEEPS_GIL) {
        if (!ef_border_lock(border)) {
            return false;
        }
        status = ef_border_push(&border->border, stream, batch, meaning, &error);
        ticket = ef_border_collect_for(&border->border, &visit, &work);
        ef_border_leave(&border->border);
    } else {
        ef_entry entry;
        status = EF_OK;
        ticket = 0;
        Py_BEGIN_ALLOW_THREADS
        entry = ef_border_enter(&border->border);
        if (entry == EF_ENTERED) {
            status = ef_border_push(&border->border, stream, batch, meaning, &error);
            ticket = ef_border_collect_for(&border->border, &visit, &work);
            ef_border_leave(&border->border);
        }
        Py_END_ALLOW_THREADS
        if (entry != EF_ENTERED) {
            ef_raise_inside(border);
            return false;
        }
    }
    if (ticket != 0 && !ef_border_deliver_visit(border, ticket, &visit, &work)) {
        return false;
    }
    if (EF_UNLIKELY(status != EF_OK)) {
        ef_raise_native(border, &error);
        return false;
    }
    return ef_raise_pending(border);
}

bool ef_border_push_batch(ef_border_object *border, ef_node_id stream, const ef_batch *batch, ef_meaning meaning,
                          ef_arena *arena) {
    if (batch->rows == 0) {
        return true;
    }
    uint32_t most = ef_engine_slice_rows(border->engine);
    if (meaning == EF_CHUNK_MEANING || batch->rows <= most) {
        return push_part(border, stream, batch, meaning);
    }
    for (uint32_t from = 0; from < batch->rows; from += most) {
        uint32_t count = batch->rows - from < most ? batch->rows - from : most;
        ef_batch part;
        if (!ef_batch_view(&part, batch, from, count, arena)) {
            ef_raise_memory(border->host);
            return false;
        }
        part.form = EF_EACH_ROW;
        if (!push_part(border, stream, &part, meaning)) {
            return false;
        }
    }
    return true;
}

/* ---- methods ------------------------------------------------------------------------------------------------------ */

static bool grow_listeners(ef_border_object *border, uint32_t node) {
    if (node < border->listener_count) {
        return true;
    }
    uint32_t count = (node + 16u) & ~15u;
    ef_listener *grown = PyMem_Realloc(border->listeners, (count + 1) * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memset(grown + border->listener_count, 0, (count + 1 - border->listener_count) * sizeof *grown);
    border->listeners = grown;
    border->listener_count = count + 1;
    return true;
}

static PyObject *border_set_listeners(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    int node, is_query;
    PyObject *layout, *callbacks;
    if (!PyArg_ParseTuple(arguments, "iO!O!p:set_listeners", &node, border->host->layout_type, &layout, &PyTuple_Type,
                          &callbacks, &is_query)) {
        return NULL;
    }
    if (node < 0 || !grow_listeners(border, (uint32_t)node)) {
        return NULL;
    }
    ef_listener *listener = &border->listeners[node];
    PyObject *old_layout = (PyObject *)listener->layout;
    PyObject *old_callbacks = listener->callbacks;
    Py_INCREF(layout);
    listener->layout = (ef_layout *)layout;
    Py_INCREF(callbacks);
    listener->callbacks = callbacks;
    listener->is_query = is_query != 0;
    Py_XDECREF(old_layout);
    Py_XDECREF(old_callbacks);
    Py_RETURN_NONE;
}

static PyObject *border_add_function(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    PyObject *callable, *name;
    int is_vectorized;
    if (!PyArg_ParseTuple(arguments, "OUp:add_function", &callable, &name, &is_vectorized)) {
        return NULL;
    }
    ef_function *grown = PyMem_Realloc(border->functions, (border->function_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return PyErr_NoMemory();
    }
    border->functions = grown;
    Py_INCREF(callable);
    Py_INCREF(name);
    grown[border->function_count] = (ef_function){.callable = callable, .name = name, .is_vectorized = is_vectorized != 0};
    return PyLong_FromLong((long)border->function_count++);
}

static PyObject *border_add_plugin_function(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    unsigned long long address;
    if (!PyArg_ParseTuple(arguments, "K:add_plugin_function", &address)) {
        return NULL;
    }
    ef_function *grown = PyMem_Realloc(border->functions, (border->function_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return PyErr_NoMemory();
    }
    border->functions = grown;
    grown[border->function_count] = (ef_function){.plugin = (const efx_function *)(uintptr_t)address};
    return PyLong_FromLong((long)border->function_count++);
}

/* What moves time: to `now`, or without `is_given` to the clock's; or, with `finishes`, event time and periods to their end. */
typedef struct time_move {
    int64_t now;
    bool is_given;
    bool finishes;
} time_move;

static PyObject *move_time(ef_border_object *border, time_move move) {
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    ef_error error;
    ef_status status = EF_OK;
    ef_entry entry;
    uint64_t ticket = 0;
    Py_BEGIN_ALLOW_THREADS
    entry = ef_border_enter(&border->border);
    if (entry == EF_ENTERED) {
        if (move.finishes) {
            status = ef_border_finish(&border->border, &error);
        } else {
            int64_t moment = move.is_given ? move.now : ef_clock_read(&border->border.clock);
            status = ef_border_advance(&border->border, moment, &error);
        }
        ticket = ef_border_collect(&border->border);
        ef_border_leave(&border->border);
    }
    Py_END_ALLOW_THREADS
    bool good = true;
    if (entry != EF_ENTERED) {
        ef_raise_inside(border);
        good = false;
    } else if (ticket != 0) {
        good = ef_border_deliver(border, ticket);
    }
    if (good && status != EF_OK) {
        ef_raise_native(border, &error);
        good = false;
    }
    good = good && ef_raise_pending(border);
    ef_border_unuse(border);
    if (!good) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *border_advance(PyObject *self, PyObject *argument) {
    time_move move = {.is_given = argument != Py_None};
    if (move.is_given) {
        move.now = PyLong_AsLongLong(argument);
        if (move.now == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    return move_time((ef_border_object *)self, move);
}

static PyObject *border_finish(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return move_time((ef_border_object *)self, (time_move){.finishes = true});
}

/* start_row(node, moment): one row with the moment as its LONG, without time beginning by it. */
static PyObject *border_start_row(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    int node;
    long long moment;
    if (!PyArg_ParseTuple(arguments, "iL", &node, &moment) || !ef_border_use(border, false)) {
        return NULL;
    }
    int64_t value = (int64_t)moment, timestamp = (int64_t)moment;
    ef_column column = {.type = EF_LONG, .values = &value};
    ef_batch row = {.rows = 1, .columns = 1, .column = &column, .timestamps = &timestamp, .form = EF_WHOLE};
    bool good = push_part(border, (ef_node_id)node, &row, EF_START_MEANING);
    ef_border_unuse(border);
    if (!good) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *border_wait_due(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    bool due;
    Py_BEGIN_ALLOW_THREADS
    due = ef_border_wait_due(&border->border);
    Py_END_ALLOW_THREADS
    ef_border_unuse(border);
    return PyBool_FromLong(due);
}

static PyObject *border_wake(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (border->is_ready) {
        ef_border_wake(&border->border);
    }
    Py_RETURN_NONE;
}

static PyObject *border_deliver(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    bool good = ef_border_deliver(border, ef_queue_last(&border->border.queue));
    ef_border_unuse(border);
    if (!good) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *border_set_clock(PyObject *self, PyObject *argument) {
    ef_border_object *border = (ef_border_object *)self;
    long long now = argument == Py_None ? -1 : PyLong_AsLongLong(argument);
    if (now == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    ef_clock_set(&border->border.clock, (int64_t)now);
    ef_border_unuse(border);
    Py_RETURN_NONE;
}

/* lock() and unlock() bracket native calls from Python that want the engine lock: save, load, taps. */
static PyObject *border_lock_method(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!ef_border_use(border, false)) {
        return NULL;
    }
    if (!ef_border_lock(border)) {
        ef_border_unuse(border);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *border_unlock(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!border->is_ready || !ef_border_is_inside(&border->border)) {
        PyErr_SetString(PyExc_RuntimeError, "unlock() by a thread that is not inside");
        return NULL;
    }
    ef_border_leave(&border->border);
    ef_border_unuse(border);
    Py_RETURN_NONE;
}

/* hold() and release() keep the engine from being freed while Python uses memory of it outside the lock. */
static PyObject *border_hold(PyObject *self, PyObject *unused) {
    (void)unused;
    if (!ef_border_use((ef_border_object *)self, false)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *border_release(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (border->users == 0) {
        PyErr_SetString(PyExc_RuntimeError, "release() without hold()");
        return NULL;
    }
    ef_border_unuse(border);
    Py_RETURN_NONE;
}

static PyObject *border_input(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    PyObject *layout;
    int node, ring = -1;
    if (!PyArg_ParseTuple(arguments, "iO!|i:input", &node, border->host->layout_type, &layout, &ring)) {
        return NULL;
    }
    if (ring >= 0 && (!border->has_async || (uint32_t)ring >= border->async.count)) {
        PyErr_SetString(PyExc_IndexError, "there is no ring of that number");
        return NULL;
    }
    return ef_input_object_new(border, (ef_layout *)layout, (ef_node_id)node, (int32_t)ring);
}

static PyObject *border_close(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    if (!border->is_closing) {
        border->is_closing = true;
        if (border->is_ready) {
            ef_border_wake(&border->border);
        }
        if (border->has_async) {
            ef_async_stop(&border->async);
        }
        if (border->users == 0 && border->engine != NULL) {
            free_engine(border);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *border_engine(PyObject *self, void *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    return PyLong_FromUnsignedLongLong(border->is_closing ? 0 : (unsigned long long)(uintptr_t)border->engine);
}

static PyObject *border_is_inside(PyObject *self, void *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    return PyBool_FromLong(border->is_ready && ef_border_is_inside(&border->border));
}

static PyObject *border_is_delivering(PyObject *self, void *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    return PyBool_FromLong(border->is_ready && ef_queue_is_holder(&border->border.queue));
}

static PyObject *border_is_idle(PyObject *self, void *unused) {
    (void)unused;
    ef_border_object *border = (ef_border_object *)self;
    return PyBool_FromLong(!border->is_ready || ef_queue_is_idle(&border->border.queue));
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

PyObject *ef_border_object_new(ef_host_state *host, ef_engine *engine, bool playback) {
    ef_border_object *border = (ef_border_object *)PyType_GenericAlloc(host->border_type, 0);
    if (border == NULL) {
        ef_engine_free(engine);
        return NULL;
    }
    Py_INCREF(host);
    border->host = host;
    border->engine = engine;
    border->specs = PyList_New(0);
    Py_INCREF(Py_None);
    border->refusal = Py_None;
    Py_INCREF(Py_None);
    border->on_exception = Py_None;
    Py_INCREF(Py_None);
    border->on_dropped = Py_None;
    Py_INCREF(Py_None);
    border->on_failure = Py_None;
    if (border->specs == NULL) {
        Py_DECREF(border);
        return NULL;
    }
    ef_error error;
    if (ef_border_init(&border->border, engine, playback, &error) != EF_OK) {
        ef_raise_native(border, &error);
        Py_DECREF(border);
        return NULL;
    }
    border->is_ready = true;
    border->calls = (ef_host){.context = border, .call = ef_function_call, .failure = ef_function_failure};
    ef_engine_set_host(engine, &border->calls);
    return (PyObject *)border;
}

static int border_traverse(PyObject *self, visitproc visit, void *arg) {
    ef_border_object *border = (ef_border_object *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(border->refusal);
    Py_VISIT(border->on_exception);
    Py_VISIT(border->on_failure);
    Py_VISIT(border->on_dropped);
    Py_VISIT(border->pending);
    Py_VISIT(border->specs);
    for (uint32_t i = 0; i < border->listener_count; i++) {
        Py_VISIT(border->listeners[i].callbacks);
    }
    for (uint32_t i = 0; i < border->function_count; i++) {
        Py_VISIT(border->functions[i].callable);
    }
    return 0;
}

static void set_none(PyObject **field) {
    PyObject *old = *field;
    Py_INCREF(Py_None);
    *field = Py_None;
    Py_XDECREF(old);
}

static int border_clear(PyObject *self) {
    ef_border_object *border = (ef_border_object *)self;
    set_none(&border->refusal);
    set_none(&border->on_exception);
    set_none(&border->on_failure);
    set_none(&border->on_dropped);
    Py_CLEAR(border->pending);
    for (uint32_t i = 0; i < border->listener_count; i++) {
        Py_CLEAR(border->listeners[i].callbacks);
    }
    for (uint32_t i = 0; i < border->function_count; i++) {
        set_none(&border->functions[i].callable);
    }
    return 0;
}

static void border_free(PyObject *self) {
    ef_border_object *border = (ef_border_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)border_clear(self);
    if (border->engine != NULL) {
        free_engine(border);
    }
    for (uint32_t i = 0; i < border->listener_count; i++) {
        Py_XDECREF(border->listeners[i].layout);
    }
    PyMem_Free(border->listeners);
    for (uint32_t i = 0; i < border->function_count; i++) {
        Py_XDECREF(border->functions[i].callable);
        Py_XDECREF(border->functions[i].name);
    }
    PyMem_Free(border->functions);
    Py_XDECREF(border->refusal);
    Py_XDECREF(border->on_exception);
    Py_XDECREF(border->on_failure);
    Py_XDECREF(border->on_dropped);
    Py_XDECREF(border->specs);
    Py_XDECREF(border->host);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"refusal", T_OBJECT_EX, offsetof(ef_border_object, refusal), 0, NULL},
    {"on_exception", T_OBJECT_EX, offsetof(ef_border_object, on_exception), 0, NULL},
    {"on_dropped", T_OBJECT_EX, offsetof(ef_border_object, on_dropped), 0, NULL},
    {"on_failure", T_OBJECT_EX, offsetof(ef_border_object, on_failure), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"engine", border_engine, NULL, "Address of the native engine, 0 when closed.", NULL},
    {"is_inside", border_is_inside, NULL, "Whether this thread runs the engine.", NULL},
    {"is_delivering", border_is_delivering, NULL, "Whether this thread calls listeners.", NULL},
    {"is_idle", border_is_idle, NULL, "Whether all that came out has been delivered.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"set_listeners", border_set_listeners, METH_VARARGS, NULL},
    {"add_function", border_add_function, METH_VARARGS, NULL},
    {"add_plugin_function", border_add_plugin_function, METH_VARARGS, NULL},
    {"add_operator", ef_border_add_operator, METH_VARARGS, NULL},
    {"add_outside", ef_border_add_outside, METH_VARARGS, NULL},
    {"advance", border_advance, METH_O, NULL},
    {"finish", border_finish, METH_NOARGS, NULL},
    {"wait_due", border_wait_due, METH_NOARGS, NULL},
    {"wake", border_wake, METH_NOARGS, NULL},
    {"deliver", border_deliver, METH_NOARGS, NULL},
    {"set_clock", border_set_clock, METH_O, NULL},
    {"lock", border_lock_method, METH_NOARGS, NULL},
    {"unlock", border_unlock, METH_NOARGS, NULL},
    {"start_row", border_start_row, METH_VARARGS, NULL},
    {"add_ring", ef_border_add_ring, METH_VARARGS, NULL},
    {"run_consumer", ef_border_run_consumer, METH_NOARGS, NULL},
    {"start_consumer", ef_border_start_consumer, METH_NOARGS, NULL},
    {"stop_consumer", ef_border_stop_consumer, METH_NOARGS, NULL},
    {"drain", ef_border_drain, METH_NOARGS, NULL},
    {"ring_figures", ef_border_ring_figures, METH_O, NULL},
    {"hold", border_hold, METH_NOARGS, NULL},
    {"release", border_release, METH_NOARGS, NULL},
    {"input", border_input, METH_VARARGS, NULL},
    {"close", border_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *ef_border_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "The owner of a native engine: its lock, its listeners, its life."},
        {Py_tp_dealloc, (void *)border_free},
        {Py_tp_traverse, (void *)border_traverse},
        {Py_tp_clear, (void *)border_clear},
        {Py_tp_members, members},
        {Py_tp_getset, properties},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.Border",
                        .basicsize = (int)sizeof(ef_border_object),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
