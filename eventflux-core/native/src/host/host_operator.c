/* The trampoline: windows and stream processors written in Python, as operators of the small form.
 *
 * One instance a partition slot, made by calling `make`; called once a delivery, and once for each timer that is due (graph/adapter.h does
 * both). An instance answers a call with (rows, timestamps, kinds): a list of tuples, a list of int, bytes of ef_kind, or None; all of it is one
 * delivery. When it wants to be called next it says in its attribute `next_due`.
 *
 * What raises costs the rows of the delivery: they leave by the error edge. Runs under the engine lock and takes the GIL itself. */
#include "host/host.h"

/* What is known of all instances of one operator in the graph. Held by the border. */
struct ef_operator_spec {
    PyObject_HEAD
    ef_border_object *border; /* borrow: it holds the spec */
    PyObject *make;           /* () -> instance */
    ef_layout *input, *output;
    bool is_batch;
    bool wants_resets; /* RESET rows are shown to it */
};

typedef struct instance {
    ef_operator_spec *spec; /* borrow: outlives the graph */
    PyObject *object;
    int64_t due;
    ef_alloc *alloc;
} instance;

/* The exception that is set, as the status of a call. */
static ef_status take_exception(instance *self, ef_arena *arena, ef_error *error) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        ef_keep_pending(self->spec->border);
        return ef_fail(error, EF_HOST, "the operator was interrupted");
    }
    return ef_fail(error, EF_HOST, "%s", ef_take_exception_text(arena));
}

static bool read_due(instance *self) {
    PyObject *due = PyObject_GetAttrString(self->object, "next_due");
    if (due == NULL) {
        return false;
    }
    int64_t value = due == Py_None ? EF_NEVER : PyLong_AsLongLong(due);
    Py_DECREF(due);
    if (value == -1 && PyErr_Occurred()) {
        return false;
    }
    self->due = value;
    return true;
}

