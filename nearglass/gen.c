// Prints the key list of nearglass.yaml(5), for `test/nearglass/test_manual.py --write`.
#include <stdio.h>

#include "lib/own.h"
#include "nearglass/conf.h"

int main(void)
{
	own(sb_free) struct strbuf b = {};

	schema_print_mdoc(&glass_schema, &b);
	return fputs(sb_text(&b), stdout) < 0;
}
