/* One value kept in 16 bytes of a page store.
 *
 *      numbers:       [ 8 bytes, zero-extended ][ 0 ]
 *      short text:    the ef_str itself
 *      long text:     [ length ][ prefix: 4 ][ handle: u32 ][ 0 ]        the bytes are a block of their own
 *
 * Views of text stay readable until the slice ends, also after the value was dropped. */
#ifndef EF_AGGREGATOR_KEPT_VALUE_H
#define EF_AGGREGATOR_KEPT_VALUE_H

#include "aggregator/chunk_list.h"
#include "base/object.h"
#include "base/utf8.h"

static inline bool ef_is_text(ef_type type) {
    return type == EF_STRING || type == EF_OBJECT;
}

static inline ef_handle ef_kept_handle(ef_chunk_entry kept) {
    return (ef_handle)kept.word[1];
}

static inline uint32_t ef_kept_length(ef_chunk_entry kept) {
    return (uint32_t)kept.word[0];
}

static inline ef_status ef_text_keep(ef_pages *pages, const ef_str *text, ef_chunk_entry *kept, ef_error *error) {
    memcpy(kept, text, sizeof *kept);
    if (text->length <= EF_INLINE_STRING) {
        return EF_OK;
    }
    ef_handle handle;
    EF_TRY(ef_pages_take(pages, text->length, &handle, error));
    char *bytes = ef_pages_write(pages, handle);
    if (bytes == NULL) {
        ef_pages_give(pages, handle, text->length);
        return ef_fail_memory(error);
    }
    memcpy(bytes, text->as.outside.data, text->length);
    kept->word[1] = handle;
    return EF_OK;
}

static inline void ef_text_drop(ef_pages *pages, ef_chunk_entry kept) {
    if (ef_kept_length(kept) > EF_INLINE_STRING) {
        ef_pages_give(pages, ef_kept_handle(kept), ef_kept_length(kept));
    }
}

static inline ef_str ef_text_view(const ef_pages *pages, ef_chunk_entry kept) {
    ef_str text;
    memcpy(&text, &kept, sizeof text);
    if (text.length > EF_INLINE_STRING) {
        text.as.outside.data = ef_pages_at(pages, ef_kept_handle(kept));
    }
    return text;
}

/* The value at `values[row]` of a column of this type, without its nulls. */
static inline ef_chunk_entry ef_value_entry(ef_type type, const void *values, uint32_t row) {
    ef_chunk_entry entry = {{0, 0}};
    switch (ef_type_width(type)) {
    case 1:
        entry.word[0] = ((const uint8_t *)values)[row];
        break;
    case 4:
        entry.word[0] = ((const uint32_t *)values)[row];
        break;
    case 8:
        entry.word[0] = ((const uint64_t *)values)[row];
        break;
    default:
        memcpy(&entry, (const ef_str *)values + row, sizeof entry);
        break;
    }
    return entry;
}

static inline ef_status ef_value_keep(ef_pages *pages, ef_type type, ef_chunk_entry value, ef_chunk_entry *kept,
                                      ef_error *error) {
    if (!ef_is_text(type)) {
        *kept = value;
        return EF_OK;
    }
    ef_str text;
    memcpy(&text, &value, sizeof text);
    return ef_text_keep(pages, &text, kept, error);
}

static inline void ef_value_drop(ef_pages *pages, ef_type type, ef_chunk_entry kept) {
    if (ef_is_text(type)) {
        ef_text_drop(pages, kept);
    }
}

/* Equal floating point values have equal words then: one NaN, one zero. */
static inline ef_chunk_entry ef_value_canonical(ef_type type, ef_chunk_entry value) {
    if (type == EF_DOUBLE) {
        double number;
        memcpy(&number, value.word, sizeof number);
        if (number == 0.0) {
            value.word[0] = 0;
        } else if (number != number) {
            value.word[0] = UINT64_C(0x7FF8000000000000);
        }
    } else if (type == EF_FLOAT) {
        float number;
        memcpy(&number, value.word, sizeof number);
        if (number == 0.0f) {
            value.word[0] = 0;
        } else if (number != number) {
            value.word[0] = UINT64_C(0x7FC00000);
        }
    }
    return value;
}

/* Numbers by their bits. */
static inline bool ef_value_same(const ef_pages *pages, ef_type type, ef_chunk_entry kept, ef_chunk_entry value) {
    if (!ef_is_text(type)) {
        return kept.word[0] == value.word[0];
    }
    ef_str a = ef_text_view(pages, kept), b;
    memcpy(&b, &value, sizeof b);
    return type == EF_OBJECT ? ef_object_equal(&a, &b) : ef_str_equal(&a, &b);
}

static inline bool ef_value_equal(const ef_pages *pages, ef_type type, ef_chunk_entry kept, ef_chunk_entry value) {
    return ef_value_same(pages, type, ef_value_canonical(type, kept), ef_value_canonical(type, value));
}

static inline uint64_t ef_value_hash(ef_type type, ef_chunk_entry value, uint64_t seed) {
    if (!ef_is_text(type)) {
        return ef_hash_u64(ef_value_canonical(type, value).word[0], seed);
    }
    ef_str text;
    memcpy(&text, &value, sizeof text);
    return type == EF_OBJECT ? ef_object_hash(&text, seed) : ef_hash_str(&text, seed);
}

/* The kept value as a column of the type has it. */
static inline void ef_value_read(const ef_pages *pages, ef_type type, ef_chunk_entry kept, void *out, uint32_t at) {
    switch (ef_type_width(type)) {
    case 1:
        ((uint8_t *)out)[at] = (uint8_t)kept.word[0];
        break;
    case 4:
        ((uint32_t *)out)[at] = (uint32_t)kept.word[0];
        break;
    case 8:
        ((uint64_t *)out)[at] = kept.word[0];
        break;
    default:
        ((ef_str *)out)[at] = ef_text_view(pages, kept);
        break;
    }
}

/* Whether a loaded value can be believed; claims the block of a long text. */
static inline ef_status ef_value_check(ef_claims *claims, ef_type type, ef_chunk_entry kept, ef_error *error) {
    if (type == EF_BOOL && kept.word[0] > 1) {
        return ef_fail(error, EF_CORRUPT, "a boolean of the saved state is neither true nor false");
    }
    if (!ef_is_text(type)) {
        return EF_OK;
    }
    uint32_t length = ef_kept_length(kept);
    if (length > EF_INLINE_STRING) {
        EF_TRY(ef_claim(claims, ef_kept_handle(kept), length, error));
        if (kept.word[1] >> 32 != 0 ||
            memcmp((const char *)&kept + 4, ef_pages_at(claims->pages, ef_kept_handle(kept)), 4) != 0) {
            return ef_fail(error, EF_CORRUPT, "a text of the saved state does not begin as it should");
        }
    } else {
        for (uint32_t i = length; i < EF_INLINE_STRING; i++) {
            if (((const char *)&kept)[4 + i] != 0) {
                return ef_fail(error, EF_CORRUPT, "a short text of the saved state is not padded with zeros");
            }
        }
    }
    ef_str text = ef_text_view(claims->pages, kept);
    if (type == EF_STRING ? !ef_utf8_check(ef_str_data(&text), length) : !ef_object_check(ef_str_data(&text), length)) {
        return ef_fail(error, EF_CORRUPT, "a text of the saved state is not what it should be");
    }
    return EF_OK;
}

#endif
