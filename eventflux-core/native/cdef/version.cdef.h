#include "version.h"

const char *ef_version(void);
