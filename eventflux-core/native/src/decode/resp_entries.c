/* Answers of Redis; see resp_entries.h.
 *
 * Two ways through an answer, each of which can stop at any byte and go on from the last whole item:
 *
 *      plain: header, then entry by entry, `left` of them to come
 *      measure: `left` items to come, an array adds its elements; from the first byte again once an entry is not plain
 *
 * Invariants: at <= the length of every later call; lines and identities hold the entries before `at`, no part of another.
 * Every byte is looked at once, payloads by memchr and memcpy only; a second time if the answer turns out not to be plain. */
#include "decode/resp_entries.h"

#include <string.h>

#include "encode/text_buffer.h"

#define NUMBER_DIGITS 19 /* of a length; more is no answer of Redis */

typedef enum { HEADER, PLAIN, MEASURE } mode;
typedef enum { FOUND, CUT, OTHER } outcome;

struct ef_resp_entries {
    ef_alloc *alloc;
    ef_text_buffer lines;
    ef_text_buffer identities;
    mode mode;
    size_t at;        /* behind the last whole item */
    uint64_t left;    /* entries, or items, to come */
    uint32_t entries; /* taken */
    uint32_t field_length;
    char field[];
};

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

/* "<kind><number>\r\n" */
static outcome read_number(cursor *from, char kind, int64_t *value) {
    const char *p = from->at, *end = from->end;
    if (p == end) {
        return CUT;
    }
    if (*p++ != kind) {
        return OTHER;
    }
    bool is_negative = p < end && *p == '-';
    p += is_negative;
    int64_t number = 0;
    for (int digits = 0;; p++, digits++) {
        if (p == end) {
            return CUT;
        }
        if (*p < '0' || *p > '9') {
            if (digits == 0) {
                return OTHER;
            }
            break;
        }
        if (digits == NUMBER_DIGITS - 1) {
            return OTHER;
        }
        number = number * 10 + (*p - '0');
    }
    if (end - p < 2) {
        return *p == '\r' ? CUT : OTHER;
    }
    if (p[0] != '\r' || p[1] != '\n') {
        return OTHER;
    }
    from->at = p + 2;
    *value = is_negative ? -number : number;
    return FOUND;
}

/* "$<length>\r\n<bytes>\r\n" */
static outcome read_bulk(cursor *from, const char **bytes, size_t *length) {
    int64_t number = 0;
    cursor ahead = *from;
    outcome found = read_number(&ahead, '$', &number);
    if (found != FOUND) {
        return found;
    }
    if (number < 0) {
        return OTHER;
    }
    if ((uint64_t)(ahead.end - ahead.at) < (uint64_t)number + 2) {
        return CUT;
    }
    *bytes = ahead.at;
    *length = (size_t)number;
    ahead.at += number;
    if (ahead.at[0] != '\r' || ahead.at[1] != '\n') {
        return OTHER;
    }
    from->at = ahead.at + 2;
    return FOUND;
}

static outcome read_count(cursor *from, int64_t wanted) {
    int64_t count = 0;
    outcome found = read_number(from, '*', &count);
    return found == FOUND && count != wanted ? OTHER : found;
}

static outcome read_header(ef_resp_entries *self, cursor *from) {
    int64_t streams = 0, entries = 0;
    const char *name = NULL;
    size_t length = 0;
    outcome found = read_number(from, '*', &streams);
    if (found != FOUND) {
        return found;
    }
    if (streams == -1) { /* nothing came in time */
        self->left = 0;
        return FOUND;
    }
    if (streams != 1) {
        return OTHER;
    }
    if ((found = read_count(from, 2)) != FOUND || (found = read_bulk(from, &name, &length)) != FOUND ||
        (found = read_number(from, '*', &entries)) != FOUND) {
        return found;
    }
    if (entries < 0 || entries > UINT32_MAX) {
        return OTHER;
    }
    self->left = (uint64_t)entries;
    return FOUND;
}

static ef_status take_entry(ef_resp_entries *self, cursor *from, outcome *found, ef_error *error) {
    const char *identity = NULL, *field = NULL, *payload = NULL;
    size_t identity_length = 0, field_length = 0, length = 0;
    if ((*found = read_count(from, 2)) != FOUND) {
        return EF_OK;
    }
    const char *start = from->at;
    if ((*found = read_bulk(from, &identity, &identity_length)) != FOUND) {
        return EF_OK;
    }
    size_t size = (size_t)(from->at - start);
    if ((*found = read_count(from, 2)) != FOUND || (*found = read_bulk(from, &field, &field_length)) != FOUND) {
        return EF_OK;
    }
    if (field_length != self->field_length || memcmp(field, self->field, field_length) != 0) {
        *found = OTHER;
        return EF_OK;
    }
    if ((*found = read_bulk(from, &payload, &length)) != FOUND) {
        return EF_OK;
    }
    if (length == 0 || memchr(payload, '\n', length) != NULL) {
        *found = OTHER;
        return EF_OK;
    }
    if (!ef_text_buffer_reserve(&self->lines, length + 1) || !ef_text_buffer_reserve(&self->identities, size)) {
        return ef_fail_memory(error);
    }
    memcpy(self->lines.bytes + self->lines.length, payload, length);
    self->lines.length += length;
    self->lines.bytes[self->lines.length++] = '\n';
    memcpy(self->identities.bytes + self->identities.length, start, size);
    self->identities.length += size;
    self->entries++;
    return EF_OK;
}

