/* Input: the native `send` of a stream.
 *
 * A row is packed on the C stack with the GIL held, the engine lock is tried, the row runs, the lock is left, listeners are called: no
 * Python object is made unless somebody listens, and the GIL is given up only to wait. */
#include "host/pack_common.h"

#define STACK_COLUMNS 32u

PyObject *ef_input_object_new(ef_border_object *border, ef_layout *layout, ef_node_id node, int32_t ring) {
    ef_input_object *input = (ef_input_object *)PyType_GenericAlloc(border->host->input_type, 0);
    if (input == NULL) {
        return NULL;
    }
    Py_INCREF(border);
    input->border = border;
    Py_INCREF(layout);
    input->layout = layout;
    input->node = node;
    input->ring = ring;
    return (PyObject *)input;
}

static int input_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((ef_input_object *)self)->border);
    return 0;
}

static int input_clear(PyObject *self) {
    Py_CLEAR(((ef_input_object *)self)->border);
    return 0;
}

static void input_free(PyObject *self) {
    ef_input_object *input = (ef_input_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(input->border);
    Py_XDECREF(input->layout);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* Arguments (first, second=None) of a fast call; `second` is the keyword's name. */
static bool parse(const char *function, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords,
                  const char *first_name, const char *second_name, PyObject **first, PyObject **second) {
    if (EF_LIKELY(count == 2 && keywords == NULL)) {
        *first = arguments[0];
        *second = arguments[1];
        return true;
    }
    Py_ssize_t named = keywords != NULL ? PyTuple_Size(keywords) : 0;
    *first = count > 0 ? arguments[0] : NULL;
    *second = count > 1 ? arguments[1] : NULL;
    bool good = count <= 2;
    for (Py_ssize_t i = 0; i < named && good; i++) {
        PyObject *name = PyTuple_GetItem(keywords, i);
        if (*second == NULL && PyUnicode_CompareWithASCIIString(name, second_name) == 0) {
            *second = arguments[count + i];
        } else if (*first == NULL && PyUnicode_CompareWithASCIIString(name, first_name) == 0) {
            *first = arguments[count + i];
        } else {
            good = false;
        }
    }
    if (!good || *first == NULL) {
        PyErr_Format(PyExc_TypeError, "%s(%s, %s=None) was called with other arguments", function, first_name, second_name);
        return false;
    }
    return true;
}

/* Columns of one row, on the stack or in the arena. */
typedef struct single {
    ef_column columns[STACK_COLUMNS];
    ef_cell cells[STACK_COLUMNS];
    uint8_t validity[STACK_COLUMNS];
    int64_t timestamp;
} single;

static bool pack_single(ef_packer *packer, ef_layout *layout, PyObject *tuple, single *row, ef_batch *batch) {
    const uint32_t columns = layout->columns;
    for (uint32_t c = 0; c < columns; c++) {
        PyObject *value = PyTuple_GetItem(tuple, (Py_ssize_t)c);
        ef_column *column = &row->columns[c];
        column->values = &row->cells[c];
        column->validity = NULL;
        column->type = layout->types[c];
        if (ef_pack_common(packer, value, column->type, column->values)) {
            continue;
        }
        ef_fault fault = EF_FAULT_NONE;
        int packed = ef_pack_cell(packer, value, column->type, column->values, &fault);
        if (EF_UNLIKELY(packed <= 0)) {
            if (packed < 0) {
                ef_raise_fault(layout, -1, c, value, fault);
                return false;
            }
            row->validity[c] = 0;
            column->validity = &row->validity[c];
        }
    }
    batch->column = row->columns;
    return true;
}

static bool run_row(ef_input_object *input, const ef_batch *batch) {
    ef_border_object *border = input->border;
    ef_error error;
    if (!ef_border_lock(border)) {
        return false;
    }
    ef_status status = ef_border_push(&border->border, input->node, batch, EF_CHUNK_MEANING, &error);
    ef_visit visit = {false, NULL, 0};
    ef_work work = {.delivery = NULL};
    uint64_t ticket = ef_border_collect_for(&border->border, &visit, &work);
    ef_border_leave(&border->border);
    if (ticket != 0 && !ef_border_deliver_visit(border, ticket, &visit, &work)) {
        return false;
    }
    if (EF_UNLIKELY(status != EF_OK)) {
        ef_raise_native(border, &error);
        return false;
    }
    return ef_raise_pending(border);
}

static PyObject *input_send(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    ef_input_object *input = (ef_input_object *)self;
    ef_layout *layout = input->layout;
    PyObject *given, *timestamp;
    if (!parse("send", arguments, count, keywords, "row", "timestamp", &given, &timestamp)) {
        return NULL;
    }
    ef_border_object *border = input->border;
    if (!ef_border_use(border, true)) {
        return NULL;
    }
    single row;
    ef_batch batch = {.rows = 1, .columns = layout->columns, .form = EF_WHOLE};
    bool good = true;
    if (timestamp != NULL && timestamp != Py_None) {
        good = ef_pack_timestamp(layout->host, timestamp, &row.timestamp);
        batch.timestamps = &row.timestamp;
    }
    PyObject *tuple = good ? ef_row_tuple(layout, given, -1) : NULL;
    uint64_t accepted = 1;
    ef_scratch *scratch = NULL;
    if (tuple != NULL && (scratch = ef_scratch_take(border)) != NULL) {
        /* The tuple is ours until the row has run, so its strings may be borrowed. */
        ef_packer packer = {.host = layout->host, .arena = &scratch->arena, .borrows = true};
        if (EF_LIKELY(layout->columns <= STACK_COLUMNS)) {
            good = pack_single(&packer, layout, tuple, &row, &batch);
        } else {
            PyObject *rows = PyTuple_Pack(1, tuple);
            int64_t *timestamps = batch.timestamps;
            good = rows != NULL && ef_pack_rows(&packer, layout, rows, &batch);
            batch.timestamps = timestamps;
            batch.form = EF_WHOLE;
            Py_XDECREF(rows);
        }
        if (EF_UNLIKELY(input->ring >= 0)) {
            accepted = 0;
            good = good && ef_border_offer(border, (uint32_t)input->ring, &batch, &scratch->arena, &accepted);
        } else {
            good = good && run_row(input, &batch);
        }
        ef_scratch_give(border, scratch);
    } else {
        good = false;
    }
    Py_XDECREF(tuple);
    ef_border_unuse(border);
    return good ? PyLong_FromLong((long)accepted) : NULL;
}

static PyObject *send_rows(ef_input_object *input, PyObject *given, PyObject *timestamps, ef_meaning meaning) {
    ef_layout *layout = input->layout;
    ef_border_object *border = input->border;
    PyObject *rows;
    if (PyList_CheckExact(given) || PyTuple_CheckExact(given)) {
        Py_INCREF(given);
        rows = given;
    } else {
        rows = PySequence_List(given);
        if (rows == NULL) {
            return NULL;
        }
    }
    if (!ef_border_use(border, true)) {
        Py_DECREF(rows);
        return NULL;
    }
    PyObject *result = NULL;
    PyObject *keeper = NULL;
    ef_scratch *scratch = ef_scratch_take(border);
    if (scratch != NULL) {
        ef_packer packer = {.host = layout->host, .arena = &scratch->arena, .borrows = false};
        ef_batch batch;
        int64_t *column = NULL;
        if (ef_pack_rows(&packer, layout, rows, &batch) &&
            ef_pack_timestamps(&packer, layout, timestamps, batch.rows, &column, &keeper)) {
            batch.timestamps = column;
            batch.form = meaning == EF_CHUNK_MEANING ? EF_WHOLE : EF_EACH_ROW;
            uint64_t accepted = batch.rows;
            bool good;
            if (input->ring >= 0) { /* stream meaning, whatever the call */
                accepted = 0;
                good = ef_border_offer(border, (uint32_t)input->ring, &batch, &scratch->arena, &accepted);
            } else {
                good = ef_border_push_batch(border, input->node, &batch, meaning, &scratch->arena);
            }
            if (good) {
                result = PyLong_FromUnsignedLongLong((unsigned long long)accepted);
            }
        }
        ef_scratch_give(border, scratch);
    }
    Py_XDECREF(keeper);
    Py_DECREF(rows);
    ef_border_unuse(border);
    return result;
}

static PyObject *input_send_many(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    PyObject *rows, *timestamps;
    if (!parse("send_many", arguments, count, keywords, "rows", "timestamps", &rows, &timestamps)) {
        return NULL;
    }
    return send_rows((ef_input_object *)self, rows, timestamps, EF_STREAM_MEANING);
}

static PyObject *input_send_batch(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    PyObject *rows, *timestamps;
    if (!parse("send_batch", arguments, count, keywords, "rows", "timestamps", &rows, &timestamps)) {
        return NULL;
    }
    return send_rows((ef_input_object *)self, rows, timestamps, EF_CHUNK_MEANING);
}

/* _pack_column(address of ef_source_rows, index, list or tuple) */
static PyObject *input_pack_column(PyObject *self, PyObject *arguments) {
    ef_input_object *input = (ef_input_object *)self;
    unsigned long long address;
    unsigned int index;
    PyObject *values;
    if (!PyArg_ParseTuple(arguments, "KIO:_pack_column", &address, &index, &values)) {
        return NULL;
    }
    if (!ef_pack_source_column(input->layout, (ef_source_rows *)(uintptr_t)address, index, values)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* _pack_rows(address of ef_source_rows, rows, timestamps that are not None) */
static PyObject *input_pack_rows(PyObject *self, PyObject *arguments) {
    ef_input_object *input = (ef_input_object *)self;
    unsigned long long address;
    PyObject *given, *timestamps;
    if (!PyArg_ParseTuple(arguments, "KOO:_pack_rows", &address, &given, &timestamps)) {
        return NULL;
    }
    bool is_plain = PyList_CheckExact(given) || PyTuple_CheckExact(given);
    PyObject *rows = is_plain ? given : PySequence_List(given);
    if (rows == NULL) {
        return NULL;
    }
    bool good = ef_pack_source_rows(input->layout, (ef_source_rows *)(uintptr_t)address, rows, timestamps);
    if (!is_plain) {
        Py_DECREF(rows);
    }
    if (!good) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Columns into a ring, a slice at a time. With the strategy `fail` a call is all or nothing: then as one. */
static bool offer_rows(ef_input_object *input, const ef_source_rows *rows, ef_arena *arena, uint64_t *accepted) {
    ef_border_object *border = input->border;
    bool is_whole = border->async.rings[input->ring].rules.strategy == EF_FAIL;
    int64_t most = is_whole ? INT32_MAX : (int64_t)ef_engine_slice_rows(border->engine);
    for (int64_t at = 0; at < rows->rows; at += most) {
        uint32_t count = (uint32_t)(rows->rows - at < most ? rows->rows - at : most);
        ef_batch batch;
        ef_arena_reset(arena);
        if (!ef_source_rows_slice(rows, at, count, arena, &batch)) {
            ef_raise_memory(border->host);
            return false;
        }
        if (!ef_border_offer(border, (uint32_t)input->ring, &batch, arena, accepted)) {
            return false;
        }
    }
    return true;
}

/* _push_rows(address of checked ef_source_rows, is_chunk) */
static PyObject *input_push_rows(PyObject *self, PyObject *arguments) {
    ef_input_object *input = (ef_input_object *)self;
    ef_border_object *border = input->border;
    unsigned long long address;
    int is_chunk;
    if (!PyArg_ParseTuple(arguments, "Kp:_push_rows", &address, &is_chunk) || !ef_border_use(border, true)) {
        return NULL;
    }
    const ef_source_rows *rows = (const ef_source_rows *)(uintptr_t)address;
    ef_scratch *scratch = ef_scratch_take(border);
    bool good = false;
    uint64_t accepted = rows->rows < 0 ? 0 : (uint64_t)rows->rows;
    if (scratch != NULL && input->ring >= 0) {
        accepted = 0;
        good = offer_rows(input, rows, &scratch->arena, &accepted);
        ef_scratch_give(border, scratch);
    } else if (scratch != NULL) {
        good = ef_border_push_rows(border, input->node, rows, is_chunk ? EF_CHUNK_MEANING : EF_STREAM_MEANING,
                                   &scratch->arena);
        ef_scratch_give(border, scratch);
    }
    ef_border_unuse(border);
    return good ? PyLong_FromUnsignedLongLong((unsigned long long)accepted) : NULL;
}

/* _push_merged(inputs of one engine, without rings, addresses of checked ef_source_rows with timestamps) */
static PyObject *input_push_merged(PyObject *self, PyObject *arguments) {
    ef_border_object *border = ((ef_input_object *)self)->border;
    PyObject *inputs, *addresses;
    if (!PyArg_ParseTuple(arguments, "O!O!:_push_merged", &PyTuple_Type, &inputs, &PyTuple_Type, &addresses)) {
        return NULL;
    }
    Py_ssize_t count = PyTuple_Size(inputs);
    ef_node_id *nodes = PyMem_Calloc((size_t)count + 1, sizeof *nodes);
    const ef_source_rows **rows = PyMem_Calloc((size_t)count + 1, sizeof *rows);
    bool good = nodes != NULL && rows != NULL && PyTuple_Size(addresses) == count;
    uint64_t accepted = 0;
    for (Py_ssize_t i = 0; good && i < count; i++) {
        PyObject *input = PyTuple_GetItem(inputs, i);
        unsigned long long address = PyLong_AsUnsignedLongLong(PyTuple_GetItem(addresses, i));
        good = PyErr_Occurred() == NULL && Py_TYPE(input) == Py_TYPE(self) && ((ef_input_object *)input)->border == border &&
               ((ef_input_object *)input)->ring < 0;
        if (good) {
            nodes[i] = ((ef_input_object *)input)->node;
            rows[i] = (const ef_source_rows *)(uintptr_t)address;
            accepted += rows[i]->rows < 0 ? 0 : (uint64_t)rows[i]->rows;
        }
    }
    if (!good && PyErr_Occurred() == NULL) {
        PyErr_SetString(PyExc_ValueError, "inputs of one engine, none of them asynchronous, and as many rows");
    }
    if (good && ef_border_use(border, true)) {
        ef_scratch *scratch = ef_scratch_take(border);
        good = scratch != NULL && ef_border_push_merged(border, nodes, rows, (uint32_t)count, &scratch->arena);
        if (scratch != NULL) {
            ef_scratch_give(border, scratch);
        }
        ef_border_unuse(border);
    } else {
        good = false;
    }
    PyMem_Free(nodes);
    PyMem_Free(rows);
    return good ? PyLong_FromUnsignedLongLong((unsigned long long)accepted) : NULL;
}

/* _push_batch(address of an ef_batch of the stream's types, well-formed, each row an event of its own) */
static PyObject *input_push_batch(PyObject *self, PyObject *argument) {
    ef_input_object *input = (ef_input_object *)self;
    ef_border_object *border = input->border;
    unsigned long long address = PyLong_AsUnsignedLongLong(argument);
    if (PyErr_Occurred() != NULL || !ef_border_use(border, true)) {
        return NULL;
    }
    const ef_batch *batch = (const ef_batch *)(uintptr_t)address;
    ef_scratch *scratch = ef_scratch_take(border);
    bool good = false;
    uint64_t accepted = batch->rows;
    if (scratch != NULL) {
        if (input->ring >= 0) {
            accepted = 0;
            good = ef_border_offer(border, (uint32_t)input->ring, batch, &scratch->arena, &accepted);
        } else {
            good = ef_border_push_batch(border, input->node, batch, EF_STREAM_MEANING, &scratch->arena);
        }
        ef_scratch_give(border, scratch);
    }
    ef_border_unuse(border);
    return good ? PyLong_FromUnsignedLongLong((unsigned long long)accepted) : NULL;
}

static PyObject *input_layout(PyObject *self, void *unused) {
    (void)unused;
    PyObject *layout = (PyObject *)((ef_input_object *)self)->layout;
    Py_INCREF(layout);
    return layout;
}

static PyGetSetDef properties[] = {
    {"layout", input_layout, NULL, "Names and types of the stream.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"send", (PyCFunction)(void (*)(void))input_send, METH_FASTCALL | METH_KEYWORDS,
     "send(row, timestamp=None)\n--\n\nSend one row. Gives the number of rows accepted."},
    {"send_many", (PyCFunction)(void (*)(void))input_send_many, METH_FASTCALL | METH_KEYWORDS,
     "send_many(rows, timestamps=None)\n--\n\nSend rows as if each were sent alone. Gives the number of rows accepted."},
    {"send_batch", (PyCFunction)(void (*)(void))input_send_batch, METH_FASTCALL | METH_KEYWORDS,
     "send_batch(rows, timestamps=None)\n--\n\nSend rows as one chunk. Gives the number of rows accepted."},
    {"_pack_column", input_pack_column, METH_VARARGS, NULL},
    {"_pack_rows", input_pack_rows, METH_VARARGS, NULL},
    {"_push_rows", input_push_rows, METH_VARARGS, NULL},
    {"_push_merged", input_push_merged, METH_VARARGS, NULL},
    {"_push_batch", input_push_batch, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *ef_input_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "Where rows enter a stream."},
        {Py_tp_dealloc, (void *)input_free},
        {Py_tp_traverse, (void *)input_traverse},
        {Py_tp_clear, (void *)input_clear},
        {Py_tp_getset, properties},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.Input",
                        .basicsize = (int)sizeof(ef_input_object),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
