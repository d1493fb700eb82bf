#include "relay/upstream_error.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"

/* --- finding it ----------------------------------------------------------------------------------
 */

/* A piece of text as one line; secrets, organisation ids and hosts masked. */
static void take_text(char *room, size_t size, const char *text)
{
    size_t n = 0;
    const char *p = text;
    for (; *p != '\0' && n < size - 1; p++)
        room[n++] = (unsigned char)*p < 0x20 ? ' ' : *p;
    /* Do not end inside a UTF-8 sequence: the byte that is left out would go on with it. */
    bool inside = ((unsigned char)*p & 0xc0) == 0x80;
    while (inside && n > 0) {
        n--;
        inside = ((unsigned char)room[n] & 0xc0) == 0x80;
    }
    n = log_mask(room, n, true);
    room[n] = '\0';
}

static void take_word(char *room, size_t size, const json_t *value)
{
    if (json_is_string(value)) {
        take_text(room, size, json_string_value(value));
        if (strlen(room) == size - 1)
            room[0] = '\0'; /* cut: no longer the word it was */
    } else if (json_is_integer(value)) {
        snprintf(room, size, "%lld", (long long)json_integer_value(value));
    }
}

static const json_t *first_of(const json_t *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        const json_t *value = json_object_get(object, *names);
        if (value != NULL && !json_is_null(value))
            return value;
    }
    return NULL;
}

/* A status that the body itself names: OpenRouter and others answer 200 with error.code 429. */
static int own_status(const json_t *value)
{
    long long status = 0;
    if (json_is_integer(value))
        status = json_integer_value(value);
    else if (json_is_string(value) && strlen(json_string_value(value)) == 3) {
        int64_t parsed = 0;
        if (str_i64(str_of(json_string_value(value)), 0, 999, &parsed))
            status = parsed;
    }
    return status >= 400 && status <= 599 ? (int)status : 0;
}

/* The same by a word, as events and some bodies tell it. */
static int status_of_word(const char *word)
{
    static const struct {
        const char *word;
        int status;
    } words[] = {
        {"rate_limit_exceeded", 429}, {"rate_limit_error", 429}, {"overloaded_error", 503}};
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(word, words[i].word) == 0)
            return words[i].status;
    }
    return 0;
}

static void read_details(struct upstream_error *error, const json_t *object)
{
    static const char *const texts[] = {
        "message", "msg", "error_description", "status_msg", "detail", "error", NULL};
    static const char *const codes[] = {"code", "errorCode", "status_code", "err_code", NULL};
    const json_t *text = first_of(object, texts);
    if (json_is_string(text))
        take_text(error->message, sizeof error->message, json_string_value(text));
    take_word(error->type, sizeof error->type, json_object_get(object, "type"));
    take_word(error->code, sizeof error->code, first_of(object, codes));
    if (json_is_string(json_object_get(object, "param")))
        take_word(error->param, sizeof error->param, json_object_get(object, "param"));
    const json_t *metadata = json_object_get(object, "metadata");
    if (json_object_get(metadata, "reasons") != NULL ||
        json_object_get(metadata, "flagged_input") != NULL)
        snprintf(error->code, sizeof error->code, "prompt_blocked");
    error->nested = error->type[0] != '\0' || error->code[0] != '\0';
}

/* Numbers beyond 64 bits are legal; they are read as reals only if need be, since a code that is a
 * number must stay one. */
static json_t *load(struct str body)
{
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *root = json_loadb(body.p, body.n, flags, NULL);
    return root != NULL ? root : json_loadb(body.p, body.n, flags | JSON_DECODE_INT_AS_REAL, NULL);
}

static bool is_markup(struct str body)
{
    while (body.n > 0 && strchr(" \t\r\n", body.p[0]) != NULL && body.p[0] != '\0')
        body = str_from(body, 1);
    return body.n == 0 || body.p[0] == '<';
}

/* The places where providers put it, in order of trust. */
static const json_t *find_object(const json_t *root, bool is_error_status)
{
    const json_t *error = json_object_get(root, "error");
    if (json_is_object(error))
        return error;
    const json_t *base = json_object_get(root, "base_resp");
    if (json_is_object(base) && json_integer_value(json_object_get(base, "status_code")) != 0)
        return base;
    const json_t *list = json_object_get(root, "errors");
    if (json_is_object(json_array_get(list, 0)))
        return json_array_get(list, 0);
    const json_t *detail = json_object_get(root, "detail");
    if (json_is_object(json_array_get(detail, 0)))
        return json_array_get(detail, 0);
    if (json_is_object(detail))
        return detail;
    if (json_is_string(error) || is_error_status)
        return root;
    return NULL;
}

