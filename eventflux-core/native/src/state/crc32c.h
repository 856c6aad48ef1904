/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4), the checksum of saved state. */
#ifndef EF_STATE_CRC32C_H
#define EF_STATE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc` (0 to begin). O(length). */
uint32_t ef_crc32c(uint32_t crc, const void *data, size_t length);

#endif
