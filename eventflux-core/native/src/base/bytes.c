/* Bounded reader, growing writer; see bytes.h. */
#include "base/bytes.h"

#include "pages/pages.h"

void ef_writer_init(ef_writer *writer, ef_alloc *alloc) {
    memset(writer, 0, sizeof *writer);
    writer->alloc = alloc;
}

void ef_writer_clear(ef_writer *writer) {
    for (uint32_t i = 0; i < writer->part_count; i++) {
        if (writer->parts[i].page != NULL) {
            ef_page_release(writer->parts[i].page);
        }
    }
    ef_free(writer->alloc, writer->parts, (size_t)writer->part_capacity * sizeof *writer->parts);
    ef_free(writer->alloc, writer->bytes, writer->capacity);
    ef_writer_init(writer, writer->alloc);
}

void ef_put_bytes(ef_writer *writer, const void *data, size_t length) {
    if (writer->status != EF_OK || length == 0) {
        return;
    }
    if (length > writer->capacity - writer->length) {
        size_t wanted = writer->capacity > 0 ? writer->capacity * 2 : 1024;
        while (wanted - writer->length < length) {
            wanted *= 2;
        }
        char *grown = ef_realloc(writer->alloc, writer->bytes, writer->capacity, wanted);
        if (grown == NULL) {
            writer->status = EF_NO_MEMORY;
            return;
        }
        writer->bytes = grown;
        writer->capacity = wanted;
    }
    memcpy(writer->bytes + writer->length, data, length);
    writer->length += length;
}

void ef_put_u8(ef_writer *writer, uint8_t value) {
    ef_put_bytes(writer, &value, sizeof value);
}

void ef_put_u32(ef_writer *writer, uint32_t value) {
    ef_put_bytes(writer, &value, sizeof value);
}

void ef_put_i64(ef_writer *writer, int64_t value) {
    ef_put_bytes(writer, &value, sizeof value);
}

void ef_put_u64(ef_writer *writer, uint64_t value) {
    ef_put_bytes(writer, &value, sizeof value);
}

void ef_put_f64(ef_writer *writer, double value) {
    ef_put_bytes(writer, &value, sizeof value);
}

void ef_put_str(ef_writer *writer, const ef_str *value) {
    ef_put_u32(writer, value->length);
    ef_put_bytes(writer, ef_str_data(value), value->length);
}

static bool add_part(ef_writer *writer, ef_page *page, size_t offset, size_t length) {
    void *parts = writer->parts;
    ef_status status = ef_grow(writer->alloc, &parts, &writer->part_capacity, writer->part_count + 1,
                               sizeof *writer->parts, NULL);
    writer->parts = parts;
    if (status != EF_OK) {
        writer->status = status;
        return false;
    }
    writer->parts[writer->part_count++] = (ef_writer_part){.page = page, .offset = offset, .length = length};
    return true;
}

void ef_put_page(ef_writer *writer, ef_page *page, size_t length) {
    if (writer->status != EF_OK) {
        return;
    }
    if (writer->length > writer->open) {
        if (!add_part(writer, NULL, writer->open, writer->length - writer->open)) {
            return;
        }
        writer->open = writer->length;
    }
    if (add_part(writer, page, 0, length)) {
        ef_page_retain(page);
    }
}

ef_status ef_writer_status(const ef_writer *writer, ef_error *error) {
    return writer->status == EF_OK ? EF_OK : ef_fail_memory(error);
}

size_t ef_writer_size(const ef_writer *writer) {
    size_t size = writer->length - writer->open;
    for (uint32_t i = 0; i < writer->part_count; i++) {
        size += writer->parts[i].length;
    }
    return size;
}

void ef_writer_copy(const ef_writer *writer, char *to) {
    for (uint32_t i = 0; i < writer->part_count; i++) {
        const ef_writer_part *part = &writer->parts[i];
        memcpy(to, part->page != NULL ? ef_page_bytes(part->page) : writer->bytes + part->offset, part->length);
        to += part->length;
    }
    if (writer->length > writer->open) {
        memcpy(to, writer->bytes + writer->open, writer->length - writer->open);
    }
}

void ef_reader_init(ef_reader *reader, const void *data, size_t length) {
    reader->next = data;
    reader->end = (const char *)data + length;
    reader->status = EF_OK;
}

const char *ef_get_bytes(ef_reader *reader, size_t length) {
    if (reader->status != EF_OK || length > ef_reader_left(reader)) {
        reader->status = EF_CORRUPT;
        return NULL;
    }
    const char *bytes = reader->next;
    reader->next += length;
    return bytes;
}

static void get_fixed(ef_reader *reader, void *to, size_t length) {
    const char *bytes = ef_get_bytes(reader, length);
    if (bytes != NULL) {
        memcpy(to, bytes, length);
    } else {
        memset(to, 0, length);
    }
}

uint8_t ef_get_u8(ef_reader *reader) {
    uint8_t value;
    get_fixed(reader, &value, sizeof value);
    return value;
}

uint32_t ef_get_u32(ef_reader *reader) {
    uint32_t value;
    get_fixed(reader, &value, sizeof value);
    return value;
}

int64_t ef_get_i64(ef_reader *reader) {
    int64_t value;
    get_fixed(reader, &value, sizeof value);
    return value;
}

uint64_t ef_get_u64(ef_reader *reader) {
    uint64_t value;
    get_fixed(reader, &value, sizeof value);
    return value;
}

double ef_get_f64(ef_reader *reader) {
    double value;
    get_fixed(reader, &value, sizeof value);
    return value;
}

ef_str ef_get_str(ef_reader *reader) {
    uint32_t length = ef_get_u32(reader);
    const char *bytes = ef_get_bytes(reader, length);
    return bytes != NULL ? ef_str_view(bytes, length) : ef_str_empty();
}

ef_status ef_reader_status(const ef_reader *reader, ef_error *error) {
    return reader->status == EF_OK ? EF_OK : ef_fail(error, reader->status, "the saved state ends too early");
}