void upstream_error_read(struct upstream_error *error, int status, struct str body)
{
    memset(error, 0, sizeof *error);
    error->status = status;
    bool is_error_status = status >= 300;
    json_t *root = load(body);
    error->is_json = root != NULL;
    const json_t *object = json_is_object(root) ? find_object(root, is_error_status) : NULL;
    if (json_is_string(root) && !is_error_status) {
        take_text(error->message, sizeof error->message, json_string_value(root));
        error->found = true;
    } else if (object != NULL) {
        error->found = true;
        read_details(error, object);
        if (object == root && json_is_string(json_object_get(root, "error")))
            take_text(error->message, sizeof error->message,
                      json_string_value(json_object_get(root, "error")));
        int own = own_status(json_object_get(object, "code"));
        if (own == 0)
            own = own_status(json_object_get(object, "status"));
        if (own == 0)
            own = status_of_word(error->code);
        if (own == 0)
            own = status_of_word(error->type);
        if (!is_error_status)
            error->status = own != 0 ? own : 500;
    } else if (root == NULL && is_error_status && !is_markup(body)) {
        char text[256];
        size_t n = body.n < sizeof text - 1 ? body.n : sizeof text - 1;
        memcpy(text, body.p, n);
        text[n] = '\0';
        take_text(error->message, sizeof error->message, text);
    }
    json_decref(root);
}

/* --- lists ---------------------------------------------------------------------------------------
 */

static bool code_in(const struct upstream_error *error, const char *const *list)
{
    for (; *list != NULL; list++) {
        struct str word = str_of(*list);
        if (str_eq_nocase(str_of(error->code), word) || str_eq_nocase(str_of(error->type), word))
            return true;
    }
    return false;
}

static bool text_in(const struct upstream_error *error, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (str_contains_nocase(str_of(error->message), str_of(*list)))
            return true;
    }
    return false;
}

bool upstream_error_is_blocked(const struct upstream_error *error)
{
    static const char *const codes[] = {"content_policy_violation",
                                        "content_filter",
                                        "content_filter_policy",
                                        "responsibleaipolicyviolation",
                                        "moderation_blocked",
                                        "image_content_policy_violation",
                                        "invalid_prompt",
                                        "bio_policy",
                                        "prompt_blocked",
                                        "sensitive_words_detected",
                                        "data_inspection_failed",
                                        "datainspectionfailed",
                                        "prohibited_content",
                                        "1301",
                                        "1026",
                                        "1027",
                                        NULL};
    static const char *const texts[] = {"Content Exists Risk",
                                        "rejected as a result of our safety system",
                                        "violating our usage policy",
                                        "content management policy",
                                        "the model produced invalid content",
                                        NULL};
    return code_in(error, codes) ||
           str_contains_nocase(str_of(error->code), STR("sensitivecontentdetected")) ||
           text_in(error, texts);
}

bool upstream_error_is_account(const struct upstream_error *error)
{
    static const char *const codes[] = {"insufficient_quota",
                                        "billing_hard_limit_reached",
                                        "credit_balance_exhausted",
                                        "arrearage",
                                        "api_key_invalid",
                                        "invalid_api_key",
                                        "billing_not_active",
                                        "account_deactivated",
                                        "access_denied",
                                        "insufficient_balance",
                                        "authentication_error",
                                        "1113",
                                        NULL};
    static const char *const texts[] = {"credit balance is too low",
                                        "exceeded your current quota",
                                        "billing hard limit",
                                        "account is deactivated",
                                        "account is not active",
                                        "insufficient balance",
                                        "unpaid",
                                        "overdue payment",
                                        "Incorrect API key",
                                        NULL};
    return code_in(error, codes) || text_in(error, texts);
}

bool upstream_error_is_context(const struct upstream_error *error)
{
    static const char *const codes[] = {"context_length_exceeded", NULL};
    static const char *const texts[] = {"maximum context length is",
                                        "exceeds the context window",
                                        "input tokens exceed the configured limit",
                                        "maximum context limit",
                                        "longer than the model's context length",
                                        "exceeds the available context size",
                                        "prompt is too long",
                                        NULL};
    return code_in(error, codes) || text_in(error, texts);
}

bool upstream_error_is_model(const struct upstream_error *error)
{
    static const char *const codes[] = {"model_not_found", "deploymentnotfound", "modelnotfound",
                                        "invalid_model", NULL};
    static const char *const texts[] = {"model not exist", "model does not exist",
                                        "deployment for this resource does not exist", NULL};
    return code_in(error, codes) || text_in(error, texts);
}

/* --- secrets -------------------------------------------------------------------------------------
 */

#define SECRET_MIN 8

/* The length of this secret, where `text` begins with it; else 0. */
static size_t begins_with(const char *text, const char *secret)
{
    size_t n = secret != NULL ? strlen(secret) : 0;
    return n >= SECRET_MIN && strncmp(text, secret, n) == 0 ? n : 0;
}

/* Of the longest of the provider's: one may begin like another. */
static size_t secret_at(const char *text, const struct provider *provider)
{
    size_t longest = 0, n;
    for (unsigned i = 0; i < provider->key_count; i++) {
        n = begins_with(text, provider->keys[i].secret);
        longest = n > longest ? n : longest;
    }
    for (unsigned i = 0; i < provider->headers.n; i++) {
        n = begins_with(text, provider->headers.list[i].secret);
        longest = n > longest ? n : longest;
    }
    return longest;
}

static void hide(char *text, const struct provider *provider)
{
    for (char *at = text; *at != '\0'; at++) {
        size_t n = secret_at(at, provider);
        if (n == 0)
            continue;
        memcpy(at, "***", 3);
        memmove(at + 3, at + n, strlen(at + n) + 1);
        at += 2;
    }
}

void upstream_error_hide(struct upstream_error *error, const struct provider *provider)
{
    hide(error->message, provider);
    hide(error->type, provider);
    hide(error->code, provider);
    hide(error->param, provider);
}
