/* POST /v1/images/generations and /v1/images/edits of the sandbox: PNG pictures that follow from
 * the prompt and, of an edit, from the pictures given.  Another output_format is refused. */
#ifndef SERVER_SANDBOX_IMAGES_H
#define SERVER_SANDBOX_IMAGES_H

struct sandbox_call;

void sandbox_images_generate(struct sandbox_call *call);
/* A form or JSON. */
void sandbox_images_edit(struct sandbox_call *call);

#endif
