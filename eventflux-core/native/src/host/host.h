/* What the files of host/ share. They are the only ones that know Python.h; everything here wants the GIL unless it says otherwise.
 *
 *      Host (types, Python helpers)  <-  Layout (a schema)  <-  Event, EventBatch
 *                                    <-  Border (an engine and its lock)  <-  Input (a stream's native send)
 *
 * There is no module state: whatever an object needs it reaches through its Layout or Border. */
#ifndef EF_HOST_HOST_H
#define EF_HOST_HOST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <structmember.h>

#include "border/border.h"
#include "border/source_rows.h"
#include "stream/async.h"

/* Types that only this module makes; Python code gets instances. */
#define EF_TYPE_FINAL Py_TPFLAGS_DISALLOW_INSTANTIATION

typedef struct ef_host_state {
    PyObject_HEAD
    PyTypeObject *layout_type, *event_type, *batch_type, *iterator_type, *border_type, *input_type, *spec_type, *outside_type;
    /* Python functions of the package, see engine/host.py */
    PyObject *pack_object;    /* (value) -> bytes */
    PyObject *unpack_object;  /* (bytes) -> value */
    PyObject *plain_value;    /* (value) -> a plain Python value, or the same object */
    PyObject *row_of;         /* (layout, row) -> tuple */
    PyObject *timestamp_of;   /* (value) -> int */
    PyObject *timestamps_of;  /* (value, rows) -> list of int, or (address, keeper) */
    PyObject *data_error;     /* (stream, attribute, row, type, value, reason) -> exception */
    PyObject *native_error;   /* (status, message, row, operator) -> exception */
    PyObject *columns_of;     /* (batch) -> mapping */
    PyObject *rich_of;        /* (batch) -> a rich table */
    PyObject *text_timestamp; /* interned "timestamp" */
    PyObject *text_timestamps;
    PyObject *spare_batch; /* memory of an EventBatch that nobody holds any more, for the next one; or NULL */
} ef_host_state;

typedef struct ef_layout {
    PyObject_HEAD
    ef_host_state *host;
    PyObject *stream;    /* str */
    PyObject *names;     /* tuple of str */
    PyObject *positions; /* dict: name -> index */
    PyObject *schema;    /* the Schema it was made from, or None */
    uint32_t columns;
    ef_type types[];     /* basicsize + columns * itemsize */
} ef_layout;

typedef struct ef_event {
    PyObject_HEAD
    ef_layout *layout; /* NULL: made without names */
    PyObject *data;    /* tuple */
    long long timestamp;
    char is_expired;
} ef_event;

/* Rows start, start + step, ... of a block. */
typedef struct ef_event_batch {
    PyObject_HEAD
    ef_layout *layout;
    ef_block *block;
    Py_ssize_t start, count, step;
} ef_event_batch;

/* Who gets what a tap takes. */
typedef struct ef_listener {
    ef_layout *layout;
    PyObject *callbacks; /* tuple */
    bool is_query;       /* called as (timestamp, current, expired) */
} ef_listener;

/* A function that expression programs call: a Python one, or a plug-in's. */
typedef struct ef_function {
    const efx_function *plugin; /* or NULL; then the rest */
    PyObject *callable;
    PyObject *name;
    bool is_vectorized;
} ef_function;

typedef struct ef_scratch ef_scratch;
typedef struct ef_operator_spec ef_operator_spec;

typedef struct ef_border_object {
    PyObject_HEAD
    ef_host_state *host;
    ef_border border;
    ef_engine *engine;      /* NULL once freed */
    bool is_ready;          /* `border` was initialised */
    bool is_closing;
    uint32_t users;         /* calls that use the engine now; it is freed behind the last */
    ef_listener *listeners; /* by node */
    uint32_t listener_count;
    ef_function *functions;
    uint32_t function_count;
    PyObject *specs;        /* list of ef_operator_spec: what operators in Python are made from */
    ef_host calls;          /* what the engine calls back through */
    const char **failures;  /* texts of the failed rows of the last call, arena memory; NULL: none */
    uint32_t failure_rows;
    PyObject *pending;      /* exception that must go on through the push: KeyboardInterrupt and its like */
    PyObject *refusal;      /* () -> exception, or None: rows are accepted */
    PyObject *on_exception; /* (callback, batch, exception) */
    PyObject *on_dropped;   /* (stream node, rows): rows that a full ring lost */
    PyObject *on_failure;   /* (node, stream node, batch or None, status, message) */
    ef_scratch *scratch;    /* free ones */
    ef_async async;         /* rings of async streams; valid when has_async */
    bool has_async;
} ef_border_object;

