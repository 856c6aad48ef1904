#include "host/entry.h"

int ef_host_start(uintptr_t dictionary);
