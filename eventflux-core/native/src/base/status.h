/* Status codes in practice: return on failure, format the message once, where the fact is known. */
#ifndef EF_BASE_STATUS_H
#define EF_BASE_STATUS_H

#include <assert.h>

#include "eventflux.h"

#define EF_TRY(expression)                         \
    do {                                           \
        ef_status ef_try_status = (expression);    \
        if (ef_try_status != EF_OK) {              \
            return ef_try_status;                  \
        }                                          \
    } while (0)

/* What only a bug can break. On in debug, sanitizer and CI builds; never for input. */
#ifdef EF_DEBUG
#define EF_ASSERT(condition) assert(condition)
#else
#define EF_ASSERT(condition) ((void)0)
#endif

#define EF_ALWAYS_INLINE static inline __attribute__((always_inline))
#define EF_LIKELY(x) __builtin_expect(!!(x), 1)
#define EF_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Fills `error` (may be NULL) and returns `status`, so that `return ef_fail(...)` reads well. node and row are set to -1. */
ef_status ef_fail(ef_error *error, ef_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* EF_NO_MEMORY with the usual text. */
ef_status ef_fail_memory(ef_error *error);

#endif
