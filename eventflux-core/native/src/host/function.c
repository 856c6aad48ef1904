/* Python functions called by expression programs: once a batch by the engine, then row by row here, or once when the function is vectorised.
 *
 * Runs under the engine lock, with or without the GIL held by this thread (PyGILState finds out). A row whose call raises is marked as
 * failed with the exception's text; KeyboardInterrupt and its like end the call and go on through whoever pushes. */
#include "host/host.h"

static const char *const no_text = "the function failed";

const char *ef_take_exception_text(ef_arena *arena) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *name = type != NULL ? PyObject_GetAttrString(type, "__name__") : NULL;
    PyObject *text = name != NULL ? PyUnicode_FromFormat("%U: %S", name, value != NULL ? value : Py_None) : NULL;
    const char *copy = no_text;
    Py_ssize_t length;
    const char *data = text != NULL ? PyUnicode_AsUTF8AndSize(text, &length) : NULL;
    if (data != NULL) {
        char *bytes = ef_arena_take(arena, (size_t)length + 1);
        if (bytes != NULL) {
            memcpy(bytes, data, (size_t)length + 1);
            copy = bytes;
        }
    }
    PyErr_Clear();
    Py_XDECREF(name);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return copy;
}

static const char *format_text(ef_arena *arena, PyObject *name, PyObject *value, ef_fault fault) {
    const char *what = fault == EF_FAULT_RANGE ? "a value out of range" : "a value of another type";
    PyObject *text = PyUnicode_FromFormat("function %U returned %s: %R", name, what, value);
    const char *copy = no_text;
    Py_ssize_t length;
    const char *data = text != NULL ? PyUnicode_AsUTF8AndSize(text, &length) : NULL;
    if (data != NULL) {
        char *bytes = ef_arena_take(arena, (size_t)length + 1);
        if (bytes != NULL) {
            memcpy(bytes, data, (size_t)length + 1);
            copy = bytes;
        }
    }
    PyErr_Clear();
    Py_XDECREF(text);
    return copy;
}

typedef struct call {
    ef_border_object *border;
    const ef_function *function;
    ef_packer packer;
    ef_column *result;
    uint8_t *failed;
    uint32_t rows;
} call;

static bool mark_failed(call *self, uint32_t row, const char *text) {
    ef_border_object *border = self->border;
    if (border->failures == NULL) {
        border->failures = ef_arena_take(self->packer.arena, (size_t)self->rows * sizeof *border->failures);
        if (border->failures == NULL) {
            return false;
        }
        memset(border->failures, 0, (size_t)self->rows * sizeof *border->failures);
        border->failure_rows = self->rows;
    }
    border->failures[row] = text;
    self->failed[row] = 1;
    return true;
}

void ef_keep_pending(ef_border_object *border) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    if (border->pending == NULL) {
        border->pending = value;
    } else {
        Py_XDECREF(value);
    }
}

/* Whether the exception that is set may be a row's failure; else it is kept for the pusher. */
static bool is_ordinary(ef_border_object *border) {
    if (PyErr_ExceptionMatches(PyExc_Exception)) {
        return true;
    }
    ef_keep_pending(border);
    return false;
}

static ef_status put_result(call *self, uint32_t row, PyObject *value, ef_error *error) {
    ef_fault fault = EF_FAULT_NONE;
    void *slot = (char *)self->result->values + (size_t)row * ef_type_width(self->result->type);
    int packed = ef_pack_cell(&self->packer, value, self->result->type, slot, &fault);
    if (packed == 1) {
        return EF_OK;
    }
    if (packed < 0) {
        memset(slot, 0, ef_type_width(self->result->type));
        if (fault == EF_FAULT_MEMORY) {
            return ef_fail_memory(error);
        }
        if (fault == EF_FAULT_EXCEPTION && !is_ordinary(self->border)) {
            return ef_fail(error, EF_HOST, "the function was interrupted");
        }
        const char *text = fault == EF_FAULT_EXCEPTION
                               ? ef_take_exception_text(self->packer.arena)
                               : format_text(self->packer.arena, self->function->name, value, fault);
        if (!mark_failed(self, row, text)) {
            return ef_fail_memory(error);
        }
    }
    if (self->result->validity != NULL) {
        ef_bit_clear(self->result->validity, row);
    }
    return EF_OK;
}