/* One item of an answer, whatever it is; an array leaves its elements to come. */
static outcome skip_item(ef_resp_entries *self, cursor *from) {
    if (from->at == from->end) {
        return CUT;
    }
    int64_t count = 0;
    const char *bytes = NULL;
    size_t length = 0;
    cursor ahead = *from;
    outcome found;
    switch (*from->at) {
    case '*':
        if ((found = read_number(from, '*', &count)) == FOUND && count > 0) {
            self->left += (uint64_t)count;
        }
        return found;
    case '$':
        if ((found = read_number(&ahead, '$', &count)) == FOUND && count < 0) {
            from->at = ahead.at;
            return FOUND;
        }
        return found == FOUND ? read_bulk(from, &bytes, &length) : found;
    case '+':
    case '-':
    case ':':
        for (;;) {
            const char *end = memchr(ahead.at, '\n', (size_t)(ahead.end - ahead.at));
            if (end == NULL) {
                return CUT;
            }
            ahead.at = end + 1;
            if (end[-1] == '\r') {
                from->at = ahead.at;
                return FOUND;
            }
        }
    default:
        return OTHER;
    }
}

ef_status ef_resp_entries_new(ef_alloc *alloc, const char *field, uint32_t field_length, ef_resp_entries **self,
                              ef_error *error) {
    ef_resp_entries *made = ef_calloc(alloc, sizeof *made + field_length);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    made->field_length = field_length;
    if (field_length > 0) {
        memcpy(made->field, field, field_length);
    }
    ef_text_buffer_init(&made->lines, alloc);
    ef_text_buffer_init(&made->identities, alloc);
    *self = made;
    return EF_OK;
}

void ef_resp_entries_free(ef_resp_entries *self) {
    if (self != NULL) {
        ef_text_buffer_clear(&self->lines);
        ef_text_buffer_clear(&self->identities);
        ef_free(self->alloc, self, sizeof *self + self->field_length);
    }
}

void ef_resp_entries_reset(ef_resp_entries *self) {
    self->mode = HEADER;
    self->at = 0;
    self->left = 0;
    self->entries = 0;
    self->lines.length = 0;
    self->identities.length = 0;
}

static ef_status read_plain(ef_resp_entries *self, const char *bytes, size_t length, outcome *found, ef_error *error) {
    cursor from = {bytes + self->at, bytes + length};
    *found = FOUND;
    if (self->mode == HEADER) {
        if ((*found = read_header(self, &from)) != FOUND) {
            return EF_OK;
        }
        self->mode = PLAIN;
        self->at = (size_t)(from.at - bytes);
    }
    while (self->left > 0) {
        EF_TRY(take_entry(self, &from, found, error));
        if (*found != FOUND) {
            return EF_OK;
        }
        self->left--;
        self->at = (size_t)(from.at - bytes);
    }
    return EF_OK;
}

static outcome measure(ef_resp_entries *self, const char *bytes, size_t length) {
    cursor from = {bytes + self->at, bytes + length};
    while (self->left > 0) {
        outcome found = skip_item(self, &from);
        if (found != FOUND) {
            return found;
        }
        self->left--;
        self->at = (size_t)(from.at - bytes);
    }
    return FOUND;
}

ef_status ef_resp_entries_read(ef_resp_entries *self, const char *bytes, size_t length, ef_resp_answer *answer,
                               ef_error *error) {
    memset(answer, 0, sizeof *answer);
    answer->outcome = EF_RESP_INCOMPLETE;
    if (self->mode != MEASURE) {
        outcome found = CUT;
        EF_TRY(read_plain(self, bytes, length, &found, error));
        if (found == CUT) {
            return EF_OK;
        }
        if (found == FOUND) {
            answer->outcome = EF_RESP_ENTRIES;
            answer->size = self->at;
            answer->entries = self->entries;
            answer->lines = self->lines.bytes;
            answer->lines_size = self->lines.length;
            answer->identities = self->identities.bytes;
            answer->identities_size = self->identities.length;
            ef_resp_entries_reset(self);
            return EF_OK;
        }
        ef_resp_entries_reset(self);
        self->mode = MEASURE;
        self->left = 1;
    }
    outcome found = measure(self, bytes, length);
    if (found == CUT) {
        return EF_OK;
    }
    answer->outcome = found == FOUND ? EF_RESP_GENERAL : EF_RESP_BROKEN;
    answer->size = self->at;
    ef_resp_entries_reset(self);
    return EF_OK;
}
