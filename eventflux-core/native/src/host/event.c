/* Event: one row as Python sees it: timestamp, data (a tuple), is_expired; attributes by name or position.
 *
 * Not tracked by the garbage collector: it is immutable and holds a tuple, which is tracked where that matters. */
#include "host/host.h"

PyObject *ef_event_new(ef_layout *layout, PyObject *data, int64_t timestamp, bool is_expired) {
    ef_event *event = (ef_event *)PyType_GenericAlloc(layout->host->event_type, 0);
    if (event == NULL) {
        Py_DECREF(data);
        return NULL;
    }
    Py_INCREF(layout);
    event->layout = layout;
    event->data = data;
    event->timestamp = (long long)timestamp;
    event->is_expired = is_expired;
    return (PyObject *)event;
}

static PyObject *event_make(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"timestamp", "data", "is_expired", NULL};
    long long timestamp;
    PyObject *data;
    int is_expired = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "LO|p:Event", names, &timestamp, &data, &is_expired)) {
        return NULL;
    }
    PyObject *tuple = PySequence_Tuple(data);
    ef_event *event = tuple != NULL ? (ef_event *)PyType_GenericAlloc(type, 0) : NULL;
    if (event == NULL) {
        Py_XDECREF(tuple);
        return NULL;
    }
    event->layout = NULL;
    event->data = tuple;
    event->timestamp = timestamp;
    event->is_expired = (char)is_expired;
    return (PyObject *)event;
}

static void event_free(PyObject *self) {
    ef_event *event = (ef_event *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(event->layout);
    Py_XDECREF(event->data);
    PyObject_Free(self);
    Py_DECREF(type);
}

static Py_ssize_t event_length(PyObject *self) {
    return PyTuple_Size(((ef_event *)self)->data);
}

static PyObject *event_get(PyObject *self, PyObject *key) {
    ef_event *event = (ef_event *)self;
    if (PyUnicode_Check(key)) {
        PyObject *position = event->layout != NULL ? PyDict_GetItemWithError(event->layout->positions, key) : NULL;
        if (position == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_SetObject(PyExc_KeyError, key);
            }
            return NULL;
        }
        key = position;
    }
    return PyObject_GetItem(event->data, key);
}

static PyObject *event_iterate(PyObject *self) {
    return PyObject_GetIter(((ef_event *)self)->data);
}

static PyObject *event_names(PyObject *self, void *unused) {
    (void)unused;
    ef_event *event = (ef_event *)self;
    if (event->layout == NULL) {
        return PyTuple_New(0);
    }
    Py_INCREF(event->layout->names);
    return event->layout->names;
}

static PyObject *event_as_dict(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_event *event = (ef_event *)self;
    PyObject *dict = PyDict_New();
    Py_ssize_t count = dict != NULL && event->layout != NULL ? PyTuple_Size(event->layout->names) : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyDict_SetItem(dict, PyTuple_GetItem(event->layout->names, i), PyTuple_GetItem(event->data, i)) < 0) {
            Py_CLEAR(dict);
            break;
        }
    }
    return dict;
}

static PyObject *event_repr(PyObject *self) {
    ef_event *event = (ef_event *)self;
    return PyUnicode_FromFormat("Event(timestamp=%lld, data=%R, is_expired=%s)", event->timestamp, event->data,
                                event->is_expired ? "True" : "False");
}

static PyObject *event_compare(PyObject *self, PyObject *other, int operation) {
    if ((operation != Py_EQ && operation != Py_NE) || Py_TYPE(self) != Py_TYPE(other)) {
        Py_INCREF(Py_NotImplemented);
        return Py_NotImplemented;
    }
    ef_event *a = (ef_event *)self;
    ef_event *b = (ef_event *)other;
    int equal = a->timestamp == b->timestamp && a->is_expired == b->is_expired;
    if (equal) {
        equal = PyObject_RichCompareBool(a->data, b->data, Py_EQ);
        if (equal < 0) {
            return NULL;
        }
    }
    return PyBool_FromLong(equal == (operation == Py_EQ));
}

static Py_hash_t event_hash(PyObject *self) {
    ef_event *event = (ef_event *)self;
    Py_hash_t hash = PyObject_Hash(event->data);
    if (hash == -1) {
        return -1;
    }
    size_t mixed = (size_t)hash * 1000003u ^ (size_t)event->timestamp ^ (size_t)event->is_expired;
    return mixed == (size_t)-1 ? -2 : (Py_hash_t)mixed;
}

static PyObject *event_reduce(PyObject *self, PyObject *unused) {
    (void)unused;
    ef_event *event = (ef_event *)self;
    PyObject *expired = event->is_expired ? Py_True : Py_False;
    return Py_BuildValue("O(LOO)", (PyObject *)Py_TYPE(self), event->timestamp, event->data, expired);
}

static PyMemberDef members[] = {
    {"timestamp", T_LONGLONG, offsetof(ef_event, timestamp), READONLY, "Milliseconds since the epoch."},
    {"data", T_OBJECT_EX, offsetof(ef_event, data), READONLY, "The values, a tuple."},
    {"is_expired", T_BOOL, offsetof(ef_event, is_expired), READONLY, "Whether the row leaves a window."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"names", event_names, NULL, "Names of the attributes; empty where they are not known.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"as_dict", event_as_dict, METH_NOARGS, "Attribute name -> value."},
    {"__reduce__", event_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *ef_event_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "Event(timestamp, data, is_expired=False)\n--\n\nOne row that reached a stream or left a query."},
        {Py_tp_new, (void *)event_make},
        {Py_tp_dealloc, (void *)event_free},
        {Py_tp_repr, (void *)event_repr},
        {Py_tp_richcompare, (void *)event_compare},
        {Py_tp_hash, (void *)event_hash},
        {Py_tp_iter, (void *)event_iterate},
        {Py_tp_members, members},
        {Py_tp_getset, properties},
        {Py_tp_methods, methods},
        {Py_mp_length, (void *)event_length},
        {Py_mp_subscript, (void *)event_get},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.Event",
                        .basicsize = (int)sizeof(ef_event),
                        .flags = Py_TPFLAGS_DEFAULT,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
