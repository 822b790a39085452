// nearcast.yaml from anybody: it is refused with faults that can be printed, or it
// loads, and then its canonical print loads again and prints the same.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// NULL when the text is refused.
static char *print_of(const char *text, size_t len)
{
	static struct faults faults;
	own(sb_free) struct strbuf b = {};
	own(conf_free) struct conf *c = NULL;
	int rc = conf_load_text(&c, "fuzz.yaml", text, len, &faults);

	if ((rc < 0) != (faults.count > 0) || (rc < 0) != (c == NULL))
		abort();
	faults_print(&faults, &b);
	faults_free(&faults);
	if (rc < 0)
		return NULL;
	conf_print(c, &b);
	return sb_take(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(free_ptr) char *once = print_of((const char *)data, size);
	own(free_ptr) char *twice = once ? print_of(once, strlen(once)) : NULL;

	if (once && (!twice || strcmp(once, twice) != 0))
		abort();
	return 0;
}
