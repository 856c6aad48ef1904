/* Bounded reading and growing writing of bytes; little-endian, fixed widths. What snapshots, and whatever else reads untrusted
 * bytes, go through.
 *
 * A writer of state also takes page references: they are written out later, by another thread, while the engine runs on (the
 * pages are copied on write meanwhile). In the byte stream a page stands where its reference was put. */
#ifndef EF_BASE_BYTES_H
#define EF_BASE_BYTES_H

#include "base/string_view.h"

typedef struct ef_page ef_page; /* pages/pages.h */

typedef struct ef_writer_part {
    ef_page *page;  /* a counted reference, or NULL: bytes [offset, offset + length) of `bytes` */
    size_t offset;
    size_t length;  /* of a page: its used bytes */
} ef_writer_part;

struct ef_writer {
    ef_alloc *alloc;
    char *bytes;
    size_t length;
    size_t capacity;
    ef_writer_part *parts;
    uint32_t part_count;
    uint32_t part_capacity;
    size_t open;       /* where the open run of bytes began */
    ef_status status;  /* sticky: the first failure; later puts do nothing */
};

void ef_writer_init(ef_writer *writer, ef_alloc *alloc);
void ef_writer_clear(ef_writer *writer); /* drops page references too */

/* All puts are unchecked at the call; ask ef_writer_status once at the end. */
void ef_put_bytes(ef_writer *writer, const void *data, size_t length);
void ef_put_u8(ef_writer *writer, uint8_t value);
void ef_put_u32(ef_writer *writer, uint32_t value);
void ef_put_i64(ef_writer *writer, int64_t value);
void ef_put_u64(ef_writer *writer, uint64_t value);
void ef_put_f64(ef_writer *writer, double value);
void ef_put_str(ef_writer *writer, const ef_str *value); /* u32 length, bytes */
/* Takes a reference on `page`. */
void ef_put_page(ef_writer *writer, ef_page *page, size_t length);
ef_status ef_writer_status(const ef_writer *writer, ef_error *error) EF_MUST_USE;

/* Total size of the stream, and its bytes into `to` (of that size). No engine lock is needed once save() has returned. */
size_t ef_writer_size(const ef_writer *writer);
void ef_writer_copy(const ef_writer *writer, char *to);

struct ef_reader {
    const char *next;
    const char *end;
    ef_status status; /* sticky EF_CORRUPT at the first read past the end; reads give zeros then */
};

void ef_reader_init(ef_reader *reader, const void *data, size_t length);
const char *ef_get_bytes(ef_reader *reader, size_t length); /* NULL when too short; borrow of the input */
uint8_t ef_get_u8(ef_reader *reader);
uint32_t ef_get_u32(ef_reader *reader);
int64_t ef_get_i64(ef_reader *reader);
uint64_t ef_get_u64(ef_reader *reader);
double ef_get_f64(ef_reader *reader);
ef_str ef_get_str(ef_reader *reader); /* borrow of the input */
static inline size_t ef_reader_left(const ef_reader *reader) {
    return (size_t)(reader->end - reader->next);
}
/* EF_OK if nothing was read past the end. */
ef_status ef_reader_status(const ef_reader *reader, ef_error *error) EF_MUST_USE;

#endif
