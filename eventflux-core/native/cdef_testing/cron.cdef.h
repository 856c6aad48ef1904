#include "testing/cron.h"

int64_t ef_test_cron_next(const char *text, bool sunday_is_1, int64_t after, ef_error *error);
