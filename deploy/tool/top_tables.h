/* SPDX-License-Identifier: Apache-2.0 */
/* What `fanfare top` shows, made of two readings. Pure but for the memory. */
#ifndef FANFARE_DEPLOY_TOOL_TOP_TABLES_H
#define FANFARE_DEPLOY_TOOL_TOP_TABLES_H

#include "deploy/tool/sample.h"
#include "deploy/tool/table.h"

enum { TOP_LOGICS, TOP_LINKS, TOP_GATEWAYS, TOP_TABLES };

/* Makes all tables, to be freed in any case. `before` is NULL at the first reading: rates are then
 * unknown. */
enum status top_tables_make(const struct sample *now, const struct sample *before,
                            struct table tables[TOP_TABLES]);
void top_tables_free(struct table tables[TOP_TABLES]);

#endif
