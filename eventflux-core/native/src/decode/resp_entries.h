/* Reader of what Redis answers to XREADGROUP of one stream: the payloads become lines, the identities stay as they came.
 *
 *      *1 *2 $2 in *N  ( *2 $15 <identity> *2 $4 <field> $n <payload> ) * N
 *                            |                            |
 *                            v                            v
 *      identities: $15\r\n<identity>\r\n ...        lines: <payload>\n ...
 *
 * The identities can be put behind XACK as they are, and the lines into a decoder of lines: no object an entry is made. An
 * answer that is anything else (entries with more fields, deleted ones, payloads that are empty or have a line feed, errors,
 * numbers) is only measured, for a general parser. */
#ifndef EF_DECODE_RESP_ENTRIES_H
#define EF_DECODE_RESP_ENTRIES_H

#include "base/alloc.h"

typedef enum {
    EF_RESP_INCOMPLETE, /* call again with more bytes */
    EF_RESP_ENTRIES,    /* taken apart; also an answer without entries */
    EF_RESP_GENERAL,    /* something else, and complete */
    EF_RESP_BROKEN      /* no answer of Redis */
} ef_resp_outcome;

typedef struct ef_resp_answer {
    ef_resp_outcome outcome;
    size_t size; /* bytes of the answer */
    uint32_t entries;
    const char *lines; /* valid until the next call */
    size_t lines_size;
    const char *identities; /* likewise */
    size_t identities_size;
} ef_resp_answer;

typedef struct ef_resp_entries ef_resp_entries;

/* alloc: counts what the reader holds; outlives it. field: that of the payloads. */
ef_status ef_resp_entries_new(ef_alloc *alloc, const char *field, uint32_t field_length, ef_resp_entries **self,
                              ef_error *error) EF_MUST_USE;
void ef_resp_entries_free(ef_resp_entries *self);

/* Reads the answer that begins at `bytes`. As long as it is incomplete the next call gets the same bytes with more behind them,
 * and goes on where this one stopped; otherwise the next call is for another answer. */
ef_status ef_resp_entries_read(ef_resp_entries *self, const char *bytes, size_t length, ef_resp_answer *answer,
                               ef_error *error) EF_MUST_USE;
/* Forget an answer that was begun: its connection is gone. */
void ef_resp_entries_reset(ef_resp_entries *self);

#endif
