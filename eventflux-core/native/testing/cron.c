/* Cron expressions for tests. */
#include <string.h>

#include "testing/cron.h"

int64_t ef_test_cron_next(const char *text, bool sunday_is_1, int64_t after, ef_error *error) {
    ef_cron cron;
    ef_status status = ef_cron_parse(&cron, text, (uint32_t)strlen(text),
                                     sunday_is_1 ? EF_CRON_SUNDAY_IS_1 : EF_CRON_SUNDAY_IS_0, error);
    return status == EF_OK ? ef_cron_next(&cron, after) : -1;
}
