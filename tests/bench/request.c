#include "tests/bench/request.h"

#include <stdio.h>
#include <string.h>

size_t request_write(char text[REQUEST_MAX], uint16_t port, const char *key, bool stream)
{
    static const char words[] = "Tell me, in plain words, what the fox did and what the dog said. ";
    char body[REQUEST_BODY_N + 1], end[256];
    int head_n = snprintf(body, sizeof body,
                          "{\"messages\":[{\"role\":\"system\",\"content\":\"You are terse.\"},"
                          "{\"role\":\"user\",\"content\":\"");
    int end_n = snprintf(
        end, sizeof end, "\"}],\"model\":\"bench-1k\",\"max_tokens\":256,\"temperature\":0.2%s}",
        stream ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "");
    for (size_t at = (size_t)head_n; at < sizeof body; at++)
        body[at] = words[(at - (size_t)head_n) % (sizeof words - 1)];
    memcpy(body + REQUEST_BODY_N - end_n, end, (size_t)end_n + 1);
    int n = snprintf(text, REQUEST_MAX,
                     "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
                     "authorization: Bearer %s\r\naccept: application/json\r\n"
                     "content-type: application/json\r\nuser-agent: bench\r\n"
                     "content-length: %d\r\n\r\n%s",
                     port, key, REQUEST_BODY_N, body);
    CHECK(n > 0 && n < REQUEST_MAX);
    return (size_t)n;
}

size_t request_length(struct str text, struct str *body)
{
    const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
    if (end == NULL)
        return text.n >= REQUEST_MAX ? SIZE_MAX : 0;
    size_t head_n = (size_t)(end - text.p) + 4;
    struct str head = str_slice(text, 0, head_n), line, name;
    uint64_t n = 0;
    while (str_cut(&head, '\n', &line)) {
        if (!str_cut(&line, ':', &name) || !str_eq_nocase(name, STR("content-length")))
            continue;
        struct str value = str_trim(str_slice(line, 0, str_index(line, '\r')));
        if (!str_u64(value, REQUEST_MAX, &n))
            return SIZE_MAX;
    }
    if (n != REQUEST_BODY_N)
        return SIZE_MAX;
    *body = str_slice(text, head_n, head_n + n);
    return text.n < head_n + n ? 0 : head_n + n;
}
