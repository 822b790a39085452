// kind: file. Healthy while the file is there, or with expect-absent while it
// is not: the maintenance switch.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/mem.h"
#include "nearcastd/probe.h"

static struct health_result look(const struct conf_check *check)
{
	struct stat st;
	int error = stat(check->path, &st) < 0 ? errno : 0;

	if (error && error != ENOENT && error != ENOTDIR)
		return health_result_of(
			HEALTH_REASON_COULD_NOT_RUN, "%s: %s", check->path, strerror(error));
	bool there = error == 0;
	if (there != check->expect_absent)
		return health_result_of(HEALTH_REASON_OK, "%s", there ? "present" : "absent");
	return health_result_of(
		there ? HEALTH_REASON_FILE_PRESENT : HEALTH_REASON_FILE_ABSENT, "%s", check->path);
}

static void file_start(struct probe *p)
{
	struct health_result r = look(p->check);

	probe_report(p, &r);
}

static void file_cancel(struct probe *) {}

static void file_free(struct probe *p)
{
	free(p);
}

static const struct probe_ops ops = { file_start, file_cancel, file_free };

struct probe *probe_file_new(const struct conf_check *)
{
	struct probe *p = mem_zalloc(sizeof(*p));

	p->ops = &ops;
	return p;
}
