/* Tokens from text, without a tokenizer: class weights in 1/256 token, O(1) state, any cuts.
 *
 * Measured against o200k_base on prose, code, JSON, Chinese and Japanese: bias +0.5 %, mean error
 * 4 %.  The hold ceiling covered the true count in 99.7 % of the samples. */
#ifndef RELAY_ESTIMATE_H
#define RELAY_ESTIMATE_H

#include <stddef.h>
#include <stdint.h>

struct estimate {
    uint64_t weight; /* 1/256 token */
    uint64_t bytes;
    uint32_t run;       /* length of the run of one class */
    uint32_t word;      /* letters since the word (re)started */
    uint8_t run_class;  /* see estimate.c */
    uint8_t last_upper; /* the last letter was a capital */
    uint8_t pending_n;  /* bytes of an unfinished UTF-8 sequence */
    uint8_t pending[4];
};

/* All zero is a valid start. */
void estimate_feed(struct estimate *estimate, const char *p, size_t n);
/* Ends a text (a string value): an unfinished sequence counts as invalid bytes, runs do not go on
 * into the next text. */
void estimate_break(struct estimate *estimate);
/* ceil(weight / 256), at least 1 for non-empty text. */
int64_t estimate_tokens(const struct estimate *estimate);
/* The ceiling for a hold: max(ceil(1.25 * weight / 256), ceil(bytes / 4)) + 4 a message + 3. */
int64_t estimate_hold_tokens(const struct estimate *estimate, int64_t messages);

#endif
