#include "state/crc32c.h"

uint32_t ef_crc32c(uint32_t crc, const void *data, size_t length);
