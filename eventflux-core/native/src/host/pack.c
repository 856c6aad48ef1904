/* Python values -> native columns, with the coercion rules of input:
 *
 *      int -> INT, LONG, FLOAT, DOUBLE in range; float -> FLOAT, DOUBLE; bool -> BOOL only; str -> STRING; anything -> OBJECT
 *
 * Other objects (NumPy and Arrow scalars) are asked once for their plain value. No text is ever parsed. Rows go row by row, since a row's
 * values lie together in Python; columns are written side by side. Nothing of a call has entered the engine while this runs. */
#include <float.h>

#include "base/object.h"
#include "host/pack_common.h"

static ef_fault number_fault(void) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        return EF_FAULT_RANGE;
    }
    return EF_FAULT_EXCEPTION;
}

static int pack_text(ef_packer *packer, PyObject *value, bool borrows, ef_str *to, ef_fault *fault) {
    Py_ssize_t length;
    const char *data = PyUnicode_AsUTF8AndSize(value, &length);
    if (EF_UNLIKELY(data == NULL)) {
        *fault = EF_FAULT_EXCEPTION;
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
            *fault = EF_FAULT_TEXT;
        }
        return -1;
    }
    if (EF_UNLIKELY(length > INT32_MAX)) {
        *fault = EF_FAULT_RANGE;
        return -1;
    }
    *to = ef_str_view(data, (uint32_t)length);
    if (length > (Py_ssize_t)EF_INLINE_STRING && !borrows) {
        ef_str view = *to;
        if (!ef_str_copy(to, &view, packer->arena)) {
            *fault = EF_FAULT_MEMORY;
            return -1;
        }
    }
    return 1;
}

/* The commonest OBJECT values, which need no Python: 2 for any other. */
static int pack_scalar(ef_packer *packer, PyObject *value, ef_str *to, ef_fault *fault) {
    ef_object_writer writer;
    ef_object_writer_init(&writer, packer->arena);
    if (PyUnicode_CheckExact(value)) {
        ef_str text;
        int packed = pack_text(packer, value, true, &text, fault);
        if (packed < 0) {
            return packed;
        }
        ef_object_put_string(&writer, ef_str_data(&text), text.length);
    } else if (value == Py_True || value == Py_False) {
        ef_object_put_bool(&writer, value == Py_True);
    } else if (PyFloat_CheckExact(value)) {
        ef_object_put_double(&writer, PyFloat_AsDouble(value));
    } else if (PyLong_CheckExact(value)) {
        int overflow;
        long long integer = ef_integer_of(value, &overflow);
        if (overflow != 0) {
            return 2;
        }
        ef_object_put_integer(&writer, integer);
    } else {
        return 2;
    }
    if (!ef_object_writer_take(&writer, to)) {
        *fault = EF_FAULT_MEMORY;
        return -1;
    }
    return 1;
}

static int pack_object(ef_packer *packer, PyObject *value, ef_str *to, ef_fault *fault) {
    int scalar = pack_scalar(packer, value, to, fault);
    if (scalar != 2) {
        return scalar;
    }
    PyObject *bytes = PyObject_CallFunctionObjArgs(packer->host->pack_object, value, NULL);
    char *data;
    Py_ssize_t length;
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &data, &length) < 0) {
        Py_XDECREF(bytes);
        *fault = EF_FAULT_EXCEPTION;
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            *fault = EF_FAULT_TYPE;
        } else if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            *fault = EF_FAULT_RANGE;
        }
        return -1;
    }
    ef_str view = ef_str_view(data, (uint32_t)length);
    int packed = 1;
    if (!ef_object_check(data, (size_t)length)) { /* deeper than the engine takes */
        *fault = EF_FAULT_TYPE;
        packed = -1;
    } else if (!ef_str_copy(to, &view, packer->arena)) {
        *fault = EF_FAULT_MEMORY;
        packed = -1;
    }
    Py_DECREF(bytes);
    return packed;
}

static int pack_integer(PyObject *value, ef_type type, void *slot, ef_fault *fault) {
    if (type == EF_FLOAT || type == EF_DOUBLE) {
        double real = PyLong_AsDouble(value);
        if (real == -1.0 && PyErr_Occurred()) {
            *fault = number_fault();
            return -1;
        }
        if (type == EF_DOUBLE) {
            memcpy(slot, &real, sizeof real);
            return 1;
        }
        if (real > (double)FLT_MAX || real < -(double)FLT_MAX) {
            *fault = EF_FAULT_RANGE;
            return -1;
        }
        float single = (float)real;
        memcpy(slot, &single, sizeof single);
        return 1;
    }
    int overflow;
    long long integer = ef_integer_of(value, &overflow);
    if (overflow != 0) {
        *fault = EF_FAULT_RANGE;
        return -1;
    }
    if (type == EF_LONG) {
        int64_t wide = integer;
        memcpy(slot, &wide, sizeof wide);
        return 1;
    }
    if (integer < INT32_MIN || integer > INT32_MAX) {
        *fault = EF_FAULT_RANGE;
        return -1;
    }
    int32_t narrow = (int32_t)integer;
    memcpy(slot, &narrow, sizeof narrow);
    return 1;
}

