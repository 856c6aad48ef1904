/* The cells that almost all rows consist of: int for LONG, float for DOUBLE, str for STRING. Inline, so that a loop over the cells of a row calls
 * nothing but Python for them; all others, and whatever is wrong, is for ef_pack_cell. */
#ifndef EF_HOST_PACK_COMMON_H
#define EF_HOST_PACK_COMMON_H

#include <limits.h>

#include "host/host.h"

/* PyLong_AsLongLong and its like go through bytes for anything of more than 30 bits; the one of `long` does not. */
static inline long long ef_integer_of(PyObject *value, int *overflow) {
#if LONG_MAX == LLONG_MAX
    return PyLong_AsLongAndOverflow(value, overflow);
#else
    return PyLong_AsLongLongAndOverflow(value, overflow);
#endif
}

/* True: the value stands in `slot`. False: nothing has happened, ask ef_pack_cell. */
static inline bool ef_pack_common(const ef_packer *packer, PyObject *value, ef_type type, void *slot) {
    if (type == EF_LONG && PyLong_CheckExact(value)) {
        int overflow;
        int64_t integer = ef_integer_of(value, &overflow);
        memcpy(slot, &integer, sizeof integer);
        return EF_LIKELY(overflow == 0);
    }
    if (type == EF_DOUBLE && PyFloat_CheckExact(value)) {
        double real = PyFloat_AsDouble(value);
        memcpy(slot, &real, sizeof real);
        return true;
    }
    if (type == EF_STRING && PyUnicode_CheckExact(value)) {
        Py_ssize_t length;
        const char *data = PyUnicode_AsUTF8AndSize(value, &length);
        if (EF_UNLIKELY(data == NULL)) {
            PyErr_Clear(); /* ef_pack_cell says why */
            return false;
        }
        if (length > (Py_ssize_t)EF_INLINE_STRING && (!packer->borrows || length > INT32_MAX)) {
            return false;
        }
        ef_str text = ef_str_view(data, (uint32_t)length);
        memcpy(slot, &text, sizeof text);
        return true;
    }
    return false;
}

#endif
