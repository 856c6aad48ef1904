/* The one function of host/ that cffi calls; plain C, so that its declaration fits any file. */
#ifndef EF_HOST_ENTRY_H
#define EF_HOST_ENTRY_H

#include <stdint.h>

/* `dictionary`: the address of a Python dict, held by the caller, with the functions that the native types need. Puts the types and the
 * Host object into it. -1: failed, the exception is in it as "error". */
int ef_host_start(uintptr_t dictionary);

#endif