static int pack_real(PyObject *value, ef_type type, void *slot, ef_fault *fault) {
    double real = PyFloat_AsDouble(value);
    if (type == EF_DOUBLE) {
        memcpy(slot, &real, sizeof real);
        return 1;
    }
    /* Infinities and NaN pass, a finite number that only a double can hold does not. */
    if (real - real == 0.0 && (real > (double)FLT_MAX || real < -(double)FLT_MAX)) {
        *fault = EF_FAULT_RANGE;
        return -1;
    }
    float single = (float)real;
    memcpy(slot, &single, sizeof single);
    return 1;
}

/* As the type wants it, without asking the object for another form: 2 where that is worth trying. */
static int pack_plain(ef_packer *packer, PyObject *value, bool borrows, ef_type type, void *slot, ef_fault *fault) {
    switch (type) {
    case EF_BOOL:
        if (value == Py_True || value == Py_False) {
            *(uint8_t *)slot = value == Py_True;
            return 1;
        }
        break;
    case EF_INT:
    case EF_LONG:
        if (PyLong_Check(value) && !PyBool_Check(value)) {
            return pack_integer(value, type, slot, fault);
        }
        break;
    case EF_FLOAT:
    case EF_DOUBLE:
        if (PyFloat_Check(value)) {
            return pack_real(value, type, slot, fault);
        }
        if (PyLong_Check(value) && !PyBool_Check(value)) {
            return pack_integer(value, type, slot, fault);
        }
        break;
    case EF_STRING:
        if (PyUnicode_Check(value)) {
            return pack_text(packer, value, borrows, slot, fault);
        }
        break;
    case EF_OBJECT:
        return pack_object(packer, value, slot, fault);
    }
    return 2;
}

int ef_pack_cell(ef_packer *packer, PyObject *value, ef_type type, void *slot, ef_fault *fault) {
    if (value == Py_None) {
        memset(slot, 0, ef_type_width(type));
        return 0;
    }
    int packed = pack_plain(packer, value, packer->borrows, type, slot, fault);
    if (EF_LIKELY(packed != 2)) {
        return packed;
    }
    PyObject *plain = PyObject_CallFunctionObjArgs(packer->host->plain_value, value, NULL);
    if (plain == NULL) {
        *fault = EF_FAULT_EXCEPTION;
        return -1;
    }
    if (plain == Py_None) {
        memset(slot, 0, ef_type_width(type));
        packed = 0;
    } else if (plain != value) {
        packed = pack_plain(packer, plain, false, type, slot, fault);
    }
    Py_DECREF(plain);
    if (packed == 2) {
        *fault = EF_FAULT_TYPE;
        return -1;
    }
    return packed;
}

void ef_raise_fault(ef_layout *layout, Py_ssize_t row, uint32_t column, PyObject *value, ef_fault fault) {
    if (fault == EF_FAULT_EXCEPTION) {
        return;
    }
    if (fault == EF_FAULT_MEMORY) {
        ef_raise_memory(layout->host);
        return;
    }
    static const char *const reasons[] = {[EF_FAULT_TYPE] = "type", [EF_FAULT_RANGE] = "range", [EF_FAULT_TEXT] = "text"};
    PyObject *error = PyObject_CallFunction(layout->host->data_error, "OOniOs", layout->stream,
                                            PyTuple_GetItem(layout->names, (Py_ssize_t)column), row,
                                            (int)layout->types[column], value, reasons[fault]);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
}

void ef_raise_arity(ef_layout *layout, Py_ssize_t row, PyObject *given, Py_ssize_t found) {
    PyObject *error = PyObject_CallFunction(layout->host->data_error, "OnniOs", layout->stream, (Py_ssize_t)layout->columns,
                                            row, (int)found, given, "arity");
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
}

