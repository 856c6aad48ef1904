/* Lines as the arguments of a command of Redis: "<line>\n" becomes "$<length>\r\n<line>\r\n". */
#ifndef EF_ENCODE_RESP_BULKS_H
#define EF_ENCODE_RESP_BULKS_H

#include "base/alloc.h"

typedef struct ef_resp_bulks ef_resp_bulks;

typedef struct ef_resp_arguments {
    const char *bytes; /* valid until the next call */
    size_t size;
    uint32_t count;  /* lines taken */
    size_t consumed; /* their bytes in the text */
} ef_resp_arguments;

/* alloc: counts what the writer holds; outlives it. */
ef_status ef_resp_bulks_new(ef_alloc *alloc, ef_resp_bulks **self, ef_error *error) EF_MUST_USE;
void ef_resp_bulks_free(ef_resp_bulks *self);

/* At most `most` lines; what stands behind the last line feed is left. */
ef_status ef_resp_bulks_write(ef_resp_bulks *self, const char *text, size_t length, uint32_t most,
                              ef_resp_arguments *arguments, ef_error *error) EF_MUST_USE;

#endif
