/* Table of the native windows by name; each lives in the file of its name. */
#ifndef EF_WINDOW_WINDOWS_H
#define EF_WINDOW_WINDOWS_H

#include "batch/out.h"
#include "time/zone.h"

/* NULL when there is none. */
const ef_operator_class *ef_window_find(const char *name);
/* Name of window `index`, NULL beyond the last. */
const char *ef_window_name(uint32_t index);

extern const ef_operator_class ef_length_window_class;
extern const ef_operator_class ef_length_batch_window_class;
extern const ef_operator_class ef_time_window_class;
extern const ef_operator_class ef_time_batch_window_class;
extern const ef_operator_class ef_external_time_window_class;
extern const ef_operator_class ef_external_time_batch_window_class;
extern const ef_operator_class ef_batch_window_class;
extern const ef_operator_class ef_time_length_window_class;
extern const ef_operator_class ef_delay_window_class;
extern const ef_operator_class ef_sort_window_class;
extern const ef_operator_class ef_frequent_window_class;
extern const ef_operator_class ef_lossy_frequent_window_class;
extern const ef_operator_class ef_unique_window_class;
extern const ef_operator_class ef_first_unique_window_class;
extern const ef_operator_class ef_keep_all_window_class;
extern const ef_operator_class ef_hopping_window_class;
extern const ef_operator_class ef_session_window_class;
extern const ef_operator_class ef_cron_window_class;

/* The zone whose calendar a cron window follows; it lives at least as long as the window. */
void ef_cron_window_in(void *self, const ef_zone *zone);

bool ef_time_batch_fold_ahead(void *self);
bool ef_length_batch_fold_ahead(void *self);
/* A batch window (time, length) whose only reader folds rows as they come (ef_tumbling_fold_ahead); false: it can't. */
bool ef_window_fold_ahead(const ef_operator_class *operator_class, void *self);

#endif
