/* Rows kept by key: what frequent, lossyFrequent, unique and firstUnique share.
 *
 *      slot ──> first entry <──> entry <──> last entry        in the order in which their keys came
 *                  │ row           │
 *      index: hash of (slot, key values) ──> entry
 *
 * An entry is a block of the page store beside the row that it keeps; it holds links, so the order is part of the state, and the index
 * is rebuilt on load. Keys are compared by value, the values that the kept row has; null equals null. Finding O(1), walking O(entries of
 * the slot). */
#ifndef EF_WINDOW_KEYED_H
#define EF_WINDOW_KEYED_H

#include "base/handle_index.h"
#include "window/window.h"

typedef struct ef_keyed_entry {
    ef_handle row;
    ef_handle previous; /* EF_NO_HANDLE ends */
    ef_handle next;
    uint32_t slot;
    uint32_t hash;
    uint32_t unused;
    int64_t count; /* for the window's use */
    int64_t mark;  /* for the window's use */
} ef_keyed_entry;

typedef struct ef_keyed_slot {
    ef_handle first; /* valid while count > 0 */
    ef_handle last;
    uint32_t count;
    int64_t total; /* for the window's use */
} ef_keyed_slot;

typedef struct ef_keyed {
    ef_window base;
    ef_slots slots; /* of ef_keyed_slot */
    ef_handle_index index;
    uint32_t *columns; /* of the key */
    uint32_t column_count;
} ef_keyed;

/* The key is made of the parameters from `first_param` on, each a column; of all columns when there are none. */
ef_status ef_keyed_init(ef_keyed *keyed, const ef_operator_config *config, uint32_t first_param, const char *what,
                        ef_error *error) EF_MUST_USE;
void ef_keyed_clear(ef_keyed *keyed);
void ef_keyed_purge(ef_keyed *keyed, uint32_t slot);
void ef_keyed_save(const ef_keyed *keyed, ef_writer *writer);
ef_status ef_keyed_load(ef_keyed *keyed, ef_reader *reader, ef_error *error) EF_MUST_USE;
ef_status ef_keyed_find_rows(const ef_keyed *keyed, uint32_t slot, ef_out *out, ef_error *error) EF_MUST_USE;

static inline ef_keyed_slot *ef_keyed_slot_at(const ef_keyed *keyed, uint32_t slot) {
    return (ef_keyed_slot *)keyed->slots.items + slot;
}

static inline const ef_keyed_entry *ef_keyed_at(const ef_keyed *keyed, ef_handle entry) {
    return (const ef_keyed_entry *)(const void *)ef_pages_at(keyed->base.pages, entry);
}

/* For changing counts and marks; NULL when out of memory. */
static inline ef_keyed_entry *ef_keyed_write(const ef_keyed *keyed, ef_handle entry) {
    return (ef_keyed_entry *)(void *)ef_pages_write(keyed->base.pages, entry);
}

uint32_t ef_keyed_hash(const ef_keyed *keyed, const ef_batch *batch, uint32_t row);
/* The entry of the key of a row in its slot, or EF_NO_HANDLE. */
ef_handle ef_keyed_find(const ef_keyed *keyed, const ef_batch *batch, uint32_t row, uint32_t hash);
/* Keeps the row under its key, which must not be there, behind all others; count 1, mark 0. Nothing changed on failure. */
ef_status ef_keyed_add(ef_keyed *keyed, const ef_batch *batch, uint32_t row, uint32_t hash, ef_handle *entry,
                       ef_error *error) EF_MUST_USE;
/* Keeps the row in place of the one that the entry has; that one is dropped (and stays readable until the slice ends). Nothing changed on
 * failure. */
ef_status ef_keyed_replace(ef_keyed *keyed, ef_handle entry, const ef_batch *batch, uint32_t row,
                           ef_error *error) EF_MUST_USE;
/* Makes the removal of any entry of the slot infallible within the call. */
ef_status ef_keyed_prepare(ef_keyed *keyed, uint32_t slot, ef_error *error) EF_MUST_USE;
/* Drops the entry and its row. After ef_keyed_prepare. */
void ef_keyed_remove(ef_keyed *keyed, ef_handle entry);

#endif
