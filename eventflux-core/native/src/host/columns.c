/* Columns in, Arrow out: what needs both Python objects and native columns. */
#include "host/host.h"

/* ---- in -------------------------------------------------------------------------------------------------------------- */

bool ef_pack_source_column(ef_layout *layout, ef_source_rows *rows, uint32_t index, PyObject *values) {
    ef_packer packer = {.host = layout->host, .arena = &rows->arena, .borrows = false};
    ef_column column;
    if (!ef_pack_column(&packer, layout, index, values, &column)) {
        return false;
    }
    Py_ssize_t count = PyList_CheckExact(values) ? PyList_Size(values) : PyTuple_Size(values);
    ef_error error;
    if (ef_source_rows_native(rows, index, &column, (int64_t)count, &error) != EF_OK) {
        PyErr_SetString(PyExc_ValueError, error.message);
        return false;
    }
    return true;
}

/* The timestamps as one more column, in the rows' own arena. */
static bool pack_source_timestamps(ef_layout *layout, ef_packer *packer, ef_source_rows *rows, PyObject *given, uint32_t count) {
    PyObject *keeper = NULL;
    ef_column column = {.type = EF_LONG};
    int64_t *timestamps = NULL;
    if (!ef_pack_timestamps(packer, layout, given, count, &timestamps, &keeper)) {
        return false;
    }
    column.values = timestamps;
    if (keeper != NULL) { /* another's memory, which may change */
        column.values = ef_arena_take(&rows->arena, ((size_t)count + 1) * sizeof *timestamps);
        if (column.values != NULL) {
            memcpy(column.values, timestamps, count * sizeof *timestamps);
        }
        Py_DECREF(keeper);
        if (column.values == NULL) {
            ef_raise_memory(layout->host);
            return false;
        }
    }
    ef_error error;
    if (ef_source_rows_native(rows, rows->columns, &column, (int64_t)count, &error) != EF_OK) {
        PyErr_SetString(PyExc_ValueError, error.message);
        return false;
    }
    return true;
}

bool ef_pack_source_rows(ef_layout *layout, ef_source_rows *rows, PyObject *given, PyObject *timestamps) {
    ef_packer packer = {.host = layout->host, .arena = &rows->arena, .borrows = false};
    ef_batch batch;
    ef_error error;
    if (!ef_pack_rows(&packer, layout, given, &batch)) {
        return false;
    }
    for (uint32_t c = 0; c < layout->columns; c++) {
        if (ef_source_rows_native(rows, c, &batch.column[c], (int64_t)batch.rows, &error) != EF_OK) {
            PyErr_SetString(PyExc_ValueError, error.message);
            return false;
        }
    }
    return pack_source_timestamps(layout, &packer, rows, timestamps, batch.rows);
}

bool ef_border_push_rows(ef_border_object *border, ef_node_id stream, const ef_source_rows *rows, ef_meaning meaning,
                         ef_arena *arena) {
    int64_t most = meaning == EF_CHUNK_MEANING ? INT32_MAX : (int64_t)ef_engine_slice_rows(border->engine);
    int64_t at = 0;
    while (at < rows->rows) {
        ef_error error;
        ef_status status = EF_OK;
        ef_entry entry = EF_ENTERED;
        uint64_t ticket = 0;
        Py_BEGIN_ALLOW_THREADS
        while (at < rows->rows && status == EF_OK && ticket == 0 && entry == EF_ENTERED) {
            uint32_t count = (uint32_t)(rows->rows - at < most ? rows->rows - at : most);
            ef_batch batch;
            ef_arena_reset(arena);
            if (!ef_source_rows_slice(rows, at, count, arena, &batch)) {
                status = ef_fail_memory(&error);
                break;
            }
            if (meaning == EF_CHUNK_MEANING) {
                batch.form = EF_WHOLE;
            }
            entry = ef_border_enter(&border->border);
            if (entry == EF_ENTERED) {
                status = ef_border_push(&border->border, stream, &batch, meaning, &error);
                ticket = ef_border_collect(&border->border);
                ef_border_leave(&border->border);
                at += count;
            }
        }
        Py_END_ALLOW_THREADS
        if (entry != EF_ENTERED) {
            ef_raise_inside(border);
            return false;
        }
        if (ticket != 0 && !ef_border_deliver(border, ticket)) {
            return false;
        }
        if (status != EF_OK) {
            ef_raise_native(border, &error);
            return false;
        }
        if (!ef_raise_pending(border)) {
            return false;
        }
    }
    return true;
}

