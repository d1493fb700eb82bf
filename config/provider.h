/* One upstream: where it is, how it wants to be spoken to, and for how long it may be waited for.
 */
#ifndef CONFIG_PROVIDER_H
#define CONFIG_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "config/error_rule.h"
#include "config/provider_header.h"
#include "config/provider_path.h"
#include "config/video_dialect.h"
#include "config/word_list.h"

enum told_usage { TOLD_OPENAI, TOLD_XAI, TOLD_ANTHROPIC };
enum provider_auth { AUTH_BEARER, AUTH_API_KEY, AUTH_X_API_KEY };
enum accept_sse { ACCEPT_SSE_AUTO, ACCEPT_SSE_FORCE };
enum content_mode { CONTENT_RELAY, CONTENT_REDIRECT };
enum embeddings_base64 {
    EMBEDDINGS_NATIVE,  /* the provider answers in the encoding that it is asked for */
    EMBEDDINGS_CONVERT, /* it knows numbers only: it is asked for them */
    EMBEDDINGS_STRIP    /* it does not take encoding_format */
};

#define PROVIDER_NAME_MAX 64
#define PROVIDER_KEYS_MAX 16

struct provider_key {
    char *secret;  /* as resolved, not empty */
    uint64_t mark; /* the same of the same secret, after a reload too; tells nothing of it */
};

struct provider {
    unsigned index; /* position in the snapshot */
    char *name;
    char *base_url; /* http(s)://host[:port][/path], no trailing slash; "builtin:sandbox" as
                       written, see provider_is_sandbox */
    struct provider_paths paths;
    char *query; /* behind the "?" of every request; NULL = none */
    struct provider_key keys[PROVIDER_KEYS_MAX];
    unsigned key_count;              /* 0: none is sent */
    char *organization;              /* sent as OpenAI-Organization; NULL = none */
    char *project;                   /* sent as OpenAI-Project; NULL = none */
    struct provider_headers headers; /* sent with every request */
    struct word_list header_allow;   /* of the client, passed on besides the usual ones */
    enum provider_auth auth;
    enum accept_sse accept_sse; /* what a stream's request says that it accepts */
    enum embeddings_base64 embeddings_base64;
    struct video_dialect video;
    struct error_rules errors;
    enum content_mode content_mode;
    int64_t content_life_ms; /* of a result; 0 = not known */
    char *content_private;   /* networks, see config/address_text.h; NULL = none */
    int64_t connect_timeout_ms;
    int64_t first_byte_timeout_ms; /* streams: until the first complete event */
    int64_t whole_timeout_ms;      /* other answers: until the last byte */
    int64_t idle_timeout_ms;       /* between bytes */
    int64_t drain_ms;              /* read on after the client has gone; 0 = cancel at once */
    int64_t max_connections;
    bool inject_stream_usage;
    enum told_usage usage_dialect;
    bool completion_from_total;  /* completion := total - prompt (Gemini style) */
    bool images_retry_ambiguous; /* a picture that may have been made may be asked of the next */
    bool allow_private;          /* its address may be private or loopback */
    bool breaker;                /* what goes wrong at it is remembered */
    bool enabled;
};

/* 1..64 letters, digits, - _ and dots: no '/', which would make offers ambiguous; the rest keeps
 * names usable as metric labels and file names. */
bool provider_name_is_good(struct str name);
bool provider_is_sandbox(const struct provider *provider);
void provider_release(struct provider *provider);

#endif
