/* The command line: from argv to the exit code. */
#ifndef SERVER_CLI_CLI_H
#define SERVER_CLI_CLI_H

/* Runs what the arguments ask for and returns the exit code (enum admin_exit). */
int cli_main(int argc, char *argv[]);

#endif
