/* Native values -> Python values. */
#include "base/object.h"
#include "host/host.h"

static PyObject *text_of(const ef_str *value) {
    return PyUnicode_DecodeUTF8(ef_str_data(value), (Py_ssize_t)value->length, NULL);
}

static PyObject *object_of(ef_host_state *host, const ef_str *value) {
    const char *at = ef_str_data(value);
    ef_object_token token;
    if (ef_object_next(&at, at + value->length, &token)) {
        switch (token.kind) {
        case EF_OBJECT_BOOL:
            return PyBool_FromLong(token.boolean);
        case EF_OBJECT_INTEGER:
            return token.is_huge ? PyLong_FromUnsignedLongLong((unsigned long long)token.integer)
                                 : PyLong_FromLongLong(token.integer);
        case EF_OBJECT_REAL:
            return PyFloat_FromDouble(token.real);
        case EF_OBJECT_STRING:
            return PyUnicode_DecodeUTF8(token.data, (Py_ssize_t)token.length, NULL);
        default:
            break;
        }
    }
    PyObject *bytes = PyBytes_FromStringAndSize(ef_str_data(value), (Py_ssize_t)value->length);
    if (bytes == NULL) {
        return NULL;
    }
    PyObject *object = PyObject_CallFunctionObjArgs(host->unpack_object, bytes, NULL);
    Py_DECREF(bytes);
    return object;
}

static inline PyObject *none(void) {
    Py_INCREF(Py_None);
    return Py_None;
}

PyObject *ef_unpack_cell(ef_host_state *host, const ef_column *column, uint32_t row) {
    if (ef_is_null(column, row)) {
        return none();
    }
    switch (column->type) {
    case EF_BOOL:
        return PyBool_FromLong(((const uint8_t *)column->values)[row]);
    case EF_INT:
        return PyLong_FromLong(((const int32_t *)column->values)[row]);
    case EF_LONG:
        return PyLong_FromLongLong(((const int64_t *)column->values)[row]);
    case EF_FLOAT:
        return PyFloat_FromDouble((double)((const float *)column->values)[row]);
    case EF_DOUBLE:
        return PyFloat_FromDouble(((const double *)column->values)[row]);
    case EF_STRING:
        return text_of(&((const ef_str *)column->values)[row]);
    case EF_OBJECT:
        return object_of(host, &((const ef_str *)column->values)[row]);
    }
    PyErr_SetString(PyExc_SystemError, "a column of an unknown type");
    return NULL;
}

PyObject *ef_unpack_row(ef_layout *layout, const ef_column *columns, uint32_t row) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)layout->columns);
    if (tuple == NULL) {
        return NULL;
    }
    for (uint32_t c = 0; c < layout->columns; c++) {
        PyObject *value = ef_unpack_cell(layout->host, &columns[c], row);
        if (value == NULL) {
            Py_DECREF(tuple);
            return NULL;
        }
        (void)PyTuple_SetItem(tuple, (Py_ssize_t)c, value);
    }
    return tuple;
}

PyObject *ef_unpack_column(ef_host_state *host, const ef_column *column, Py_ssize_t start, Py_ssize_t count,
                           Py_ssize_t step) {
    PyObject *list = PyList_New(count);
    if (list == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = ef_unpack_cell(host, column, (uint32_t)(start + i * step));
        if (value == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        (void)PyList_SetItem(list, i, value);
    }
    return list;
}
