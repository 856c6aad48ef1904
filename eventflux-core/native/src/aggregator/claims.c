/* Which blocks of a loaded page store are spoken for: a bit for each place at which a block can start. */
#include "aggregator/aggregator.h"

ef_status ef_claims_init(ef_claims *claims, const ef_pages *pages, ef_alloc *alloc, ef_error *error) {
    size_t size = ((size_t)pages->table_count << EF_PAGE_SHIFT) / 8 + 1;
    *claims = (ef_claims){.pages = pages, .alloc = alloc, .size = size};
    claims->seen = ef_calloc(alloc, size);
    return claims->seen != NULL ? EF_OK : ef_fail_memory(error);
}

void ef_claims_clear(ef_claims *claims) {
    ef_free(claims->alloc, claims->seen, claims->size);
    claims->seen = NULL;
}

ef_status ef_claim(ef_claims *claims, ef_handle handle, uint32_t size, ef_error *error) {
    if (!ef_pages_holds(claims->pages, handle, size) || ef_bit(claims->seen, handle)) {
        return ef_fail(error, EF_CORRUPT, "the saved state names a block that is not there, or names it twice");
    }
    ef_bit_set(claims->seen, handle);
    return EF_OK;
}
