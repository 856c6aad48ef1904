/* The version of the module: the build passes EF_VERSION, which it reads from pyproject.toml, so that the number stands
 * in one place. Python compares it with its own to notice a stale editable build. */
#include "version.h"

const char *ef_version(void)
{
    return EF_VERSION;
}
