/* The iterator of an EventBatch: its events, one after the other.
 *
 * Of its own, since Python's iterator over any sequence ends by an IndexError: for a batch of one event, what `send` gives, raising it
 * costs more than all the rest. It holds the batch and is in no cycle, so the garbage collector does not track it. */
#include "host/host.h"

typedef struct batch_iterator {
    PyObject_HEAD
    ef_event_batch *batch; /* NULL: at the end */
    Py_ssize_t next;
} batch_iterator;

PyObject *ef_batch_iterator_new(PyObject *batch) {
    batch_iterator *iterator =
        (batch_iterator *)PyType_GenericAlloc(((ef_event_batch *)batch)->layout->host->iterator_type, 0);
    if (iterator == NULL) {
        return NULL;
    }
    Py_INCREF(batch);
    iterator->batch = (ef_event_batch *)batch;
    iterator->next = 0;
    return (PyObject *)iterator;
}

static void iterator_free(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((batch_iterator *)self)->batch);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *iterator_next(PyObject *self) {
    batch_iterator *iterator = (batch_iterator *)self;
    ef_event_batch *batch = iterator->batch;
    if (batch == NULL) {
        return NULL;
    }
    if (iterator->next < batch->count) {
        return ef_event_batch_event(batch, iterator->next++);
    }
    Py_CLEAR(iterator->batch); /* once at its end it stays there */
    return NULL;
}

static PyObject *iterator_self(PyObject *self) {
    Py_INCREF(self);
    return self;
}

static PyObject *iterator_length_hint(PyObject *self, PyObject *unused) {
    (void)unused;
    batch_iterator *iterator = (batch_iterator *)self;
    return PyLong_FromSsize_t(iterator->batch != NULL ? iterator->batch->count - iterator->next : 0);
}

static PyMethodDef methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS, "How many events are left."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *ef_batch_iterator_make_type(void) {
    PyType_Slot slots[] = {
        {Py_tp_dealloc, (void *)iterator_free},
        {Py_tp_iter, (void *)iterator_self},
        {Py_tp_iternext, (void *)iterator_next},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "eventflux.engine.EventBatchIterator",
                        .basicsize = (int)sizeof(batch_iterator),
                        .flags = Py_TPFLAGS_DEFAULT | EF_TYPE_FINAL,
                        .slots = slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
