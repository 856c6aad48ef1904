/* Host: makes the native types and keeps the Python functions that they need. One object, made at import and handed over in a dictionary. */
#include "host/host.h"

#include "host/entry.h"

static void host_free(PyObject *self) {
    ef_host_state *host = (ef_host_state *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject *held[] = {(PyObject *)host->layout_type, (PyObject *)host->event_type, (PyObject *)host->batch_type,
                        (PyObject *)host->iterator_type, (PyObject *)host->border_type, (PyObject *)host->input_type, (PyObject *)host->spec_type,
                        (PyObject *)host->outside_type, host->pack_object,
                        host->unpack_object, host->plain_value, host->row_of, host->timestamp_of, host->timestamps_of,
                        host->data_error, host->native_error, host->columns_of, host->rich_of};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        Py_XDECREF(held[i]);
    }
    PyObject_Free(host->spare_batch);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *host_layout(PyObject *self, PyObject *arguments) {
    PyObject *stream, *names, *types, *schema = Py_None;
    if (!PyArg_ParseTuple(arguments, "UO!O!|O:layout", &stream, &PyTuple_Type, &names, &PyTuple_Type, &types, &schema)) {
        return NULL;
    }
    return ef_layout_new((ef_host_state *)self, stream, names, types, schema);
}

/* Takes the engine. */
static PyObject *host_border(PyObject *self, PyObject *arguments) {
    unsigned long long engine;
    int playback;
    if (!PyArg_ParseTuple(arguments, "Kp:border", &engine, &playback)) {
        return NULL;
    }
    return ef_border_object_new((ef_host_state *)self, (ef_engine *)(uintptr_t)engine, playback != 0);
}

/* Address of the struct in an Arrow capsule. */
static PyObject *host_capsule(PyObject *self, PyObject *arguments) {
    (void)self;
    PyObject *capsule;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "Os:capsule", &capsule, &name)) {
        return NULL;
    }
    void *content = PyCapsule_GetPointer(capsule, name);
    return content != NULL ? PyLong_FromUnsignedLongLong((unsigned long long)(uintptr_t)content) : NULL;
}

static PyMethodDef methods[] = {
    {"capsule", host_capsule, METH_VARARGS, NULL},
    {"layout", host_layout, METH_VARARGS, NULL},
    {"border", host_border, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject *make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "Makes layouts and borders."},
        {Py_tp_dealloc, (void *)host_free},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.Host",
                        .basicsize = (int)sizeof(ef_host_state),
                        .flags = Py_TPFLAGS_DEFAULT | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}

static bool take_function(PyObject *namespace, const char *name, PyObject **to) {
    *to = PyDict_GetItemString(namespace, name);
    if (*to == NULL) {
        PyErr_Format(PyExc_KeyError, "the host needs %s", name);
        return false;
    }
    Py_INCREF(*to);
    return true;
}

static bool fill(PyObject *namespace) {
    PyTypeObject *type = make_type();
    ef_host_state *host = type != NULL ? (ef_host_state *)PyType_GenericAlloc(type, 0) : NULL;
    Py_XDECREF(type);
    if (host == NULL) {
        return false;
    }
    bool good = take_function(namespace, "pack_object", &host->pack_object) &&
                take_function(namespace, "unpack_object", &host->unpack_object) &&
                take_function(namespace, "plain_value", &host->plain_value) &&
                take_function(namespace, "row_of", &host->row_of) &&
                take_function(namespace, "timestamp_of", &host->timestamp_of) &&
                take_function(namespace, "timestamps_of", &host->timestamps_of) &&
                take_function(namespace, "data_error", &host->data_error) &&
                take_function(namespace, "native_error", &host->native_error) &&
                take_function(namespace, "columns_of", &host->columns_of) &&
                take_function(namespace, "rich_of", &host->rich_of) &&
                (host->layout_type = ef_layout_make_type()) != NULL &&
                (host->event_type = ef_event_make_type()) != NULL &&
                (host->batch_type = ef_event_batch_make_type()) != NULL &&
                (host->iterator_type = ef_batch_iterator_make_type()) != NULL &&
                (host->border_type = ef_border_make_type()) != NULL &&
                (host->input_type = ef_input_make_type()) != NULL &&
                (host->spec_type = ef_operator_spec_make_type()) != NULL &&
                (host->outside_type = ef_outside_spec_make_type()) != NULL &&
                PyDict_SetItemString(namespace, "Layout", (PyObject *)host->layout_type) == 0 &&
                PyDict_SetItemString(namespace, "Event", (PyObject *)host->event_type) == 0 &&
                PyDict_SetItemString(namespace, "EventBatch", (PyObject *)host->batch_type) == 0 &&
                PyDict_SetItemString(namespace, "Border", (PyObject *)host->border_type) == 0 &&
                PyDict_SetItemString(namespace, "Input", (PyObject *)host->input_type) == 0 &&
                PyDict_SetItemString(namespace, "host", (PyObject *)host) == 0;
    Py_DECREF(host);
    return good;
}

int ef_host_start(uintptr_t dictionary) {
    /* cffi gave up the GIL for this call. */
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *namespace = (PyObject *)dictionary;
    bool good = fill(namespace);
    if (!good) {
        /* cffi calls cannot raise: the exception travels in the dictionary. */
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        if (value != NULL) {
            (void)PyDict_SetItemString(namespace, "error", value);
        }
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
    }
    PyGILState_Release(state);
    return good ? 0 : -1;
}