typedef struct ef_input_object {
    PyObject_HEAD
    ef_border_object *border;
    ef_layout *layout;
    ef_node_id node;
    int32_t ring; /* of an async stream, else -1 */
} ef_input_object;

/* ---- types: each makes its heap type; NULL: exception set ---- */
PyTypeObject *ef_layout_make_type(void);
PyTypeObject *ef_event_make_type(void);
PyTypeObject *ef_event_batch_make_type(void);
PyTypeObject *ef_batch_iterator_make_type(void);
PyTypeObject *ef_border_make_type(void);
PyTypeObject *ef_input_make_type(void);
PyTypeObject *ef_operator_spec_make_type(void);
PyTypeObject *ef_outside_spec_make_type(void);

PyObject *ef_layout_new(ef_host_state *host, PyObject *stream, PyObject *names, PyObject *types, PyObject *schema);
PyObject *ef_border_object_new(ef_host_state *host, ef_engine *engine, bool playback);
PyObject *ef_input_object_new(ef_border_object *border, ef_layout *layout, ef_node_id node, int32_t ring);
/* `data` is taken. */
PyObject *ef_event_new(ef_layout *layout, PyObject *data, int64_t timestamp, bool is_expired);
/* All rows of a block, which is taken; also on failure. */
PyObject *ef_event_batch_take(ef_layout *layout, ef_block *block);
/* All rows of a block, which is retained. */
PyObject *ef_event_batch_new(ef_layout *layout, ef_block *block);
/* Event number `index`, which there is. */
PyObject *ef_event_batch_event(ef_event_batch *batch, Py_ssize_t index);
PyObject *ef_batch_iterator_new(PyObject *batch);
PyObject *ef_event_batch_view(ef_layout *layout, ef_block *block, Py_ssize_t start, Py_ssize_t count, Py_ssize_t step);

/* ---- values out ---- */
PyObject *ef_unpack_cell(ef_host_state *host, const ef_column *column, uint32_t row);
PyObject *ef_unpack_row(ef_layout *layout, const ef_column *columns, uint32_t row); /* tuple */
/* `count` values from `start` in steps, as a list. */
PyObject *ef_unpack_column(ef_host_state *host, const ef_column *column, Py_ssize_t start, Py_ssize_t count,
                           Py_ssize_t step);

/* ---- values in ---- */
typedef enum ef_fault {
    EF_FAULT_NONE,
    EF_FAULT_TYPE,
    EF_FAULT_RANGE,
    EF_FAULT_TEXT,     /* a str with lone surrogates */
    EF_FAULT_MEMORY,
    EF_FAULT_EXCEPTION /* a Python exception is set */
} ef_fault;

typedef struct ef_packer {
    ef_host_state *host;
    ef_arena *arena;
    bool borrows; /* the rows outlive the use of the packed values: long strings are not copied */
} ef_packer;

typedef union ef_cell {
    uint8_t b;
    int32_t i;
    int64_t l;
    float f;
    double d;
    ef_str s;
} ef_cell;

/* Puts a value into `slot` as a column of the type has it: 1; null: 0; -1: `fault` says why. */
int ef_pack_cell(ef_packer *packer, PyObject *value, ef_type type, void *slot, ef_fault *fault);
/* Raises EventDataError (or what is set) for a value that did not fit. row < 0: not part of a batch. */
void ef_raise_fault(ef_layout *layout, Py_ssize_t row, uint32_t column, PyObject *value, ef_fault fault);
void ef_raise_arity(ef_layout *layout, Py_ssize_t row, PyObject *given, Py_ssize_t found);
/* Rows (a list or tuple of rows) into columns in the arena. False: exception set. batch->timestamps is left alone. */
bool ef_pack_rows(ef_packer *packer, ef_layout *layout, PyObject *rows, ef_batch *batch);
/* Values of one column (a list or tuple). False: exception set. */
bool ef_pack_column(ef_packer *packer, ef_layout *layout, uint32_t column, PyObject *values, ef_column *to);
/* A row as a tuple of the right length; new reference. row: for messages. */
PyObject *ef_row_tuple(ef_layout *layout, PyObject *row, Py_ssize_t index);
/* A timestamp; false: exception set. */
bool ef_pack_timestamp(ef_host_state *host, PyObject *value, int64_t *timestamp);
/* `timestamps`: None (*to stays NULL), one int, or one a row. *keeper must live as long as *to is used. */
bool ef_pack_timestamps(ef_packer *packer, ef_layout *layout, PyObject *timestamps, uint32_t rows, int64_t **to,
                        PyObject **keeper);

