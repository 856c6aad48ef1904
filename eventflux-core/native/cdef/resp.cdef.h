#include "decode/resp_entries.h"
#include "encode/resp_bulks.h"

typedef enum { EF_RESP_INCOMPLETE, EF_RESP_ENTRIES, EF_RESP_GENERAL, EF_RESP_BROKEN, ... } ef_resp_outcome;
typedef struct ef_resp_answer {
    ef_resp_outcome outcome;
    size_t size;
    uint32_t entries;
    const char *lines;
    size_t lines_size;
    const char *identities;
    size_t identities_size;
} ef_resp_answer;
typedef struct ef_resp_entries ef_resp_entries;
ef_status ef_resp_entries_new(ef_alloc *alloc, const char *field, uint32_t field_length, ef_resp_entries **self,
                              ef_error *error);
void ef_resp_entries_free(ef_resp_entries *self);
ef_status ef_resp_entries_read(ef_resp_entries *self, const char *bytes, size_t length, ef_resp_answer *answer,
                               ef_error *error);
void ef_resp_entries_reset(ef_resp_entries *self);

typedef struct ef_resp_bulks ef_resp_bulks;
typedef struct ef_resp_arguments {
    const char *bytes;
    size_t size;
    uint32_t count;
    size_t consumed;
} ef_resp_arguments;
ef_status ef_resp_bulks_new(ef_alloc *alloc, ef_resp_bulks **self, ef_error *error);
void ef_resp_bulks_free(ef_resp_bulks *self);
ef_status ef_resp_bulks_write(ef_resp_bulks *self, const char *text, size_t length, uint32_t most,
                              ef_resp_arguments *arguments, ef_error *error);
