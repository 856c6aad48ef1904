/* EventBatch: rows of a block as an immutable sequence of events.
 *
 *      block   [ r0 r1 r2 r3 r4 r5 r6 r7 ]
 *      batch        ^start      ^          start + i * step, count of them; a slice is another view of the same block
 *
 * Python values are built on access; the block lives as long as any batch, slice or exported buffer of it. */
#include "host/host.h"

/* `block` is taken, also on failure. */
static PyObject *make(PyTypeObject *type, ef_layout *layout, ef_block *block, Py_ssize_t start, Py_ssize_t count,
                      Py_ssize_t step) {
    ef_host_state *host = layout->host;
    ef_event_batch *batch;
    if (type == host->batch_type && host->spare_batch != NULL) { /* one comes and goes with each row that is sent alone */
        batch = (ef_event_batch *)PyObject_Init(host->spare_batch, type);
        host->spare_batch = NULL;
    } else {
        batch = (ef_event_batch *)PyType_GenericAlloc(type, 0);
    }
    if (batch == NULL) {
        ef_block_release(block);
        return NULL;
    }
    Py_INCREF(layout);
    batch->layout = layout;
    batch->block = block;
    batch->start = start;
    batch->count = count;
    batch->step = step;
    return (PyObject *)batch;
}

PyObject *ef_event_batch_view(ef_layout *layout, ef_block *block, Py_ssize_t start, Py_ssize_t count, Py_ssize_t step) {
    ef_block_retain(block);
    return make(layout->host->batch_type, layout, block, start, count, step);
}

PyObject *ef_event_batch_take(ef_layout *layout, ef_block *block) {
    return make(layout->host->batch_type, layout, block, 0, (Py_ssize_t)block->rows, 1);
}

PyObject *ef_event_batch_new(ef_layout *layout, ef_block *block) {
    ef_block_retain(block);
    return ef_event_batch_take(layout, block);
}

static void batch_free(PyObject *self) {
    ef_event_batch *batch = (ef_event_batch *)self;
    PyTypeObject *type = Py_TYPE(self);
    ef_layout *layout = batch->layout;
    ef_host_state *host = layout->host;
    ef_block_release(batch->block);
    if (type == host->batch_type && host->spare_batch == NULL) {
        host->spare_batch = self;
    } else {
        PyObject_Free(self);
    }
    Py_DECREF(layout);
    Py_DECREF(type);
}

static Py_ssize_t batch_length(PyObject *self) {
    return ((ef_event_batch *)self)->count;
}

static inline uint32_t row_at(const ef_event_batch *batch, Py_ssize_t index) {
    return (uint32_t)(batch->start + index * batch->step);
}

static bool is_expired(const ef_event_batch *batch, uint32_t row) {
    return batch->block->kinds != NULL && batch->block->kinds[row] == EF_EXPIRED;
}

PyObject *ef_event_batch_event(ef_event_batch *batch, Py_ssize_t index) {
    uint32_t row = row_at(batch, index);
    PyObject *data = ef_unpack_row(batch->layout, batch->block->column, row);
    if (data == NULL) {
        return NULL;
    }
    return ef_event_new(batch->layout, data, batch->block->timestamps[row], is_expired(batch, row));
}

static PyObject *batch_item(PyObject *self, Py_ssize_t index) {
    ef_event_batch *batch = (ef_event_batch *)self;
    if (index < 0 || index >= batch->count) {
        PyErr_SetString(PyExc_IndexError, "there is no event of that number in the batch");
        return NULL;
    }
    return ef_event_batch_event(batch, index);
}

static PyObject *batch_get(PyObject *self, PyObject *key) {
    ef_event_batch *batch = (ef_event_batch *)self;
    if (PySlice_Check(key)) {
        Py_ssize_t start, stop, step;
        if (PySlice_Unpack(key, &start, &stop, &step) < 0) {
            return NULL;
        }
        Py_ssize_t count = PySlice_AdjustIndices(batch->count, &start, &stop, step);
        ef_block_retain(batch->block);
        return make(Py_TYPE(self), batch->layout, batch->block, batch->start + start * batch->step, count,
                    batch->step * step);
    }
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return batch_item(self, index < 0 ? index + batch->count : index);
}

