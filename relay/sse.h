/* A read-only splitter of event streams (WHATWG HTML, "Server-sent events") over arbitrary cuts.
 *
 * It never changes a byte: it says where events end and what they carry.  Lines end with LF, CRLF
 * or CR; a leading BOM is taken; data lines may come with or without the space. */
#ifndef RELAY_SSE_H
#define RELAY_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define SSE_TYPE_MAX 64
#define SSE_HEAD_MAX 64
#define SSE_FIELD_MAX 5 /* the longest field name that means something: event, retry */

struct sse_event {
    uint64_t begin, end; /* absolute offsets; end is behind the closing blank line */
    struct str type;     /* of the event: line, cut at SSE_TYPE_MAX; empty if none */
    struct str head;     /* the first SSE_HEAD_MAX bytes of the data (lines joined by LF) */
    uint64_t data_bytes; /* length of the data */
    bool has_data;       /* false: only comments or other fields */
    bool has_id;         /* an id: or retry: field was seen in this event */
    /* A lone LF that completes the CRLF of the event before it: no event of its own, to be passed
     * on at once. */
    bool is_tail;
};

struct sse_sink {
    /* Data of the event that is being read, piece by piece, a LF between data lines.  May be
     * NULL. */
    void (*data)(void *context, struct str piece);
    /* An event (or a block without data) is complete.  Its views are valid for the call. */
    void (*event)(void *context, const struct sse_event *event);
    void *context;
};

/* Allocates nothing, so there is no release. */
struct sse {
    struct sse_sink sink;
    uint64_t offset;      /* of the next byte */
    uint64_t event_begin; /* of the event that is being read */
    uint64_t data_bytes;
    unsigned place;    /* in the line, see sse.c */
    unsigned field_of; /* the field whose value is being read, see sse.c */
    bool after_cr;     /* a LF would belong to the line end before it */
    bool after_event;  /* and that line end has completed an event */
    bool has_data, has_id;
    size_t bom_n; /* bytes of a leading BOM so far */
    size_t field_n, type_n, head_n;
    char field[SSE_FIELD_MAX], type[SSE_TYPE_MAX], head[SSE_HEAD_MAX];
};

void sse_init(struct sse *sse, const struct sse_sink *sink);
/* Sink functions run inside; they may not call back into sse. */
void sse_feed(struct sse *sse, const char *p, size_t n);
/* Where the unfinished event begins (== offset when there is none). */
uint64_t sse_open_begin(const struct sse *sse);
/* The peer has closed cleanly.  If the unfinished event has data and lacks only its blank line (or
 * the end of its last line), reports it with end = offset and returns true.  False when there is
 * no such event, also when the last line breaks off inside a field's name. */
bool sse_end(struct sse *sse);

#endif