/* Rows of a stream among those of others: how many have been sent, and those of the slice at hand. */
typedef struct merging {
    const ef_source_rows *rows;
    int64_t at;
    ef_batch batch;
    uint32_t taken;
    uint32_t *steps;
} merging;

/* The next slice, of at most `most` rows: always the row with the lowest timestamp, of equal ones that of the first stream; each stream keeps its own order. It
 * ends where the rows of a stream that were looked at do. False: out of memory. */
static bool merge_slice(merging *streams, uint32_t count, uint32_t most, ef_arena *arena) {
    uint32_t each = most / count > 0 ? most / count : 1;
    for (uint32_t i = 0; i < count; i++) {
        merging *m = &streams[i];
        int64_t left = m->rows->rows - m->at;
        uint32_t wanted = (uint32_t)(left < 0 ? 0 : left < each ? left : each);
        m->taken = 0;
        m->steps = ef_arena_take(arena, (wanted > 0 ? wanted : 1) * sizeof *m->steps);
        if (m->steps == NULL || !ef_source_rows_slice(m->rows, m->at, wanted, arena, &m->batch)) {
            return false;
        }
    }
    for (uint32_t step = 0; step < most; step++) {
        merging *next = NULL;
        for (uint32_t i = 0; i < count; i++) {
            merging *m = &streams[i];
            if (m->taken == m->batch.rows) {
                if (m->at + m->taken < m->rows->rows) {
                    next = NULL; /* its next row is not known yet */
                    break;
                }
                continue;
            }
            if (next == NULL || m->batch.timestamps[m->taken] < next->batch.timestamps[next->taken]) {
                next = m;
            }
        }
        if (next == NULL) {
            break;
        }
        next->steps[next->taken++] = step;
    }
    return true;
}

static uint32_t parts_of(const merging *streams, const ef_node_id *nodes, uint32_t count, ef_batch *batches, ef_part *parts) {
    uint32_t made = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (streams[i].taken > 0) {
            batches[made] = streams[i].batch;
            batches[made].rows = streams[i].taken;
            parts[made] = (ef_part){.stream = nodes[i], .rows = &batches[made], .steps = streams[i].steps};
            made++;
        }
    }
    return made;
}

bool ef_border_push_merged(ef_border_object *border, const ef_node_id *nodes, const ef_source_rows *const *rows, uint32_t count,
                           ef_arena *arena) {
    merging *streams = PyMem_Calloc(count, sizeof *streams);
    ef_batch *batches = PyMem_Calloc(count, sizeof *batches);
    ef_part *parts = PyMem_Calloc(count, sizeof *parts);
    bool good = streams != NULL && batches != NULL && parts != NULL, is_more = good;
    for (uint32_t i = 0; good && i < count; i++) {
        streams[i].rows = rows[i];
    }
    if (!good) {
        ef_raise_memory(border->host);
    }
    while (good && is_more) {
        ef_error error;
        ef_status status = EF_OK;
        ef_entry entry = EF_ENTERED;
        uint64_t ticket = 0;
        Py_BEGIN_ALLOW_THREADS
        while (is_more && status == EF_OK && ticket == 0 && entry == EF_ENTERED) {
            ef_arena_reset(arena);
            if (!merge_slice(streams, count, ef_engine_slice_rows(border->engine), arena)) {
                status = ef_fail_memory(&error);
                break;
            }
            uint32_t made = parts_of(streams, nodes, count, batches, parts);
            is_more = made > 0;
            entry = is_more ? ef_border_enter(&border->border) : EF_ENTERED;
            if (is_more && entry == EF_ENTERED) {
                status = ef_border_push_parts(&border->border, parts, made, &error);
                ticket = ef_border_collect(&border->border);
                ef_border_leave(&border->border);
                for (uint32_t i = 0; i < count; i++) {
                    streams[i].at += streams[i].taken;
                }
            }
        }
        Py_END_ALLOW_THREADS
        if (entry != EF_ENTERED) {
            ef_raise_inside(border);
            good = false;
        } else if (ticket != 0 && !ef_border_deliver(border, ticket)) {
            good = false;
        } else if (status != EF_OK) {
            ef_raise_native(border, &error);
            good = false;
        } else {
            good = ef_raise_pending(border);
        }
    }
    PyMem_Free(parts);
    PyMem_Free(batches);
    PyMem_Free(streams);
    return good;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

#define SCHEMA_NAME "arrow_schema"
#define ARRAY_NAME "arrow_array"
#define STREAM_NAME "arrow_array_stream"

/* Capsules own the struct's memory; a consumer moves the content out, else it is released here. */
static void schema_destroy(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, SCHEMA_NAME);
    if (schema != NULL) {
        if (schema->release != NULL) {
            schema->release(schema);
        }
        PyMem_Free(schema);
    }
}

