/* The version of the distribution that this module was compiled as. */
#ifndef EF_VERSION_H
#define EF_VERSION_H

/* Static text such as "0.1.0"; borrow, valid for ever. */
const char *ef_version(void);

#endif