static ef_operator_spec *spec_of(const ef_operator_config *config) {
    return config->param_count > 0 ? (ef_operator_spec *)(uintptr_t)config->params[0].value.l : NULL;
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    ef_operator_spec *spec = spec_of(config);
    if (spec == NULL) {
        return ef_fail(error, EF_INVALID, "an operator in Python needs its maker");
    }
    instance *made = ef_calloc(config->alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    *made = (instance){.spec = spec, .due = EF_NEVER, .alloc = config->alloc};
    PyGILState_STATE state = PyGILState_Ensure();
    made->object = PyObject_CallFunctionObjArgs(spec->make, NULL);
    ef_status status = EF_OK;
    if (made->object == NULL || !read_due(made)) {
        ef_arena arena;
        ef_arena_init(&arena, config->alloc);
        status = take_exception(made, &arena, error);
        ef_arena_clear(&arena);
        Py_XDECREF(made->object);
        ef_free(config->alloc, made, sizeof *made);
        made = NULL;
    }
    PyGILState_Release(state);
    *self = made;
    return status;
}

static void destroy(void *self) {
    instance *i = self;
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF(i->object);
    PyGILState_Release(state);
    ef_free(i->alloc, i, sizeof *i);
}

/* An answer's timestamps and kinds, beside its rows. */
static bool take_beside(ef_host_state *host, ef_arena *arena, PyObject *timestamps, PyObject *kinds, ef_batch *to) {
    if (!PyList_Check(timestamps) || !PyBytes_Check(kinds) || PyList_Size(timestamps) != (Py_ssize_t)to->rows ||
        PyBytes_Size(kinds) != (Py_ssize_t)to->rows) {
        PyErr_SetString(PyExc_TypeError, "an operator answers with rows and as many timestamps and kinds");
        return false;
    }
    to->timestamps = ef_arena_take(arena, (size_t)to->rows * sizeof *to->timestamps);
    to->kinds = ef_arena_take(arena, to->rows);
    if (to->timestamps == NULL || to->kinds == NULL) {
        ef_raise_memory(host);
        return false;
    }
    memcpy(to->kinds, PyBytes_AsString(kinds), to->rows);
    bool all_current = true;
    for (uint32_t i = 0; i < to->rows; i++) {
        to->timestamps[i] = PyLong_AsLongLong(PyList_GetItem(timestamps, (Py_ssize_t)i));
        if (to->timestamps[i] == -1 && PyErr_Occurred()) {
            return false;
        }
        if (to->kinds[i] > EF_RESET) {
            PyErr_SetString(PyExc_ValueError, "a kind of row that does not exist");
            return false;
        }
        all_current = all_current && to->kinds[i] == EF_CURRENT;
    }
    if (all_current) {
        to->kinds = NULL;
    }
    return true;
}

static bool take_answer(instance *self, PyObject *answer, bool is_batch, ef_out *out) {
    if (answer == Py_None) {
        return true;
    }
    PyObject *rows, *timestamps, *kinds;
    if (!PyTuple_Check(answer) || PyTuple_Size(answer) != 3) {
        PyErr_SetString(PyExc_TypeError, "an operator answers with (rows, timestamps, kinds) or None");
        return false;
    }
    rows = PyTuple_GetItem(answer, 0);
    timestamps = PyTuple_GetItem(answer, 1);
    kinds = PyTuple_GetItem(answer, 2);
    if (!PyList_Check(rows)) {
        PyErr_SetString(PyExc_TypeError, "an operator answers with a list of rows");
        return false;
    }
    ef_packer packer = {.host = self->spec->border->host, .arena = out->arena, .borrows = false};
    ef_batch result;
    if (PyList_Size(rows) == 0) {
        return true;
    }
    if (!ef_pack_rows(&packer, self->spec->output, rows, &result) ||
        !take_beside(packer.host, out->arena, timestamps, kinds, &result)) {
        return false;
    }
    result.form = EF_WHOLE;
    result.batch_chunk = is_batch;
    out->result = result;
    return true;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    instance *i = self;
    ef_border_object *border = i->spec->border;
    ef_block *block = NULL;
    if (batch->rows > 0) {
        bool empty = false;
        ef_alloc *alloc = ef_engine_block_alloc(border->engine);
        block = i->spec->wants_resets ? ef_block_copy_all(batch, alloc) : ef_block_copy(batch, false, alloc, &empty);
        if (block == NULL) {
            return empty ? EF_OK : ef_fail_memory(error);
        }
        ef_block_hold(block, border->engine);
    } else if (track->max_firings == 0) {
        return EF_OK;
    }
    ef_status status = EF_OK;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *now = PyLong_FromLongLong(track->clock[0]);
    PyObject *rows = block != NULL ? ef_event_batch_new(i->spec->input, block) : NULL;
    PyObject *answer = NULL;
    if (block == NULL) {
        answer = PyObject_CallMethod(i->object, "on_timer", "O", now);
    } else if (rows != NULL) {
        answer = PyObject_CallMethod(i->object, "process", "OO", rows, now);
    }
    int64_t before = i->due;
    /* What is shown RESET rows goes on with the batches that it gets. */
    bool is_batch = i->spec->is_batch || (i->spec->wants_resets && batch->batch_chunk);
    bool good = answer != NULL && read_due(i) && take_answer(i, answer, is_batch, out);
    if (!good) {
        status = take_exception(i, out->arena, error);
        if (block == NULL && i->due == before) {
            i->due = EF_NEVER; /* a timer that fails must not fire for ever */
        }
    }
    Py_XDECREF(answer);
    Py_XDECREF(rows);
    Py_XDECREF(now);
    PyGILState_Release(state);
    ef_block_release(block);
    if (status == EF_HOST && border->pending == NULL && batch->rows > 0) {
        for (uint32_t row = 0; row < batch->rows; row++) {
            EF_TRY(ef_out_fail_row(out, row, error->message, error));
        }
        return EF_OK;
    }
    return status;
}

static int64_t next_due(const void *self) {
    return ((const instance *)self)->due;
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    instance *i = (instance *)(uintptr_t)self;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *bytes = PyObject_CallMethod(i->object, "save", NULL);
    char *data;
    Py_ssize_t length;
    ef_status status = EF_OK;
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &data, &length) < 0) {
        ef_arena arena;
        ef_arena_init(&arena, i->alloc);
        status = take_exception(i, &arena, error);
        ef_arena_clear(&arena);
    } else {
        ef_put_i64(writer, i->due);
        ef_put_u64(writer, (uint64_t)length);
        ef_put_bytes(writer, data, (size_t)length);
    }
    Py_XDECREF(bytes);
    PyGILState_Release(state);
    return status != EF_OK ? status : ef_writer_status(writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    instance *i = self;
    int64_t due = ef_get_i64(reader);
    uint64_t length = ef_get_u64(reader);
    const char *data = ef_get_bytes(reader, (size_t)length);
    EF_TRY(ef_reader_status(reader, error));
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *done = PyObject_CallMethod(i->object, "load", "y#", data, (Py_ssize_t)length);
    ef_status status = EF_OK;
    if (done == NULL) {
        ef_arena arena;
        ef_arena_init(&arena, i->alloc);
        status = take_exception(i, &arena, error);
        ef_arena_clear(&arena);
    } else {
        i->due = due;
    }
    Py_XDECREF(done);
    PyGILState_Release(state);
    return status;
}

