/* Group keys of a block of rows, in the form in which groups hold theirs; see select_inside.h. */
#ifndef EF_OPS_SELECT_KEYS_H
#define EF_OPS_SELECT_KEYS_H

#include "ops/select_inside.h"

/* Keys of a block of rows. */
typedef struct ef_key_block {
    uint32_t from;
    uint32_t rows;
    const uint64_t *words; /* [rows * key_words] */
    const uint32_t *nulls; /* [rows], or NULL */
    const uint8_t *deep;   /* [rows] 1: some text lies outside; or NULL */
    uint64_t *hashes;      /* [rows] */
    /* scratch */
    uint64_t *word_space;
    uint32_t *null_space;
    uint8_t *deep_space;
} ef_key_block;

/* Fills words, nulls and deep for rows [from, from + rows); words may be the column itself. */
void ef_select_fill_keys(const ef_select_call *call, ef_key_block *block);
/* Of a key in slot 0 without nulls. */
uint64_t ef_select_hash_key(const ef_select *self, const uint64_t *words);
/* Fills hashes. */
void ef_select_hash_keys(const ef_select_call *call, ef_key_block *block);
/* Equality of a row's key with a group's where a text lies outside; slot and nulls are the same. */
bool ef_select_deep_equal(const ef_select_call *call, const ef_group *group, const uint64_t *words, uint32_t row);
/* Keeps the texts of a fresh group, which has the words of the row, in blocks of their own; on failure none. */
ef_status ef_select_keep_texts(const ef_select_call *call, ef_group *group, uint32_t row) EF_MUST_USE;
/* Gives the texts of the first `keys` keys back. */
void ef_select_drop_texts(ef_select *self, const ef_group *group, uint32_t keys);

#endif