PyObject *ef_row_tuple(ef_layout *layout, PyObject *row, Py_ssize_t index) {
    PyObject *tuple;
    if (PyTuple_Check(row)) {
        Py_INCREF(row);
        tuple = row;
    } else if (PyList_CheckExact(row)) {
        tuple = PyList_AsTuple(row);
    } else {
        tuple = PyObject_CallFunction(layout->host->row_of, "OOn", (PyObject *)layout, row, index);
        if (tuple != NULL && !PyTuple_Check(tuple)) {
            PyErr_SetString(PyExc_SystemError, "row_of must give a tuple");
            Py_CLEAR(tuple);
        }
    }
    if (tuple == NULL) {
        return NULL;
    }
    Py_ssize_t found = PyTuple_Size(tuple);
    if (EF_UNLIKELY(found != (Py_ssize_t)layout->columns)) {
        ef_raise_arity(layout, index, row, found);
        Py_CLEAR(tuple);
    }
    return tuple;
}

static bool mark_null(ef_packer *packer, ef_column *column, uint32_t rows, uint32_t row) {
    if (column->validity == NULL) {
        column->validity = ef_arena_take(packer->arena, ef_bitmap_size(rows));
        if (column->validity == NULL) {
            return false;
        }
        memset(column->validity, 0xFF, ef_bitmap_size(rows));
    }
    ef_bit_clear(column->validity, row);
    return true;
}

/* One value into row `row` of a column. */
static inline int put(ef_packer *packer, ef_column *column, uint32_t rows, uint32_t row, PyObject *value, ef_fault *fault) {
    void *slot = (char *)column->values + (size_t)row * ef_type_width(column->type);
    if (ef_pack_common(packer, value, column->type, slot)) {
        return 1;
    }
    int packed = ef_pack_cell(packer, value, column->type, slot, fault);
    if (EF_UNLIKELY(packed == 0) && !mark_null(packer, column, rows, row)) {
        *fault = EF_FAULT_MEMORY;
        return -1;
    }
    return packed;
}

static bool take_columns(ef_packer *packer, ef_layout *layout, uint32_t rows, ef_batch *batch) {
    memset(batch, 0, sizeof *batch);
    batch->rows = rows;
    batch->columns = layout->columns;
    batch->column = ef_arena_take(packer->arena, (size_t)layout->columns * sizeof *batch->column);
    for (uint32_t c = 0; batch->column != NULL && c < layout->columns; c++) {
        size_t size = (size_t)rows * ef_type_width(layout->types[c]);
        batch->column[c] = (ef_column){.values = ef_arena_take(packer->arena, size), .type = layout->types[c]};
        if (batch->column[c].values == NULL) {
            batch->column = NULL;
        }
    }
    if (batch->column == NULL) {
        ef_raise_memory(packer->host);
        return false;
    }
    return true;
}

bool ef_pack_rows(ef_packer *packer, ef_layout *layout, PyObject *rows, ef_batch *batch) {
    bool is_list = PyList_CheckExact(rows);
    Py_ssize_t count = is_list ? PyList_Size(rows) : PyTuple_Size(rows);
    if (count > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a call can carry at most 2147483647 rows");
        return false;
    }
    if (!take_columns(packer, layout, (uint32_t)count, batch)) {
        return false;
    }
    const uint32_t columns = layout->columns;
    for (Py_ssize_t i = 0; i < count; i++) {
        /* Conversions may run Python code, which may change a list under our hands. */
        PyObject *row = is_list ? PyList_GetItem(rows, i) : PyTuple_GetItem(rows, i);
        if (row == NULL) {
            return false;
        }
        PyObject *tuple = ef_row_tuple(layout, row, i);
        if (tuple == NULL) {
            return false;
        }
        for (uint32_t c = 0; c < columns; c++) {
            ef_fault fault = EF_FAULT_NONE;
            PyObject *value = PyTuple_GetItem(tuple, (Py_ssize_t)c);
            if (EF_UNLIKELY(put(packer, &batch->column[c], (uint32_t)count, (uint32_t)i, value, &fault) < 0)) {
                ef_raise_fault(layout, i, c, value, fault);
                Py_DECREF(tuple);
                return false;
            }
        }
        Py_DECREF(tuple);
    }
    return true;
}

bool ef_pack_column(ef_packer *packer, ef_layout *layout, uint32_t column, PyObject *values, ef_column *to) {
    bool is_list = PyList_CheckExact(values);
    Py_ssize_t count = is_list ? PyList_Size(values) : PyTuple_Size(values);
    if (count < 0) {
        return false;
    }
    if (count > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a call can carry at most 2147483647 rows");
        return false;
    }
    ef_type type = layout->types[column];
    *to = (ef_column){.values = ef_arena_take(packer->arena, (size_t)count * ef_type_width(type)), .type = type};
    if (to->values == NULL) {
        ef_raise_memory(packer->host);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = is_list ? PyList_GetItem(values, i) : PyTuple_GetItem(values, i);
        if (value == NULL) {
            return false;
        }
        ef_fault fault = EF_FAULT_NONE;
        Py_INCREF(value);
        int packed = put(packer, to, (uint32_t)count, (uint32_t)i, value, &fault);
        if (packed < 0) {
            ef_raise_fault(layout, i, column, value, fault);
        }
        Py_DECREF(value);
        if (packed < 0) {
            return false;
        }
    }
    return true;
}

