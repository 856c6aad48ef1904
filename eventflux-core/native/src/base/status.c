/* Formatting of ef_error. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

ef_status ef_fail(ef_error *error, ef_status status, const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        error->status = status;
        error->node = -1;
        error->row = -1;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

ef_status ef_fail_memory(ef_error *error) {
    return ef_fail(error, EF_NO_MEMORY, "no memory left under the engine's limit");
}