static PyObject *batch_rows(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    PyObject *list = PyList_New(batch->count);
    for (Py_ssize_t i = 0; list != NULL && i < batch->count; i++) {
        PyObject *row = ef_unpack_row(batch->layout, batch->block->column, row_at(batch, i));
        if (row == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, i, row);
        }
    }
    return list;
}

static PyObject *batch_to_pylist(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    ef_layout *layout = batch->layout;
    PyObject *list = PyList_New(batch->count);
    for (Py_ssize_t i = 0; list != NULL && i < batch->count; i++) {
        PyObject *dict = PyDict_New();
        for (uint32_t c = 0; dict != NULL && c < layout->columns; c++) {
            PyObject *value = ef_unpack_cell(layout->host, &batch->block->column[c], row_at(batch, i));
            if (value == NULL || PyDict_SetItem(dict, PyTuple_GetItem(layout->names, (Py_ssize_t)c), value) < 0) {
                Py_CLEAR(dict);
            }
            Py_XDECREF(value);
        }
        if (dict == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, i, dict);
        }
    }
    return list;
}

static bool column_index(const ef_event_batch *batch, PyObject *argument, uint32_t *index) {
    Py_ssize_t column = PyNumber_AsSsize_t(argument, PyExc_IndexError);
    if (column == -1 && PyErr_Occurred()) {
        return false;
    }
    if (column < 0 || column >= (Py_ssize_t)batch->layout->columns) {
        PyErr_SetString(PyExc_IndexError, "there is no column of that number in the batch");
        return false;
    }
    *index = (uint32_t)column;
    return true;
}

static PyObject *batch_column_values(PyObject *self, PyObject *argument) {
    ef_event_batch *batch = (ef_event_batch *)self;
    uint32_t c;
    if (!column_index(batch, argument, &c)) {
        return NULL;
    }
    return ef_unpack_column(batch->layout->host, &batch->block->column[c], batch->start, batch->count, batch->step);
}

/* (address of the first value of the block, rows of the block), or None where values are not plain numbers or some are null. */
static PyObject *batch_column_memory(PyObject *self, PyObject *argument) {
    ef_event_batch *batch = (ef_event_batch *)self;
    uint32_t c;
    if (!column_index(batch, argument, &c)) {
        return NULL;
    }
    const ef_column *column = &batch->block->column[c];
    bool has_nulls = false;
    for (Py_ssize_t i = 0; i < batch->count && column->validity != NULL && !has_nulls; i++) {
        has_nulls = !ef_bit(column->validity, row_at(batch, i));
    }
    if (has_nulls || column->type == EF_STRING || column->type == EF_OBJECT) {
        Py_INCREF(Py_None);
        return Py_None;
    }
    return Py_BuildValue("KI", (unsigned long long)(uintptr_t)column->values, batch->block->rows);
}

static PyObject *batch_timestamp_memory(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    return Py_BuildValue("KI", (unsigned long long)(uintptr_t)batch->block->timestamps, batch->block->rows);
}

/* Address of the native columns of the block. */
static PyObject *batch_columns_address(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong((unsigned long long)(uintptr_t)((ef_event_batch *)self)->block->column);
}

/* (start, count, step) of the view in its block. */
static PyObject *batch_extent(PyObject *self, void *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    return Py_BuildValue("nnn", batch->start, batch->count, batch->step);
}

static PyObject *batch_columns(PyObject *self, void *unused) {
    (void)unused;
    return PyObject_CallFunctionObjArgs(((ef_event_batch *)self)->layout->host->columns_of, self, NULL);
}

static PyObject *batch_timestamps(PyObject *self, void *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    PyObject *list = PyList_New(batch->count);
    for (Py_ssize_t i = 0; list != NULL && i < batch->count; i++) {
        PyObject *value = PyLong_FromLongLong(batch->block->timestamps[row_at(batch, i)]);
        if (value == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, i, value);
        }
    }
    return list;
}

static PyObject *batch_expired(PyObject *self, void *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    PyObject *list = PyList_New(batch->count);
    for (Py_ssize_t i = 0; list != NULL && i < batch->count; i++) {
        (void)PyList_SetItem(list, i, PyBool_FromLong(is_expired(batch, row_at(batch, i))));
    }
    return list;
}

