/* The table; see windows.h. */
#include "window/windows.h"

static const ef_operator_class *const windows[] = {
    &ef_length_window_class,        &ef_length_batch_window_class,
    &ef_time_window_class,          &ef_time_batch_window_class,
    &ef_external_time_window_class, &ef_external_time_batch_window_class,
    &ef_batch_window_class,         &ef_time_length_window_class,
    &ef_delay_window_class,         &ef_sort_window_class,
    &ef_frequent_window_class,      &ef_lossy_frequent_window_class,
    &ef_unique_window_class,        &ef_first_unique_window_class,
    &ef_keep_all_window_class,      &ef_hopping_window_class,
    &ef_session_window_class,       &ef_cron_window_class,
};

#define COUNT (sizeof windows / sizeof *windows)

const ef_operator_class *ef_window_find(const char *name) {
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(windows[i]->name, name) == 0) {
            return windows[i];
        }
    }
    return NULL;
}

const char *ef_window_name(uint32_t index) {
    return index < COUNT ? windows[index]->name : NULL;
}

bool ef_window_fold_ahead(const ef_operator_class *operator_class, void *self) {
    return operator_class == &ef_time_batch_window_class     ? ef_time_batch_fold_ahead(self)
           : operator_class == &ef_length_batch_window_class ? ef_length_batch_fold_ahead(self)
                                                             : false;
}
