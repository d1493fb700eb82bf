#include "server/cli/cli.h"

#include <signal.h>
#include <stdio.h>

#include "base/secret.h"
#include "server/admin/admin.h"
#include "server/cli/run.h"

static int dispatch(const struct invocation *invocation)
{
    switch (invocation->mode) {
    case MODE_HELP:
        return run_help(invocation);
    case MODE_TEST:
        return run_test(invocation, false);
    case MODE_SHOW:
        return run_test(invocation, true);
    case MODE_VERSION:
        return run_version(invocation);
    case MODE_SIGNAL:
        return run_signal(invocation);
    case MODE_COMMAND:
        return invocation->command->run(invocation);
    }
    return ADMIN_USAGE;
}

int cli_main(int argc, char *argv[])
{
    /* A reader that goes away must not kill a server, nor hide a failed write. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || !secret_open()) {
        fprintf(stderr, "gateway: this machine gives no random numbers\n");
        return ADMIN_FAILED;
    }
    if (argc < 1)
        return ADMIN_USAGE;
    struct invocation invocation;
    struct buf why;
    buf_init(&why, 4096);
    if (!invocation_parse(&invocation, argc, argv, &why)) {
        struct str text = buf_str(&why);
        fprintf(stderr, "gateway: %.*s\n", STR_ARG(text));
        buf_release(&why);
        return ADMIN_USAGE;
    }
    int code = dispatch(&invocation);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == ADMIN_OK)
        code = ADMIN_FAILED;
    return code;
}