/* ---- the border ---- */
void ef_raise_native(ef_border_object *border, const ef_error *error);
/* Says that there is no memory left under the engine's limit. */
void ef_raise_memory(ef_host_state *host);
/* Says that a function called by the engine may not use it. */
void ef_raise_inside(ef_border_object *border);
/* Raises what a Python function left that must go on through the pusher. False: it did. */
bool ef_raise_pending(ef_border_object *border);
/* Begins a use of the engine; false: closed or refused, exception set. */
bool ef_border_use(ef_border_object *border, bool wants_input);
void ef_border_unuse(ef_border_object *border);
/* Takes the engine lock, giving up the GIL only if it must wait. False: exception set. */
bool ef_border_lock(ef_border_object *border);
/* Calls listeners up to the ticket. False: exception set (never that of an ordinary callback). */
bool ef_border_deliver(ef_border_object *border, uint64_t ticket);
/* The same for a visit that ef_border_collect_for began: it may hold its first piece of work. */
bool ef_border_deliver_visit(ef_border_object *border, uint64_t ticket, ef_visit *visit, ef_work *work);
/* Pushes rows of stream meaning slice by slice, or one chunk, and delivers. False: exception set. */
bool ef_border_push_batch(ef_border_object *border, ef_node_id stream, const ef_batch *batch, ef_meaning meaning,
                          ef_arena *arena);

/* ... rows given as columns of the outside; `arena` is reset for each slice. */
/* Checked rows of several streams, which have timestamps, as if each had been sent alone, the lowest timestamp first. */
bool ef_border_push_merged(ef_border_object *border, const ef_node_id *nodes, const ef_source_rows *const *rows, uint32_t count,
                           ef_arena *arena) EF_MUST_USE;
bool ef_border_push_rows(ef_border_object *border, ef_node_id stream, const ef_source_rows *rows, ef_meaning meaning,
                         ef_arena *arena);
/* A list or tuple as column `index`. */
bool ef_pack_source_column(ef_layout *layout, ef_source_rows *rows, uint32_t index, PyObject *values);
/* A list or tuple of rows, and their timestamps, which must be given, as all columns. */
bool ef_pack_source_rows(ef_layout *layout, ef_source_rows *rows, PyObject *given, PyObject *timestamps);

/* Methods of EventBatch: the Arrow PyCapsule interface. */
PyObject *ef_event_batch_arrow_schema(PyObject *self, PyObject *unused);
PyObject *ef_event_batch_arrow_array(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *ef_event_batch_arrow_stream(PyObject *self, PyObject *arguments, PyObject *keywords);

/* Scratch memory of a call: an arena that keeps its blocks between calls. */
struct ef_scratch {
    ef_arena arena;
    ef_alloc alloc;
    ef_scratch *next;
};
ef_scratch *ef_scratch_take(ef_border_object *border); /* NULL: exception set */
void ef_scratch_give(ef_border_object *border, ef_scratch *scratch);

/* ---- async streams (host/async.c) ---- */

/* Puts rows into a ring by its strategy, waiting without the GIL; *accepted counts those that entered. False: exception set. */
bool ef_border_offer(ef_border_object *border, uint32_t ring, const ef_batch *rows, ef_arena *arena, uint64_t *accepted);
/* Methods of Border. */
PyObject *ef_border_add_ring(PyObject *self, PyObject *arguments);
PyObject *ef_border_run_consumer(PyObject *self, PyObject *unused);
PyObject *ef_border_start_consumer(PyObject *self, PyObject *unused);
PyObject *ef_border_stop_consumer(PyObject *self, PyObject *unused);
PyObject *ef_border_drain(PyObject *self, PyObject *unused);
PyObject *ef_border_ring_figures(PyObject *self, PyObject *argument);

/* Functions in Python, called by the engine (ef_host of expr/program.h); any thread, GIL or not. */
ef_status ef_function_call(void *context, uint32_t id, uint32_t rows, uint32_t count, const ef_column *arguments,
                           ef_column *result, uint8_t *failed, ef_arena *arena, ef_error *error);
const char *ef_function_failure(void *context, uint32_t row);
/* The exception that is set, as "Type: text" in the arena; clears it. */
const char *ef_take_exception_text(ef_arena *arena);
/* Keeps the exception that is set (KeyboardInterrupt and its like) for the pusher; clears it. */
void ef_keep_pending(ef_border_object *border);

/* Operators in Python. */
const ef_operator_class *ef_host_operator_class(bool is_batch);
PyObject *ef_border_add_operator(PyObject *self, PyObject *arguments);

/* Tables outside whose store is in Python. */
PyObject *ef_border_add_outside(PyObject *self, PyObject *arguments);

#endif
