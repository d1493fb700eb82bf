/* What the sandbox says, and how it is counted: a word is one token. */
#ifndef SERVER_SANDBOX_WORDS_H
#define SERVER_SANDBOX_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* Cuts the next word off *rest: up to the blank before the one after it, or one character beyond
 * U+0800 (Chinese does without blanks).  Never cuts UTF-8 within a character.  False at the end. */
MUST_USE bool word_cut(struct str *rest, struct str *word);
int64_t words_count(struct str text);
/* The text without what comes after `max` words. */
struct str words_first(struct str text, int64_t max);

/* There are Chinese characters in it, and no Japanese ones. */
bool words_are_chinese(struct str text);

/* The text of a JSON string, valid as long as that; empty for anything else, and for NULL. */
struct str words_of_string(const json_t *string);
/* Adds the texts of a message: its content, a string or parts with "text", one per line. */
MUST_USE bool words_of_message(const json_t *message, struct buf *out);
/* A prompt's tokens: of a text, and of the texts of all messages. */
int64_t words_tokens(struct str text);
int64_t words_prompt_tokens(const json_t *messages);

/* Adds a sentence or two that say this is the sandbox and repeat the beginning of the last user
 * message, or of a tool's result where that is the last message; in Chinese when it is. */
MUST_USE bool words_answer(const json_t *messages, struct buf *out);
/* True when the last message is a tool's result. */
bool words_follow_tool(const json_t *messages);

#endif
