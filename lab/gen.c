// Prints the key list of nearcast-lab(1), for `test/lab/test_manual.py --write`.
#include <stdio.h>

#include "lab/scenario.h"
#include "lib/own.h"

int main(void)
{
	own(sb_free) struct strbuf b = {};

	schema_print_mdoc(&scenario_schema, &b);
	return fputs(sb_text(&b), stdout) < 0;
}