static void array_destroy(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, ARRAY_NAME);
    if (array != NULL) {
        if (array->release != NULL) {
            array->release(array);
        }
        PyMem_Free(array);
    }
}

static void stream_destroy(PyObject *capsule) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, STREAM_NAME);
    if (stream != NULL) {
        if (stream->release != NULL) {
            stream->release(stream);
        }
        PyMem_Free(stream);
    }
}

static bool export_schema(const ef_event_batch *batch, struct ArrowSchema *schema) {
    uint32_t columns = batch->layout->columns;
    const char **names = PyMem_Malloc((columns + 1u) * sizeof *names);
    bool good = names != NULL;
    for (uint32_t c = 0; good && c < columns; c++) {
        names[c] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(batch->layout->names, (Py_ssize_t)c), NULL);
        good = names[c] != NULL;
    }
    if (good) {
        ef_error error;
        good = ef_arrow_export_schema(batch->block, columns, names, schema, &error) == EF_OK;
    }
    PyMem_Free(names);
    if (!good && !PyErr_Occurred()) {
        ef_raise_memory(batch->layout->host);
    }
    return good;
}

static bool export_array(const ef_event_batch *batch, struct ArrowArray *array) {
    ef_error error;
    if (ef_arrow_export_array(batch->block, batch->layout->columns, batch->start, batch->count, batch->step, array,
                              &error) != EF_OK) {
        ef_raise_memory(batch->layout->host);
        return false;
    }
    return true;
}

static PyObject *capsule_of(const void *content, size_t size, const char *name, PyCapsule_Destructor destroy) {
    void *copy = PyMem_Malloc(size);
    if (copy == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(copy, content, size);
    PyObject *capsule = PyCapsule_New(copy, name, destroy);
    if (capsule == NULL) {
        PyMem_Free(copy);
    }
    return capsule;
}

PyObject *ef_event_batch_arrow_schema(PyObject *self, PyObject *unused) {
    (void)unused;
    struct ArrowSchema schema;
    if (!export_schema((ef_event_batch *)self, &schema)) {
        return NULL;
    }
    PyObject *capsule = capsule_of(&schema, sizeof schema, SCHEMA_NAME, schema_destroy);
    if (capsule == NULL) {
        schema.release(&schema);
    }
    return capsule;
}

/* Consumers may ask for another schema; we may, and do, answer with ours. */
PyObject *ef_event_batch_arrow_array(PyObject *self, PyObject *arguments, PyObject *keywords) {
    static char *keyword_names[] = {"requested_schema", NULL};
    PyObject *requested = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:__arrow_c_array__", keyword_names, &requested)) {
        return NULL;
    }
    PyObject *schema_capsule = ef_event_batch_arrow_schema(self, NULL);
    if (schema_capsule == NULL) {
        return NULL;
    }
    struct ArrowArray array;
    PyObject *array_capsule = NULL;
    if (export_array((ef_event_batch *)self, &array)) {
        array_capsule = capsule_of(&array, sizeof array, ARRAY_NAME, array_destroy);
        if (array_capsule == NULL) {
            array.release(&array);
        }
    }
    PyObject *both = array_capsule != NULL ? PyTuple_Pack(2, schema_capsule, array_capsule) : NULL;
    Py_XDECREF(array_capsule);
    Py_DECREF(schema_capsule);
    return both;
}

PyObject *ef_event_batch_arrow_stream(PyObject *self, PyObject *arguments, PyObject *keywords) {
    static char *keyword_names[] = {"requested_schema", NULL};
    PyObject *requested = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:__arrow_c_stream__", keyword_names, &requested)) {
        return NULL;
    }
    const ef_event_batch *batch = (const ef_event_batch *)self;
    struct ArrowSchema schema;
    struct ArrowArray array;
    if (!export_schema(batch, &schema)) {
        return NULL;
    }
    if (!export_array(batch, &array)) {
        schema.release(&schema);
        return NULL;
    }
    struct ArrowArrayStream stream;
    ef_error error;
    if (ef_arrow_export_stream(batch->block, &schema, &array, &stream, &error) != EF_OK) {
        ef_raise_memory(batch->layout->host);
        return NULL;
    }
    PyObject *capsule = capsule_of(&stream, sizeof stream, STREAM_NAME, stream_destroy);
    if (capsule == NULL) {
        stream.release(&stream);
    }
    return capsule;
}