static ef_status fail_row(call *self, uint32_t row, ef_error *error) {
    if (!is_ordinary(self->border)) {
        return ef_fail(error, EF_HOST, "the function was interrupted");
    }
    if (!mark_failed(self, row, ef_take_exception_text(self->packer.arena))) {
        return ef_fail_memory(error);
    }
    if (self->result->validity != NULL) {
        ef_bit_clear(self->result->validity, row);
    }
    return EF_OK;
}

static ef_status call_rows(call *self, uint32_t count, const ef_column *arguments, ef_error *error) {
    for (uint32_t i = 0; i < self->rows; i++) {
        PyObject *tuple = PyTuple_New((Py_ssize_t)count);
        for (uint32_t c = 0; tuple != NULL && c < count; c++) {
            PyObject *value = ef_unpack_cell(self->border->host, &arguments[c], i);
            if (value == NULL) {
                Py_CLEAR(tuple);
            } else {
                (void)PyTuple_SetItem(tuple, (Py_ssize_t)c, value);
            }
        }
        PyObject *value = tuple != NULL ? PyObject_CallObject(self->function->callable, tuple) : NULL;
        Py_XDECREF(tuple);
        ef_status status = value != NULL ? put_result(self, i, value, error) : fail_row(self, i, error);
        Py_XDECREF(value);
        EF_TRY(status);
    }
    return EF_OK;
}

static ef_status fail_all(call *self, const char *text, ef_error *error) {
    for (uint32_t i = 0; i < self->rows; i++) {
        if (!mark_failed(self, i, text)) {
            return ef_fail_memory(error);
        }
        if (self->result->validity != NULL) {
            ef_bit_clear(self->result->validity, i);
        }
    }
    return EF_OK;
}

static ef_status call_columns(call *self, uint32_t count, const ef_column *arguments, ef_error *error) {
    PyObject *columns = PyList_New((Py_ssize_t)count);
    for (uint32_t c = 0; columns != NULL && c < count; c++) {
        PyObject *values = ef_unpack_column(self->border->host, &arguments[c], 0, (Py_ssize_t)self->rows, 1);
        if (values == NULL) {
            Py_CLEAR(columns);
        } else {
            (void)PyList_SetItem(columns, (Py_ssize_t)c, values);
        }
    }
    PyObject *answer =
        columns != NULL ? PyObject_CallFunctionObjArgs(self->function->callable, columns, NULL) : NULL;
    Py_XDECREF(columns);
    PyObject *values = answer != NULL ? PySequence_Tuple(answer) : NULL;
    Py_XDECREF(answer);
    if (values == NULL) {
        if (!is_ordinary(self->border)) {
            return ef_fail(error, EF_HOST, "the function was interrupted");
        }
        return fail_all(self, ef_take_exception_text(self->packer.arena), error);
    }
    ef_status status = EF_OK;
    if (PyTuple_Size(values) != (Py_ssize_t)self->rows) {
        status = fail_all(self, "the function returned another number of values than it was given rows", error);
    }
    for (uint32_t i = 0; i < self->rows && status == EF_OK && PyTuple_Size(values) == (Py_ssize_t)self->rows; i++) {
        status = put_result(self, i, PyTuple_GetItem(values, (Py_ssize_t)i), error);
    }
    Py_DECREF(values);
    return status;
}

ef_status ef_function_call(void *context, uint32_t id, uint32_t rows, uint32_t count, const ef_column *arguments,
                           ef_column *result, uint8_t *failed, ef_arena *arena, ef_error *error) {
    ef_border_object *border = context;
    if (id < border->function_count && border->functions[id].plugin != NULL) {
        border->failures = NULL;
        border->failure_rows = 0;
        return border->functions[id].plugin->call(rows, count, arguments, result, failed, arena, error);
    }
    PyGILState_STATE state = PyGILState_Ensure();
    ef_status status;
    border->failures = NULL;
    border->failure_rows = 0;
    if (id >= border->function_count) {
        status = ef_fail(error, EF_NOT_FOUND, "no function %u", id);
    } else {
        ef_function function = border->functions[id];
        call self = {.border = border,
                     .function = &function,
                     .packer = {.host = border->host, .arena = arena, .borrows = false},
                     .result = result,
                     .failed = failed,
                     .rows = rows};
        status = function.is_vectorized ? call_columns(&self, count, arguments, error)
                                        : call_rows(&self, count, arguments, error);
    }
    PyGILState_Release(state);
    return status;
}

const char *ef_function_failure(void *context, uint32_t row) {
    const ef_border_object *border = context;
    const char *text = border->failures != NULL && row < border->failure_rows ? border->failures[row] : NULL;
    return text != NULL ? text : no_text;
}
