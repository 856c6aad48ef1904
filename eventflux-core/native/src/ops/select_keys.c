/* Keys of a block of rows, column by column: words, hashes, texts that lie outside. See select_inside.h. */
#include "aggregator/kept_value.h"
#include "ops/select_keys.h"


static uint64_t canonical_double(double value) {
    uint64_t bits;
    if (value == 0.0) {
        return 0;
    }
    if (value != value) {
        return UINT64_C(0x7FF8000000000000);
    }
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#define FILL_WORDS(type, expression)                        \
    do {                                                    \
        const type *values = column->values;                \
        for (uint32_t i = 0; i < block->rows; i++) {        \
            type value = values[block->from + i];           \
            words[(size_t)i * stride] = (expression);       \
        }                                                   \
    } while (0)

static void fill_text(const ef_select *self, ef_key_block *block, const ef_column *column, uint64_t *words) {
    const ef_str *values = (const ef_str *)column->values + block->from;
    size_t stride = self->key_words;
    bool object = column->type == EF_OBJECT;
    for (uint32_t i = 0; i < block->rows; i++) {
        uint64_t *at = words + i * stride;
        memcpy(at, &values[i], 16);
        if (object || values[i].length > EF_INLINE_STRING) {
            uint64_t hash = object ? ef_object_hash(&values[i], self->seed) : ef_hash_str(&values[i], self->seed);
            at[0] = object ? values[i].length : at[0];
            at[1] = hash & UINT64_C(0xFFFFFFFF00000000);
            block->deep_space[i] = 1;
            block->deep = block->deep_space;
        }
    }
}

static void fill_column(const ef_select *self, ef_key_block *block, uint32_t k, const ef_column *column) {
    size_t stride = self->key_words;
    uint64_t *words = block->word_space + self->keys[k].word;
    switch (column->type) {
    case EF_BOOL:
        FILL_WORDS(uint8_t, value);
        break;
    case EF_INT:
        FILL_WORDS(int32_t, (uint64_t)(int64_t)value);
        break;
    case EF_LONG:
        FILL_WORDS(int64_t, (uint64_t)value);
        break;
    case EF_FLOAT:
        FILL_WORDS(float, canonical_double((double)value));
        break;
    case EF_DOUBLE:
        FILL_WORDS(double, canonical_double(value));
        break;
    case EF_STRING:
    case EF_OBJECT:
        fill_text(self, block, column, words);
        break;
    }
    if (column->validity == NULL) {
        return;
    }
    for (uint32_t i = 0; i < block->rows; i++) {
        if (!ef_bit(column->validity, block->from + i)) {
            words[i * stride] = 0;
            if (ef_key_is_text(column->type)) {
                words[i * stride + 1] = 0;
            }
            block->null_space[i] |= 1u << k;
        }
    }
    block->nulls = block->null_space;
}

static bool has_long(const ef_str *values, uint32_t rows) {
    uint32_t longest = 0;
    for (uint32_t i = 0; i < rows; i++) {
        longest = values[i].length > longest ? values[i].length : longest;
    }
    return longest > EF_INLINE_STRING;
}

void ef_select_fill_keys(const ef_select_call *call, ef_key_block *block) {
    const ef_select *self = call->self;
    block->nulls = NULL;
    block->deep = NULL;
    const ef_column *first = &call->arguments[0];
    if (self->key_count == 1 && first->validity == NULL) {
        /* The column is the words already. */
        if (first->type == EF_LONG) {
            block->words = (const uint64_t *)first->values + block->from;
            return;
        }
        const ef_str *texts = (const ef_str *)first->values + block->from;
        if (first->type == EF_STRING && !has_long(texts, block->rows)) {
            block->words = (const uint64_t *)(const void *)texts;
            return;
        }
    }
    memset(block->null_space, 0, block->rows * sizeof *block->null_space);
    memset(block->deep_space, 0, block->rows);
    for (uint32_t k = 0; k < self->key_count; k++) {
        fill_column(self, block, k, &call->arguments[k]);
    }
    block->words = block->word_space;
}

static inline uint64_t hash_words(uint64_t seed, const uint64_t *words, uint32_t count, uint32_t nulls, uint32_t slot) {
    uint64_t secret = seed ^ UINT64_C(0xA0761D6478BD642F);
    uint64_t hash = seed ^ UINT64_C(0x8EBC6AF09C88C6E3) ^ ((uint64_t)nulls << 32 | slot) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t w = 0;
    for (; w + 2 <= count; w += 2) {
        hash = ef_hash_fold(words[w] ^ secret, words[w + 1] ^ hash);
    }
    if (w < count) {
        hash = ef_hash_fold(words[w] ^ secret, hash);
    }
    return hash;
}

uint32_t ef_select_group_hash(const ef_select *self, const ef_group *group) {
    uint64_t words[2 * EF_MOST_KEYS];
    memcpy(words, group->key, self->key_words * sizeof *words);
    for (uint32_t k = 0; k < self->key_count; k++) {
        uint32_t w = self->keys[k].word;
        if (ef_key_is_outside(self->keys[k].type, words[w])) {
            words[w + 1] &= UINT64_C(0xFFFFFFFF00000000); /* without the handle, as a row's key is */
        }
    }
    return ef_index_hash(hash_words(self->seed, words, self->key_words, group->nulls, group->slot));
}

uint64_t ef_select_hash_key(const ef_select *self, const uint64_t *words) {
    return hash_words(self->seed, words, self->key_words, 0, 0);
}

void ef_select_hash_keys(const ef_select_call *call, ef_key_block *block) {
    const ef_select *self = call->self;
    const uint32_t *slots = call->in->slots != NULL ? call->in->slots + block->from : NULL;
    uint32_t count = self->key_words;
    if (slots == NULL && block->nulls == NULL && count == 2) {
        for (uint32_t i = 0; i < block->rows; i++) {
            block->hashes[i] = hash_words(self->seed, block->words + (size_t)i * 2, 2, 0, 0);
        }
        return;
    }
    for (uint32_t i = 0; i < block->rows; i++) {
        block->hashes[i] = hash_words(self->seed, block->words + (size_t)i * count, count,
                                      block->nulls != NULL ? block->nulls[i] : 0, slots != NULL ? slots[i] : 0);
    }
}

/* The text of key k of row `row` of the call. */
static const ef_str *row_text(const ef_select_call *call, uint32_t k, uint32_t row) {
    return (const ef_str *)call->arguments[k].values + row;
}

/* Equality of a key with texts that lie outside. */
bool ef_select_deep_equal(const ef_select_call *call, const ef_group *group, const uint64_t *words, uint32_t row) {
    const ef_select *self = call->self;
    for (uint32_t k = 0; k < self->key_count; k++) {
        ef_type type = self->keys[k].type;
        const uint64_t *mine = words + self->keys[k].word;
        const uint64_t *its = group->key + self->keys[k].word;
        if (!ef_key_is_text(type)) {
            if (mine[0] != its[0]) {
                return false;
            }
            continue;
        }
        if ((group->nulls >> k & 1u) != 0) {
            continue;
        }
        bool outside = ef_key_is_outside(type, mine[0]);
        if ((type == EF_STRING && mine[0] != its[0]) || (!outside && mine[1] != its[1])) {
            return false;
        }
        if (outside) {
            if (mine[1] >> 32 != its[1] >> 32) {
                return false;
            }
            ef_str kept = ef_str_view(ef_pages_at(self->pages, (ef_handle)its[1]), (uint32_t)its[0]);
            const ef_str *text = row_text(call, k, row);
            if (type == EF_OBJECT ? !ef_object_equal(&kept, text) : !ef_str_equal(&kept, text)) {
                return false;
            }
        }
    }
    return true;
}

void ef_select_drop_texts(ef_select *self, const ef_group *group, uint32_t keys) {
    for (uint32_t k = 0; k < keys; k++) {
        const uint64_t *words = group->key + self->keys[k].word;
        if (ef_key_is_outside(self->keys[k].type, words[0]) && (group->nulls >> k & 1u) == 0) {
            ef_pages_give(self->pages, (ef_handle)words[1], (uint32_t)words[0]);
        }
    }
}

ef_status ef_select_keep_texts(const ef_select_call *call, ef_group *group, uint32_t row) {
    ef_select *self = call->self;
    for (uint32_t k = 0; k < self->key_count; k++) {
        uint64_t *words = group->key + self->keys[k].word;
        if (!ef_key_is_outside(self->keys[k].type, words[0]) || (group->nulls >> k & 1u) != 0) {
            continue;
        }
        ef_handle handle;
        uint32_t length = (uint32_t)words[0];
        ef_status status = ef_pages_take(self->pages, length, &handle, call->error);
        char *bytes = NULL;
        if (status == EF_OK) {
            bytes = ef_pages_write(self->pages, handle);
            if (bytes == NULL) {
                ef_pages_give(self->pages, handle, length);
                status = ef_fail_memory(call->error);
            }
        }
        if (status != EF_OK) {
            ef_select_drop_texts(self, group, k);
            return status;
        }
        memcpy(bytes, ef_str_data(row_text(call, k, row)), length);
        words[1] |= handle;
    }
    return EF_OK;
}
