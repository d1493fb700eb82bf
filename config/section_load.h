/* From parsed sections to providers and models.  Faults go to the messages; what is wrong keeps its
 * default, so that everything else is still checked. */
#ifndef CONFIG_SECTION_LOAD_H
#define CONFIG_SECTION_LOAD_H

#include "config/message.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/provider.h"
#include "config/snapshot.h"

/* Fills a zeroed provider (its index stays).  The caller releases it, whatever was wrong. */
void provider_load(struct provider *provider, const struct section *section,
                   struct messages *messages);
/* Fills a zeroed model; its offers keep pointers to the snapshot's providers. */
void model_load(struct model *model, const struct section *section, const struct snapshot *snapshot,
                struct messages *messages);
/* Whether each endpoint of the model can be charged: an error at `at` for each that cannot. */
void model_check_price(const struct model *model, const struct place *at,
                       struct messages *messages);

#endif
