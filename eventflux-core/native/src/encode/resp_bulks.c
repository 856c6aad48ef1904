/* Arguments of a command; see resp_bulks.h. One pass, into a buffer that is kept; time and room are linear in the text. */
#include "encode/resp_bulks.h"

#include <string.h>

#include "base/number_text.h"
#include "encode/text_buffer.h"

#define AROUND (EF_NUMBER_TEXT + 5u) /* $, the length, and two line ends */

struct ef_resp_bulks {
    ef_alloc *alloc;
    ef_text_buffer text;
};

ef_status ef_resp_bulks_new(ef_alloc *alloc, ef_resp_bulks **self, ef_error *error) {
    ef_resp_bulks *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    ef_text_buffer_init(&made->text, alloc);
    *self = made;
    return EF_OK;
}

void ef_resp_bulks_free(ef_resp_bulks *self) {
    if (self != NULL) {
        ef_text_buffer_clear(&self->text);
        ef_free(self->alloc, self, sizeof *self);
    }
}

ef_status ef_resp_bulks_write(ef_resp_bulks *self, const char *text, size_t length, uint32_t most,
                              ef_resp_arguments *arguments, ef_error *error) {
    const char *at = text, *end = text + length;
    uint32_t count = 0;
    self->text.length = 0;
    while (count < most && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) {
            break;
        }
        size_t size = (size_t)(stop - at);
        if (size > INT64_MAX || !ef_text_buffer_reserve(&self->text, size + AROUND)) {
            return ef_fail_memory(error);
        }
        char *to = self->text.bytes + self->text.length;
        *to++ = '$';
        to += ef_format_long((int64_t)size, to);
        *to++ = '\r';
        *to++ = '\n';
        memcpy(to, at, size);
        to += size;
        *to++ = '\r';
        *to++ = '\n';
        self->text.length = (size_t)(to - self->text.bytes);
        at = stop + 1;
        count++;
    }
    arguments->bytes = self->text.bytes;
    arguments->size = self->text.length;
    arguments->count = count;
    arguments->consumed = (size_t)(at - text);
    return EF_OK;
}