static PyObject *batch_rich(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyObject_CallFunctionObjArgs(((ef_event_batch *)self)->layout->host->rich_of, self, NULL);
}

static PyObject *batch_names(PyObject *self, void *unused) {
    (void)unused;
    PyObject *names = ((ef_event_batch *)self)->layout->names;
    Py_INCREF(names);
    return names;
}

static PyObject *batch_types(PyObject *self, void *unused) {
    (void)unused;
    return PyObject_GetAttrString((PyObject *)((ef_event_batch *)self)->layout, "types");
}

static PyObject *batch_schema(PyObject *self, void *unused) {
    (void)unused;
    PyObject *schema = ((ef_event_batch *)self)->layout->schema;
    Py_INCREF(schema);
    return schema;
}

/* ef_kind of each row, as bytes. */
static PyObject *batch_kinds(PyObject *self, void *unused) {
    (void)unused;
    ef_event_batch *batch = (ef_event_batch *)self;
    PyObject *kinds = PyBytes_FromStringAndSize(NULL, batch->count);
    char *to = kinds != NULL ? PyBytes_AsString(kinds) : NULL;
    for (Py_ssize_t i = 0; to != NULL && i < batch->count; i++) {
        to[i] = batch->block->kinds != NULL ? (char)batch->block->kinds[row_at(batch, i)] : (char)EF_CURRENT;
    }
    return kinds;
}

/* The same rows with the first columns only, those of another layout. */
static PyObject *batch_narrow(PyObject *self, PyObject *argument) {
    ef_event_batch *batch = (ef_event_batch *)self;
    ef_layout *layout = (ef_layout *)argument;
    if (Py_TYPE(argument) != batch->layout->host->layout_type || layout->columns > batch->block->columns) {
        PyErr_SetString(PyExc_TypeError, "a batch can only be narrowed to a layout of fewer columns");
        return NULL;
    }
    ef_block_retain(batch->block);
    return make(Py_TYPE(self), layout, batch->block, batch->start, batch->count, batch->step);
}

static PyObject *batch_stream(PyObject *self, void *unused) {
    (void)unused;
    PyObject *stream = ((ef_event_batch *)self)->layout->stream;
    Py_INCREF(stream);
    return stream;
}

#define SHOWN 10

static PyObject *batch_repr(PyObject *self) {
    ef_event_batch *batch = (ef_event_batch *)self;
    PyObject *text = PyUnicode_FromFormat("EventBatch(%S, %zd event%s)", batch->layout->stream, batch->count,
                                          batch->count == 1 ? "" : "s");
    for (Py_ssize_t i = 0; text != NULL && i < batch->count && i < SHOWN; i++) {
        uint32_t row = row_at(batch, i);
        PyObject *data = ef_unpack_row(batch->layout, batch->block->column, row);
        PyObject *longer = NULL;
        if (data != NULL) {
            longer = PyUnicode_FromFormat("%U\n  %lld %s%R", text, (long long)batch->block->timestamps[row],
                                          is_expired(batch, row) ? "expired " : "", data);
            Py_DECREF(data);
        }
        Py_DECREF(text);
        text = longer;
    }
    if (text != NULL && batch->count > SHOWN) {
        PyObject *longer = PyUnicode_FromFormat("%U\n  ... %zd more", text, batch->count - SHOWN);
        Py_DECREF(text);
        text = longer;
    }
    return text;
}

static Py_ssize_t find(PyObject *self, PyObject *value, Py_ssize_t from, Py_ssize_t to) {
    for (Py_ssize_t i = from; i < to; i++) {
        PyObject *event = batch_item(self, i);
        if (event == NULL) {
            return -2;
        }
        int equal = PyObject_RichCompareBool(event, value, Py_EQ);
        Py_DECREF(event);
        if (equal != 0) {
            return equal < 0 ? -2 : i;
        }
    }
    return -1;
}

static int batch_contains(PyObject *self, PyObject *value) {
    Py_ssize_t at = find(self, value, 0, ((ef_event_batch *)self)->count);
    return at == -2 ? -1 : at >= 0;
}

