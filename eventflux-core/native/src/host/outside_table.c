/* Tables outside the engine whose store is written in Python: calls with lists of tuples; see table/outside.h.
 *
 * The object has find(number, parameters) -> (probes, rows), contains(number, parameters) -> list of bool,
 * act(what, number, rows, more or None) -> (touched, [(row, message), ...]), save() -> bytes, load(bytes).
 * Runs under the engine lock and takes the GIL itself. What raises fails as a whole; KeyboardInterrupt and its like go on through the pusher. */
#include "host/host.h"
#include "table/outside.h"

/* Held by the border, like the specs of operators. */
typedef struct ef_outside_spec {
    PyObject_HEAD
    ef_border_object *border; /* borrow: it holds the spec */
    PyObject *table;
    ef_layout *layout; /* of its rows */
    ef_outside_host host;
} ef_outside_spec;

static ef_status failed(ef_outside_spec *spec, ef_error *error) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        ef_keep_pending(spec->border);
        return ef_fail(error, EF_HOST, "the store was interrupted");
    }
    ef_arena arena;
    ef_arena_init(&arena, ef_engine_block_alloc(spec->border->engine));
    ef_status status = ef_fail(error, EF_ROW, "%s", ef_take_exception_text(&arena));
    ef_arena_clear(&arena);
    return status;
}

/* Rows as a list of tuples; NULL: exception set. */
static PyObject *tuples(ef_host_state *host, const ef_batch *batch) {
    PyObject *list = PyList_New((Py_ssize_t)batch->rows);
    for (uint32_t i = 0; list != NULL && i < batch->rows; i++) {
        PyObject *row = PyTuple_New((Py_ssize_t)batch->columns);
        for (uint32_t c = 0; row != NULL && c < batch->columns; c++) {
            PyObject *value = ef_unpack_cell(host, &batch->column[c], i);
            if (value == NULL) {
                Py_CLEAR(row);
            } else {
                (void)PyTuple_SetItem(row, (Py_ssize_t)c, value);
            }
        }
        if (row == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, (Py_ssize_t)i, row);
        }
    }
    return list;
}

/* ---- find ---- */

static bool take_probes(PyObject *probes, uint32_t count, uint32_t limit, ef_arena *arena, ef_found *found) {
    found->probe = ef_arena_take(arena, (count > 0 ? count : 1) * sizeof *found->probe);
    found->timestamps = ef_arena_take(arena, (count > 0 ? count : 1) * sizeof *found->timestamps);
    if (found->probe == NULL || found->timestamps == NULL) {
        PyErr_SetNone(PyExc_MemoryError);
        return false;
    }
    uint32_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        long long probe = PyLong_AsLongLong(PyList_GetItem(probes, (Py_ssize_t)i));
        if (probe == -1 && PyErr_Occurred()) {
            return false;
        }
        if (probe < (long long)last || probe >= (long long)limit) {
            PyErr_SetString(PyExc_ValueError, "a store gave rows out of the order of its parameters");
            return false;
        }
        last = found->probe[i] = (uint32_t)probe;
        found->timestamps[i] = 0;
    }
    return true;
}

static bool take_found(ef_outside_spec *spec, PyObject *answer, uint32_t limit, ef_arena *arena, ef_found *found) {
    PyObject *probes = PyTuple_Check(answer) && PyTuple_Size(answer) == 2 ? PyTuple_GetItem(answer, 0) : NULL;
    PyObject *rows = probes != NULL ? PyTuple_GetItem(answer, 1) : NULL;
    if (rows == NULL || !PyList_Check(probes) || !PyList_Check(rows) || PyList_Size(probes) != PyList_Size(rows) ||
        PyList_Size(rows) > (Py_ssize_t)INT32_MAX) {
        PyErr_SetString(PyExc_TypeError, "a store answers with a list of numbers and as many rows");
        return false;
    }
    ef_packer packer = {.host = spec->border->host, .arena = arena, .borrows = false};
    ef_batch batch;
    if (!ef_pack_rows(&packer, spec->layout, rows, &batch)) {
        return false;
    }
    *found = (ef_found){.count = batch.rows, .column = batch.column};
    return take_probes(probes, batch.rows, limit, arena, found);
}

static ef_status find(void *context, uint32_t number, const ef_batch *parameters, ef_arena *arena, ef_found *found, ef_error *error) {
    ef_outside_spec *spec = context;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *rows = tuples(spec->border->host, parameters);
    PyObject *answer = rows != NULL ? PyObject_CallMethod(spec->table, "find", "kO", (unsigned long)number, rows) : NULL;
    bool good = answer != NULL && take_found(spec, answer, parameters->rows, arena, found);
    ef_status status = good ? EF_OK : failed(spec, error);
    Py_XDECREF(answer);
    Py_XDECREF(rows);
    PyGILState_Release(state);
    return status;
}

