/* Layout: a schema as the native side needs it. Immutable; made through Host.layout(). */
#include "host/host.h"

PyObject *ef_layout_new(ef_host_state *host, PyObject *stream, PyObject *names, PyObject *types, PyObject *schema) {
    Py_ssize_t count = PyTuple_Size(names);
    if (count < 0 || PyTuple_Size(types) != count) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "a layout needs as many types as names");
        }
        return NULL;
    }
    PyObject *positions = PyDict_New();
    ef_layout *layout = positions != NULL ? (ef_layout *)PyType_GenericAlloc(host->layout_type, count) : NULL;
    if (layout == NULL) {
        Py_XDECREF(positions);
        return NULL;
    }
    Py_INCREF(host);
    layout->host = host;
    Py_INCREF(stream);
    layout->stream = stream;
    Py_INCREF(names);
    layout->names = names;
    layout->positions = positions;
    Py_INCREF(schema);
    layout->schema = schema;
    layout->columns = (uint32_t)count;
    for (Py_ssize_t i = 0; i < count; i++) {
        long type = PyLong_AsLong(PyTuple_GetItem(types, i));
        PyObject *position = PyLong_FromSsize_t(i);
        if ((type == -1 && PyErr_Occurred()) || position == NULL ||
            PyDict_SetItem(positions, PyTuple_GetItem(names, i), position) < 0) {
            Py_XDECREF(position);
            Py_DECREF(layout);
            return NULL;
        }
        Py_DECREF(position);
        if (type < EF_BOOL || type > EF_OBJECT) {
            PyErr_Format(PyExc_ValueError, "%ld is not an attribute type", type);
            Py_DECREF(layout);
            return NULL;
        }
        layout->types[i] = (ef_type)type;
    }
    return (PyObject *)layout;
}

static void layout_free(PyObject *self) {
    ef_layout *layout = (ef_layout *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(layout->host);
    Py_XDECREF(layout->stream);
    Py_XDECREF(layout->names);
    Py_XDECREF(layout->positions);
    Py_XDECREF(layout->schema);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *layout_types(PyObject *self, void *unused) {
    (void)unused;
    ef_layout *layout = (ef_layout *)self;
    PyObject *types = PyTuple_New((Py_ssize_t)layout->columns);
    for (uint32_t c = 0; types != NULL && c < layout->columns; c++) {
        PyObject *type = PyLong_FromLong((long)layout->types[c]);
        if (type == NULL) {
            Py_CLEAR(types);
        } else {
            (void)PyTuple_SetItem(types, (Py_ssize_t)c, type);
        }
    }
    return types;
}

static PyObject *layout_repr(PyObject *self) {
    ef_layout *layout = (ef_layout *)self;
    return PyUnicode_FromFormat("Layout(%R, %R)", layout->stream, layout->names);
}

/* CPython takes these tables as non-const; nobody writes to them. */
static PyMemberDef members[] = {
    {"stream", T_OBJECT_EX, offsetof(ef_layout, stream), READONLY, NULL},
    {"names", T_OBJECT_EX, offsetof(ef_layout, names), READONLY, NULL},
    {"schema", T_OBJECT_EX, offsetof(ef_layout, schema), READONLY, NULL},
    {"positions", T_OBJECT_EX, offsetof(ef_layout, positions), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"types", layout_types, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *ef_layout_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "Names and types of the attributes of a stream, as the native side keeps them."},
        {Py_tp_dealloc, (void *)layout_free},
        {Py_tp_repr, (void *)layout_repr},
        {Py_tp_members, members},
        {Py_tp_getset, properties},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.Layout",
                        .basicsize = (int)offsetof(ef_layout, types),
                        .itemsize = (int)sizeof(ef_type),
                        .flags = Py_TPFLAGS_DEFAULT | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