static PyObject *batch_index(PyObject *self, PyObject *arguments) {
    PyObject *value;
    Py_ssize_t count = ((ef_event_batch *)self)->count, from = 0, to = PY_SSIZE_T_MAX;
    if (!PyArg_ParseTuple(arguments, "O|nn:index", &value, &from, &to)) {
        return NULL;
    }
    from = from < 0 ? from + count : from;
    to = to < 0 ? to + count : to;
    Py_ssize_t at = find(self, value, from < 0 ? 0 : from, to > count ? count : to);
    if (at >= 0) {
        return PyLong_FromSsize_t(at);
    }
    if (at == -1) {
        PyErr_SetString(PyExc_ValueError, "the event is not in the batch");
    }
    return NULL;
}

static PyObject *batch_count(PyObject *self, PyObject *value) {
    Py_ssize_t found = 0, at = -1;
    Py_ssize_t count = ((ef_event_batch *)self)->count;
    while ((at = find(self, value, at + 1, count)) >= 0) {
        found++;
    }
    return at == -2 ? NULL : PyLong_FromSsize_t(found);
}

static PyGetSetDef properties[] = {
    {"columns", batch_columns, NULL,
     "Attribute name -> its values: a memoryview of numbers without nulls, else a list.", NULL},
    {"timestamps", batch_timestamps, NULL, "Milliseconds since the epoch, one an event.", NULL},
    {"expired", batch_expired, NULL, "Whether each event leaves a window.", NULL},
    {"names", batch_names, NULL, "Names of the attributes.", NULL},
    {"types", batch_types, NULL, "Type codes of the attributes.", NULL},
    {"schema", batch_schema, NULL, "The schema of the rows.", NULL},
    {"stream", batch_stream, NULL, "The stream or query that the events come from.", NULL},
    {"_kinds", batch_kinds, NULL, NULL, NULL},
    {"_extent", batch_extent, NULL, NULL, NULL},
    {"_columns_address", batch_columns_address, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"rows", batch_rows, METH_NOARGS, "The rows as tuples."},
    {"to_pylist", batch_to_pylist, METH_NOARGS, "The rows as dictionaries, attribute name -> value."},
    {"__rich__", batch_rich, METH_NOARGS, "A table, for those who print with rich."},
    {"index", batch_index, METH_VARARGS, "Number of the first event that equals the value."},
    {"count", batch_count, METH_O, "How many events equal the value."},
    {"__arrow_c_schema__", ef_event_batch_arrow_schema, METH_NOARGS, "The schema as an Arrow capsule."},
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))ef_event_batch_arrow_array, METH_VARARGS | METH_KEYWORDS,
     "The rows as an Arrow struct array, a pair of capsules."},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))ef_event_batch_arrow_stream, METH_VARARGS | METH_KEYWORDS,
     "The rows as an Arrow stream of one record batch, a capsule."},
    {"_narrow", batch_narrow, METH_O, NULL},
    {"_column_values", batch_column_values, METH_O, NULL},
    {"_column_memory", batch_column_memory, METH_O, NULL},
    {"_timestamp_memory", batch_timestamp_memory, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Py_TPFLAGS_SEQUENCE, which the limited API does not name: `match` takes the batch apart as a sequence. */
#define IS_SEQUENCE (1UL << 5)

PyTypeObject *ef_event_batch_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "Events that reached a listener together: an immutable sequence over native columns."},
        {Py_tp_dealloc, (void *)batch_free},
        {Py_tp_repr, (void *)batch_repr},
        {Py_tp_iter, (void *)ef_batch_iterator_new},
        {Py_tp_getset, properties},
        {Py_tp_methods, methods},
        {Py_sq_length, (void *)batch_length},
        {Py_sq_item, (void *)batch_item},
        {Py_sq_contains, (void *)batch_contains},
        {Py_mp_length, (void *)batch_length},
        {Py_mp_subscript, (void *)batch_get},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.EventBatch",
                        .basicsize = (int)sizeof(ef_event_batch),
                        .flags = Py_TPFLAGS_DEFAULT | IS_SEQUENCE | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
