/* Whatever the guard lets through has one reading only, by a check written from RFC 9112 anew.  The
 * input is "METHOD TARGET VERSION", then "Name:value" lines, a NUL between all of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/guard.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void head_of(struct head *head, struct str text)
{
    struct str line = STR_EMPTY;
    memset(head, 0, sizeof *head);
    head->method = head->target = head->version = STR_EMPTY;
    if (!str_cut(&text, '\0', &line) || !str_cut(&line, ' ', &head->method) ||
        !str_cut(&line, ' ', &head->target))
        return;
    head->version = line;
    while (str_cut(&text, '\0', &line)) {
        size_t colon = str_index(line, ':');
        if (head->count == HEAD_FIELDS_MAX) {
            head->too_many = true;
            return;
        }
        head->fields[head->count++] =
            (struct head_field){str_slice(line, 0, colon), str_from(line, colon + 1)};
    }
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= ' ' || c >= 0x7f || is_one_of((char)c, "\"(),/:;<=>?@[\\]{}"))
            return false;
    }
    return name.n > 0;
}

static unsigned count(const struct head *head, const char *name, struct str *value)
{
    unsigned n = 0;
    for (size_t i = 0; i < head->count; i++) {
        if (!str_eq_nocase(head->fields[i].name, str_of(name)))
            continue;
        *value = head->fields[i].value;
        n++;
    }
    return n;
}

static void check_fields(const struct head *head)
{
    static const char *const folds[] = {"content-length", "transfer-encoding", "authorization",
                                        "host"};
    for (size_t i = 0; i < head->count; i++) {
        const struct head_field *field = &head->fields[i];
        check(is_name(field->name));
        for (size_t at = 0; at < field->value.n; at++) {
            unsigned char c = (unsigned char)field->value.p[at];
            check(c == '\t' || (c >= ' ' && c != 0x7f));
        }
        for (size_t f = 0; f < COUNT(folds); f++)
            check(field->name.n <= strlen(folds[f]) ||
                  !str_starts_nocase(field->name, str_of(folds[f])));
    }
}

static void check_framing(const struct head *head)
{
    struct str coding = STR_EMPTY, length = STR_EMPTY, host = STR_EMPTY;
    unsigned codings = count(head, "Transfer-Encoding", &coding);
    unsigned lengths = count(head, "Content-Length", &length);
    unsigned hosts = count(head, "Host", &host);
    bool is_1_1 = str_eq(head->version, STR("HTTP/1.1"));
    check(is_1_1 || str_eq(head->version, STR("HTTP/1.0")));
    check(codings + lengths <= 1 && hosts <= 1);
    check(!is_1_1 || hosts == 1);
    check(codings == 0 || (is_1_1 && str_eq_nocase(coding, STR("chunked"))));
    uint64_t bytes = 0;
    if (lengths == 1) {
        for (struct str digits = str_trim(length); digits.n > 0; digits = str_from(digits, 1)) {
            check(digits.p[0] >= '0' && digits.p[0] <= '9');
            bytes = bytes * 10 + (uint64_t)(digits.p[0] - '0');
            check(bytes <= INT64_MAX);
        }
        check(str_trim(length).n > 0);
    }
    check(head_body_bytes(head) == (codings == 1 ? UINT64_MAX : bytes));
    if (str_eq(head->method, STR("POST")) || str_eq(head->method, STR("PUT")) ||
        str_eq(head->method, STR("PATCH")))
        check(codings + lengths == 1);
}

static void check_target(const struct head *head)
{
    struct str path = head_path(head);
    check(path.n > 0 && path.p[0] == '/');
    check(str_index(path, '?') == path.n);
    for (size_t i = 0; i < head->target.n; i++)
        check(head->target.p[i] > ' ' && head->target.p[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head head;
    struct failure failure = {0};
    head_of(&head, (struct str){(const char *)data, size});
    enum fault fault = guard_check(&head, &failure);
    check(failure.fault == fault);
    failure_release(&failure);
    if (fault != FAULT_NONE) {
        check(fault_info(fault)->class_ == FAULT_CLASS_FRAMING);
        return 0;
    }
    check(!head.too_many);
    check(is_name(head.method) && !str_eq(head.method, STR("CONNECT")));
    check_fields(&head);
    check_framing(&head);
    check_target(&head);
    return 0;
}