static ef_status contains(void *context, uint32_t number, const ef_batch *parameters, uint8_t *matches, ef_error *error) {
    ef_outside_spec *spec = context;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *rows = tuples(spec->border->host, parameters);
    PyObject *answer = rows != NULL ? PyObject_CallMethod(spec->table, "contains", "kO", (unsigned long)number, rows) : NULL;
    bool good = answer != NULL && PyList_Check(answer) && PyList_Size(answer) == (Py_ssize_t)parameters->rows;
    if (answer != NULL && !good) {
        PyErr_SetString(PyExc_TypeError, "a store answers with one truth value for each row");
    }
    for (uint32_t i = 0; good && i < parameters->rows; i++) {
        int truth = PyObject_IsTrue(PyList_GetItem(answer, (Py_ssize_t)i));
        good = truth >= 0;
        matches[i] = truth > 0;
    }
    ef_status status = good ? EF_OK : failed(spec, error);
    Py_XDECREF(answer);
    Py_XDECREF(rows);
    PyGILState_Release(state);
    return status;
}

/* ---- act ---- */

static ef_status take_failures(ef_outside_spec *spec, PyObject *answer, uint32_t rows, ef_out *out, uint64_t *touched, ef_error *error) {
    unsigned long long count;
    PyObject *failures;
    if (!PyArg_ParseTuple(answer, "KO", &count, &failures)) {
        return failed(spec, error);
    }
    *touched = count;
    for (Py_ssize_t i = 0; PyList_Check(failures) && i < PyList_Size(failures); i++) {
        PyObject *failure = PyList_GetItem(failures, i);
        long row;
        const char *message;
        if (!PyTuple_Check(failure) || !PyArg_ParseTuple(failure, "ls", &row, &message)) {
            return failed(spec, error);
        }
        if (row >= 0 && row < (long)rows) {
            EF_TRY(ef_out_fail_row(out, (uint32_t)row, message, error));
        }
    }
    return EF_OK;
}

static ef_status act(void *context, ef_outside_act what, uint32_t number, const ef_batch *rows, const ef_batch *more, ef_out *out,
                     uint64_t *touched, ef_error *error) {
    ef_outside_spec *spec = context;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *given = tuples(spec->border->host, rows);
    PyObject *beside = Py_None;
    Py_INCREF(beside);
    if (more != NULL) {
        Py_DECREF(beside);
        beside = tuples(spec->border->host, more);
    }
    PyObject *answer = given != NULL && beside != NULL ? PyObject_CallMethod(spec->table, "act", "ikOO", (int)what,
                                                                             (unsigned long)number, given, beside)
                                                       : NULL;
    ef_status status = answer == NULL          ? failed(spec, error)
                       : PyTuple_Check(answer) ? take_failures(spec, answer, rows->rows, out, touched, error)
                                               : ef_fail(error, EF_ROW, "a store answers with a number and a list");
    Py_XDECREF(answer);
    Py_XDECREF(given);
    Py_XDECREF(beside);
    PyGILState_Release(state);
    return status;
}

/* ---- state ---- */

static ef_status save(void *context, ef_writer *writer, ef_error *error) {
    ef_outside_spec *spec = context;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *bytes = PyObject_CallMethod(spec->table, "save", NULL);
    char *data;
    Py_ssize_t length;
    ef_status status = EF_OK;
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &data, &length) < 0) {
        status = failed(spec, error);
    } else {
        ef_put_u64(writer, (uint64_t)length);
        ef_put_bytes(writer, data, (size_t)length);
    }
    Py_XDECREF(bytes);
    PyGILState_Release(state);
    return status != EF_OK ? status : ef_writer_status(writer, error);
}

static ef_status load(void *context, ef_reader *reader, ef_error *error) {
    ef_outside_spec *spec = context;
    uint64_t length = ef_get_u64(reader);
    const char *data = ef_get_bytes(reader, (size_t)length);
    EF_TRY(ef_reader_status(reader, error));
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *done = PyObject_CallMethod(spec->table, "load", "y#", data, (Py_ssize_t)length);
    ef_status status = done == NULL ? failed(spec, error) : EF_OK;
    Py_XDECREF(done);
    PyGILState_Release(state);
    return status;
}

/* ---- the spec ---- */

static int spec_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((ef_outside_spec *)self)->table);
    return 0;
}

static void spec_free(PyObject *self) {
    ef_outside_spec *spec = (ef_outside_spec *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(spec->table);
    Py_XDECREF(spec->layout);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

PyTypeObject *ef_outside_spec_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "A table whose rows a store written in Python keeps."},
        {Py_tp_dealloc, (void *)spec_free},
        {Py_tp_traverse, (void *)spec_traverse},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.OutsideSpec",
                        .basicsize = (int)sizeof(ef_outside_spec),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}

/* add_outside(table, layout of its rows) -> address of the host's functions */
PyObject *ef_border_add_outside(PyObject *self, PyObject *arguments) {
    ef_border_object *border = (ef_border_object *)self;
    PyObject *table, *layout;
    if (!PyArg_ParseTuple(arguments, "OO!:add_outside", &table, border->host->layout_type, &layout)) {
        return NULL;
    }
    ef_outside_spec *spec = (ef_outside_spec *)PyType_GenericAlloc(border->host->outside_type, 0);
    if (spec == NULL) {
        return NULL;
    }
    spec->border = border;
    Py_INCREF(table);
    spec->table = table;
    Py_INCREF(layout);
    spec->layout = (ef_layout *)layout;
    spec->host = (ef_outside_host){
        .context = spec, .find = find, .contains = contains, .act = act, .save = save, .load = load};
    int kept = PyList_Append(border->specs, (PyObject *)spec);
    Py_DECREF(spec);
    return kept < 0 ? NULL : PyLong_FromUnsignedLongLong((unsigned long long)(uintptr_t)&spec->host);
}