static uint64_t size(const void *self) {
    const instance *i = self;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *held = PyObject_GetAttrString(i->object, "size");
    unsigned long long rows = held != NULL ? PyLong_AsUnsignedLongLong(held) : 0;
    if (PyErr_Occurred()) { /* a figure, nothing more */
        PyErr_Clear();
        rows = 0;
    }
    Py_XDECREF(held);
    PyGILState_Release(state);
    return rows;
}

static ef_status find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    (void)slot;
    instance *i = self;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *answer = PyObject_CallMethod(i->object, "find", "L", (long long)now);
    ef_status status = EF_OK;
    if (answer == NULL || !take_answer(i, answer, false, out)) {
        status = take_exception(i, out->arena, error);
    }
    Py_XDECREF(answer);
    PyGILState_Release(state);
    return status;
}

#define HOST_OPERATOR(more)                                                                                               \
    {                                                                                                                     \
        .abi_version = EF_ABI_VERSION, .struct_size = sizeof(ef_operator_class), .name = "python",                        \
        .flags = EF_TIMERS | EF_FINDS | (more), .state_version = 1, .create = create, .destroy = destroy,                 \
        .process = process, .next_due = next_due, .save = save, .load = load, .size = size, .find = find                  \
    }

static const ef_operator_class sliding_class = HOST_OPERATOR(0);
static const ef_operator_class batch_class = HOST_OPERATOR(EF_BATCH_CHUNKS);

const ef_operator_class *ef_host_operator_class(bool is_batch) {
    return is_batch ? &batch_class : &sliding_class;
}

/* ---- the spec ----------------------------------------------------------------------------------------------------------- */

static int spec_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((ef_operator_spec *)self)->make);
    return 0;
}

static void spec_free(PyObject *self) {
    ef_operator_spec *spec = (ef_operator_spec *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(spec->make);
    Py_XDECREF(spec->input);
    Py_XDECREF(spec->output);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

PyTypeObject *ef_operator_spec_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "How the instances of an operator written in Python are made."},
        {Py_tp_dealloc, (void *)spec_free},
        {Py_tp_traverse, (void *)spec_traverse},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.OperatorSpec",
                        .basicsize = (int)sizeof(ef_operator_spec),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}

/* add_operator(make, input layout, output layout, is_batch, wants_resets) -> (address of the spec, address of the class) */
PyObject *ef_border_add_operator(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    PyObject *make, *input, *output;
    int is_batch, wants_resets;
    if (!PyArg_ParseTuple(arguments, "OO!O!pp:add_operator", &make, border->host->layout_type, &input,
                          border->host->layout_type, &output, &is_batch, &wants_resets)) {
        return NULL;
    }
    ef_operator_spec *spec = (ef_operator_spec *)PyType_GenericAlloc(border->host->spec_type, 0);
    if (spec == NULL) {
        return NULL;
    }
    spec->border = border;
    Py_INCREF(make);
    spec->make = make;
    Py_INCREF(input);
    spec->input = (ef_layout *)input;
    Py_INCREF(output);
    spec->output = (ef_layout *)output;
    spec->is_batch = is_batch != 0;
    spec->wants_resets = wants_resets != 0;
    int kept = PyList_Append(border->specs, (PyObject *)spec);
    Py_DECREF(spec);
    if (kept < 0) {
        return NULL;
    }
    return Py_BuildValue("KK", (unsigned long long)(uintptr_t)spec,
                         (unsigned long long)(uintptr_t)ef_host_operator_class(is_batch != 0));
}
