#include "server/sandbox/words.h"

#include <string.h>

#include "relay/estimate.h"

#define ECHO_WORDS 24
#define ECHO_BYTES_MAX ((size_t)1 << 20)

/* Bytes of the character that begins with `lead`; the text is valid UTF-8. */
static size_t character_size(uint8_t lead)
{
    if (lead < 0xc0)
        return 1;
    if (lead < 0xe0)
        return 2;
    return lead < 0xf0 ? 3 : 4;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

bool word_cut(struct str *rest, struct str *word)
{
    if (rest->n == 0)
        return false;
    size_t at = 0;
    while (at < rest->n && is_blank(rest->p[at]))
        at++;
    bool wide = at < rest->n && (uint8_t)rest->p[at] >= 0xe0;
    if (wide)
        at += character_size((uint8_t)rest->p[at]);
    while (!wide && at < rest->n && !is_blank(rest->p[at]) && (uint8_t)rest->p[at] < 0xe0)
        at += character_size((uint8_t)rest->p[at]);
    *word = str_slice(*rest, 0, at);
    *rest = str_from(*rest, at);
    return true;
}

int64_t words_count(struct str text)
{
    int64_t n = 0;
    struct str word;
    while (word_cut(&text, &word))
        n++;
    return n;
}

struct str words_first(struct str text, int64_t max)
{
    struct str rest = text;
    struct str word;
    for (int64_t i = 0; i < max && word_cut(&rest, &word); i++)
        ;
    return str_slice(text, 0, text.n - rest.n);
}

/* --- messages ------------------------------------------------------------------------------ */

struct str words_of_string(const json_t *string)
{
    return json_is_string(string)
               ? (struct str){json_string_value(string), json_string_length(string)}
               : STR_EMPTY;
}

static bool add_line(struct str text, struct buf *out)
{
    if (text.n == 0)
        return true;
    return (out->n == 0 || buf_add_char(out, '\n')) && buf_add_str(out, text);
}

bool words_of_message(const json_t *message, struct buf *out)
{
    const json_t *content = json_object_get(message, "content");
    if (!json_is_array(content))
        return add_line(words_of_string(content), out);
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *part = json_array_get(content, i);
        if (!add_line(words_of_string(json_object_get(part, "text")), out))
            return false;
    }
    return true;
}

static void count_text(struct estimate *estimate, const json_t *string)
{
    struct str text = words_of_string(string);
    estimate_feed(estimate, text.p, text.n);
    estimate_break(estimate);
}

static void count_message(struct estimate *estimate, const json_t *message)
{
    const json_t *content = json_object_get(message, "content");
    count_text(estimate, content);
    for (size_t i = 0; i < json_array_size(content); i++)
        count_text(estimate, json_object_get(json_array_get(content, i), "text"));
    const json_t *calls = json_object_get(message, "tool_calls");
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *function = json_object_get(json_array_get(calls, i), "function");
        count_text(estimate, json_object_get(function, "name"));
        count_text(estimate, json_object_get(function, "arguments"));
    }
}

int64_t words_tokens(struct str text)
{
    struct estimate estimate = {0};
    estimate_feed(&estimate, text.p, text.n);
    return estimate_tokens(&estimate);
}

int64_t words_prompt_tokens(const json_t *messages)
{
    struct estimate estimate = {0};
    for (size_t i = 0; i < json_array_size(messages); i++)
        count_message(&estimate, json_array_get(messages, i));
    return estimate_tokens(&estimate);
}

static bool has_role(const json_t *message, const char *role)
{
    return str_eq(words_of_string(json_object_get(message, "role")), str_of(role));
}

bool words_follow_tool(const json_t *messages)
{
    size_t n = json_array_size(messages);
    return n > 0 && has_role(json_array_get(messages, n - 1), "tool");
}

static const json_t *last_of_role(const json_t *messages, const char *role)
{
    for (size_t i = json_array_size(messages); i > 0; i--) {
        const json_t *message = json_array_get(messages, i - 1);
        if (has_role(message, role))
            return message;
    }
    return NULL;
}

/* --- sentences ----------------------------------------------------------------------------- */

/* U+4E00..9FFF begin with E4..E9, kana are U+3040..30FF. */
bool words_are_chinese(struct str text)
{
    bool han = false;
    for (size_t i = 0; i < text.n; i += character_size((uint8_t)text.p[i])) {
        uint8_t lead = (uint8_t)text.p[i];
        if (lead == 0xe3 && i + 1 < text.n && (uint8_t)text.p[i + 1] >= 0x81 &&
            (uint8_t)text.p[i + 1] <= 0x83)
            return false;
        han = han || (lead >= 0xe4 && lead <= 0xe9);
    }
    return han;
}

/* The sentence around what is repeated. */
struct sentence {
    const char *before, *cut, *after;
};

static const struct sentence *choose_sentence(bool chinese, bool tool, bool empty)
{
    static const struct sentence english = {
        "Hello from the sandbox! No model has read this. You said: \"", " ...", "\""};
    static const struct sentence english_tool = {
        "The sandbox has called the tool, and it answered: \"", " ...", "\""};
    static const struct sentence english_empty = {
        "Hello from the sandbox! No model has read this, and you said nothing.", "", ""};
    static const struct sentence zh = {
        "你好，这里是沙盒（sandbox），没有真正的模型在回答。你说的是：“", "……", "”"};
    static const struct sentence zh_tool = {"沙盒（sandbox）调用了工具，得到的结果是：“", "……",
                                            "”"};
    if (empty)
        return &english_empty;
    if (tool)
        return chinese ? &zh_tool : &english_tool;
    return chinese ? &zh : &english;
}

bool words_answer(const json_t *messages, struct buf *out)
{
    bool tool = words_follow_tool(messages);
    struct buf question, told;
    buf_init(&question, ECHO_BYTES_MAX);
    buf_init(&told, ECHO_BYTES_MAX);
    /* A message beyond the ceiling is treated as an empty one. */
    bool read = words_of_message(last_of_role(messages, "user"), &question) &&
                words_of_message(last_of_role(messages, tool ? "tool" : "user"), &told);
    struct str text = read ? str_trim(buf_str(&told)) : STR_EMPTY;
    struct str echo = words_first(text, ECHO_WORDS);
    const struct sentence *sentence =
        choose_sentence(words_are_chinese(buf_str(&question)), tool, echo.n == 0);
    bool added = buf_add_str(out, str_of(sentence->before)) && buf_add_str(out, echo) &&
                 buf_add_str(out, str_of(echo.n < text.n ? sentence->cut : "")) &&
                 buf_add_str(out, str_of(sentence->after));
    buf_release(&question);
    buf_release(&told);
    return added;
}