bool ef_pack_timestamp(ef_host_state *host, PyObject *value, int64_t *timestamp) {
    if (EF_LIKELY(PyLong_CheckExact(value))) {
        int overflow;
        *timestamp = ef_integer_of(value, &overflow);
        if (EF_LIKELY(overflow == 0)) {
            return true;
        }
        *timestamp = PyLong_AsLongLong(value); /* raises */
        return false;
    }
    PyObject *number = PyObject_CallFunctionObjArgs(host->timestamp_of, value, NULL);
    if (number == NULL) {
        return false;
    }
    *timestamp = PyLong_AsLongLong(number);
    Py_DECREF(number);
    return !(*timestamp == -1 && PyErr_Occurred());
}

static bool copy_timestamps(ef_packer *packer, PyObject *values, uint32_t rows, int64_t *to) {
    bool is_list = PyList_CheckExact(values);
    for (uint32_t i = 0; i < rows; i++) {
        PyObject *value = is_list ? PyList_GetItem(values, (Py_ssize_t)i) : PyTuple_GetItem(values, (Py_ssize_t)i);
        if (value == NULL) {
            return false;
        }
        Py_INCREF(value);
        bool packed = ef_pack_timestamp(packer->host, value, &to[i]);
        Py_DECREF(value);
        if (!packed) {
            return false;
        }
    }
    return true;
}

static bool raise_timestamp_count(ef_layout *layout, Py_ssize_t found, uint32_t rows) {
    PyObject *error = PyObject_CallFunction(layout->host->data_error, "OOIiOs", layout->stream, Py_None, rows, (int)found,
                                            Py_None, "timestamps");
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return false;
}

bool ef_pack_timestamps(ef_packer *packer, ef_layout *layout, PyObject *timestamps, uint32_t rows, int64_t **to,
                        PyObject **keeper) {
    *to = NULL;
    *keeper = NULL;
    if (timestamps == NULL || timestamps == Py_None) {
        return true;
    }
    Py_INCREF(timestamps);
    if (!PyList_CheckExact(timestamps) && !PyTuple_CheckExact(timestamps)) {
        /* One moment for all, another sequence, or a buffer of int64: (address, rows, keeper). */
        PyObject *found = PyLong_CheckExact(timestamps)
                              ? PyNumber_Long(timestamps)
                              : PyObject_CallFunctionObjArgs(layout->host->timestamps_of, timestamps, NULL);
        Py_DECREF(timestamps);
        if (found == NULL) {
            return false;
        }
        if (PyLong_Check(found)) {
            int64_t moment = PyLong_AsLongLong(found);
            Py_DECREF(found);
            *to = ef_arena_take(packer->arena, (size_t)rows * sizeof **to);
            if ((moment == -1 && PyErr_Occurred()) || *to == NULL) {
                if (!PyErr_Occurred()) {
                    ef_raise_memory(packer->host);
                }
                return false;
            }
            for (uint32_t i = 0; i < rows; i++) {
                (*to)[i] = moment;
            }
            return true;
        }
        if (PyTuple_Check(found)) {
            unsigned long long address;
            Py_ssize_t length;
            PyObject *owner;
            if (!PyArg_ParseTuple(found, "KnO", &address, &length, &owner)) {
                Py_DECREF(found);
                return false;
            }
            if (length != (Py_ssize_t)rows) {
                Py_DECREF(found);
                return raise_timestamp_count(layout, length, rows);
            }
            *to = (int64_t *)(uintptr_t)address;
            *keeper = found;
            return true;
        }
        timestamps = found;
        if (!PyList_CheckExact(timestamps)) {
            Py_DECREF(timestamps);
            PyErr_SetString(PyExc_SystemError, "timestamps_of must give an int, a list or a buffer");
            return false;
        }
    }
    Py_ssize_t length = PyList_CheckExact(timestamps) ? PyList_Size(timestamps) : PyTuple_Size(timestamps);
    bool packed = false;
    if (length != (Py_ssize_t)rows) {
        (void)raise_timestamp_count(layout, length, rows);
    } else {
        *to = ef_arena_take(packer->arena, (size_t)rows * sizeof **to);
        if (*to == NULL) {
            ef_raise_memory(packer->host);
        } else {
            packed = copy_timestamps(packer, timestamps, rows, *to);
        }
    }
    Py_DECREF(timestamps);
    return packed;
}
