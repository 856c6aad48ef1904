/* Time zones; see zone.h. Changes lie in order: a time finds its own by halving. */
#include "time/zone.h"

#include <string.h>

#include "base/calendar.h"

ef_status ef_zone_init(ef_zone *zone, ef_alloc *alloc, uint32_t count, const int64_t *from, const int64_t *offset,
                       ef_error *error) {
    *zone = (ef_zone){0};
    if (count == 0) {
        return EF_OK;
    }
    zone->from = ef_malloc(alloc, count * sizeof *zone->from);
    zone->offset = ef_malloc(alloc, count * sizeof *zone->offset);
    zone->count = count;
    if (zone->from == NULL || zone->offset == NULL) {
        ef_zone_clear(zone, alloc);
        return ef_fail_memory(error);
    }
    memcpy(zone->from, from, count * sizeof *from);
    memcpy(zone->offset, offset, count * sizeof *offset);
    return EF_OK;
}

void ef_zone_clear(ef_zone *zone, ef_alloc *alloc) {
    ef_free(alloc, zone->from, zone->count * sizeof *zone->from);
    ef_free(alloc, zone->offset, zone->count * sizeof *zone->offset);
    *zone = (ef_zone){0};
}

uint32_t ef_zone_change(const ef_zone *zone, int64_t time) {
    uint32_t low = 0, high = zone->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->from[middle] <= time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t ef_zone_moment(const ef_zone *zone, int64_t local) {
    int64_t before = local - ef_zone_offset(zone, local - 2 * EF_DAY_MS);
    if (before + ef_zone_offset(zone, before) == local) {
        return before;
    }
    int64_t after = local - ef_zone_offset(zone, local + 2 * EF_DAY_MS);
    return after + ef_zone_offset(zone, after) == local ? after : before;
}
