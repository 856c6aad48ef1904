/* Table of the native windows by name: length, length_batch, time, time_batch, external_time, external_time_batch, batch. */
#ifndef EF_WINDOW_WINDOWS_H
#define EF_WINDOW_WINDOWS_H

#include "batch/out.h"

/* NULL when there is none. */
const ef_operator_class *ef_window_find(const char *name);
/* Name of window `index`, NULL beyond the last. */
const char *ef_window_name(uint32_t index);

#endif
