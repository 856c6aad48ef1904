/* Times as text: patterns of SimpleDateFormat, ISO 8601. */
#ifndef EF_EXPR_DATE_TEXT_H
#define EF_EXPR_DATE_TEXT_H

#include "base/calendar.h"
#include "base/object.h"

/* Appends `ms` in the form of the pattern to `to`, used as a plain buffer. Letters G y Y M L w W D d F E u a H k K h m s S z Z X,
 * quoted text, '' for a quote; English names, UTC, ISO weeks. NULL, or what is wrong with the pattern. */
const char *ef_date_format(int64_t ms, const ef_str *pattern, ef_object_writer *to);

/* Reads a text of that form: the whole of it, every field within its range; fields that are not in the pattern are those of 1970-01-01T00:00Z.
 * False: it is not of that form. */
bool ef_date_parse(const ef_str *text, const ef_str *pattern, int64_t *ms);

/* YYYY-MM-DD[(T| )HH:MM[:SS[.fraction]][Z|(+|-)HH[[:]MM]]], UTC without a zone; HH:MM[:SS[.fraction]] alone is milliseconds of the day. Blanks
 * around are skipped. */
bool ef_iso_parse(const char *text, uint32_t length, int64_t *ms);

#endif
