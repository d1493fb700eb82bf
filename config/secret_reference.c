#include "config/secret_reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "config/source.h"
#include "config/value.h"

/* A secret goes into a header: anything but printable ASCII is a mistake there. */
static bool check_secret(struct str secret, const char *where, struct buf *why)
{
    if (secret.n == 0)
        return explain(why, "%s is empty", where);
    if (secret.n > SECRET_TEXT_MAX)
        return explain(why, "%s is longer than %d bytes", where, SECRET_TEXT_MAX);
    for (size_t i = 0; i < secret.n; i++)
        if (secret.p[i] <= ' ' || secret.p[i] >= 0x7f)
            return explain(why, "%s holds a space or a byte that a header cannot hold", where);
    return true;
}

static bool copy_secret(struct str text, const char *where, char **secret, struct buf *why)
{
    if (!check_secret(text, where, why))
        return false;
    *secret = str_dup(text);
    return *secret != NULL || explain(why, "out of memory");
}

static bool read_environment(struct str name, char **secret, struct buf *why)
{
    char *variable = str_dup(name);
    if (variable == NULL)
        return explain(why, "out of memory");
    const char *value = getenv(variable);
    char where[128];
    snprintf(where, sizeof where, "environment variable %.*s", SHORT_ARG(name));
    bool ok = value != NULL ? copy_secret(str_of(value), where, secret, why)
                            : explain(why, "%s is not set", where);
    free(variable);
    return ok;
}

/* Stops at `max` bytes: one more than a secret may have is enough to refuse it. */
static bool read_bytes(const char *path, char *bytes, size_t max, size_t *n, struct buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = 0;
    *n = 0;
    if (fd < 0)
        return explain(why, "cannot open %s: %s", path, strerrordesc_np(errno));
    do {
        got = read(fd, bytes + *n, max - *n);
        if (got > 0)
            *n += (size_t)got;
    } while ((got > 0 && *n < max) || (got < 0 && errno == EINTR));
    int error = errno;
    close(fd);
    return got >= 0 || explain(why, "cannot read %s: %s", path, strerrordesc_np(error));
}

/* Editors and `echo` leave a line end behind the secret. */
static bool read_file(const char *path, char **secret, struct buf *why)
{
    char bytes[SECRET_TEXT_MAX + 3];
    size_t n = 0;
    bool ok = read_bytes(path, bytes, sizeof bytes, &n, why);
    if (ok) {
        if (n > 0 && bytes[n - 1] == '\n')
            n--;
        if (n > 0 && bytes[n - 1] == '\r')
            n--;
        ok = copy_secret((struct str){bytes, n}, path, secret, why);
    }
    secret_wipe(bytes, sizeof bytes);
    return ok;
}

static bool read_beside(const char *file, struct str path, char **secret, struct buf *why)
{
    char *whole = path_beside(file, path);
    bool ok = whole != NULL ? read_file(whole, secret, why) : explain(why, "out of memory");
    free(whole);
    return ok;
}

/* is_name has kept slashes out of the name: the path stays in the folder. */
static bool read_credential(struct str name, char **secret, struct buf *why)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || folder[0] == '\0')
        return explain(
            why,
            "credential \"%.*s\" is not there: CREDENTIALS_DIRECTORY is not set (systemd "
            "sets it for LoadCredential=)",
            SHORT_ARG(name));
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%.*s", folder, STR_ARG(name));
    if (n < 0 || (size_t)n >= sizeof path)
        return explain(why, "the path of credential \"%.*s\" is too long", SHORT_ARG(name));
    return read_file(path, secret, why);
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* `more` are the bytes allowed besides letters, digits and _.  What is odd may be a secret behind a
 * prefix, and names are shown in messages. */
static bool is_name(struct str name, struct str more)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_word_byte(name.p[i]) && str_index(more, name.p[i]) == more.n)
            return false;
    return name.n > 0 && name.n <= 255 && name.p[0] != '.';
}

enum secret_state secret_read(struct str reference, const char *file, char **secret,
                              struct buf *why)
{
    CHECK(file != NULL && secret != NULL && why != NULL);
    struct str kind = str_slice(reference, 0, str_index(reference, ':'));
    struct str name = str_from(reference, kind.n + 1);
    bool ok = false;
    bool is_literal = str_starts(name, STR("sk-"));
    if (!is_literal && str_eq(kind, STR("env")) && is_name(name, STR_EMPTY))
        ok = read_environment(name, secret, why);
    else if (!is_literal && str_eq(kind, STR("file")) && name.n > 0 && name.n < 4000)
        ok = read_beside(file, name, secret, why);
    else if (!is_literal && str_eq(kind, STR("cred")) && is_name(name, STR(".-")))
        ok = read_credential(name, secret, why);
    else {
        (void)explain(why, "a secret must not stand in this file (want env:NAME, file:PATH or "
                           "cred:NAME)");
        return SECRET_MALFORMED;
    }
    return ok ? SECRET_READ : SECRET_ABSENT;
}

bool secret_is_named(struct str name)
{
    static const char *const secrets[] = {"key",  "apikey",        "token",    "secret",
                                          "auth", "authorization", "password", "credential",
                                          "sig",  "signature",     "cookie"};
    size_t from = 0;
    for (size_t i = 0; i <= name.n; i++) {
        if (i < name.n && name.p[i] != '-' && name.p[i] != '_')
            continue;
        for (size_t s = 0; s < COUNT(secrets); s++)
            if (str_eq_nocase(str_slice(name, from, i), str_of(secrets[s])))
                return true;
        from = i + 1;
    }
    return false;
}
