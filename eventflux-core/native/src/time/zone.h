/* A time zone: when its clocks change, and by how much they are ahead of UTC. */
#ifndef EF_TIME_ZONE_H
#define EF_TIME_ZONE_H

#include "base/alloc.h"

/* Where the zone's clock changes: from[i] (UTC) on, local time is UTC + offset[i]; offset[0] holds before from[1] too. */
typedef struct ef_zone {
    uint32_t count; /* 0: UTC */
    int64_t *from;
    int64_t *offset;
} ef_zone;

/* A copy of the changes. Fails with nothing held. */
ef_status ef_zone_init(ef_zone *zone, ef_alloc *alloc, uint32_t count, const int64_t *from, const int64_t *offset,
                       ef_error *error) EF_MUST_USE;
void ef_zone_clear(ef_zone *zone, ef_alloc *alloc);
/* The last change that is not later than `time`; 0 before the first. O(log changes). */
uint32_t ef_zone_change(const ef_zone *zone, int64_t time);

static inline int64_t ef_zone_offset(const ef_zone *zone, int64_t time) {
    return zone->count == 0 ? 0 : zone->offset[ef_zone_change(zone, time)];
}

/* The moment at which the zone's clocks show `local`; of two the earlier; a time that they skip: as long after the change as it would be without it. */
int64_t ef_zone_moment(const ef_zone *zone, int64_t local);

#endif
