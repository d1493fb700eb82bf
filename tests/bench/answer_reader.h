/* Reads an HTTP/1.1 answer piece by piece and checks that it is one of the bench's upstream. */
#ifndef TESTS_BENCH_ANSWER_READER_H
#define TESTS_BENCH_ANSWER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "tests/bench/answer.h"

enum reader_state { READ_STATUS, READ_FIELDS, READ_LENGTH, READ_SIZE, READ_CHUNK, READ_END };

struct answer_reader {
    bool stream;
    void (*on_event)(void *context, int64_t sent_us); /* each streamed event, in order */
    void *context;

    enum reader_state state;
    bool chunked, last_seen;
    const char *fault; /* what was wrong first; a literal */
    uint64_t left;     /* of the body or of the chunk */
    uint64_t body_n, events;
    size_t line_n, n;
    char line[512];
    char text[4096]; /* of a stream: what is not a whole event yet */
};

/* For the next answer; keeps stream, on_event and context. */
void reader_reset(struct answer_reader *r);
/* Takes what has arrived.  Bytes behind the answer are a fault. */
void reader_feed(struct answer_reader *r, struct str bytes);
/* It is whole; it is right as long as r->fault is NULL. */
bool reader_is_done(const struct answer_reader *r);

#endif
