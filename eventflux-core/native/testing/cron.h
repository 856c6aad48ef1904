#ifndef EF_TESTING_CRON_H
#define EF_TESTING_CRON_H

#include "time/cron.h"

/* The next time, or -1 with `error` filled. */
int64_t ef_test_cron_next(const char *text, bool sunday_is_1, int64_t after, ef_error *error);

#endif
