// nearcast lab ...: becomes nearcast-lab, which needs rights that this tool never needs.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearcast/cli.h"

// Beside this program, where an installation puts it, where the build does, where a package may.
static bool find_lab(struct strbuf *path)
{
	static const char *const beside[] = { "nearcast-lab", "../sbin/nearcast-lab",
		"../lab/nearcast-lab" };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < countof(beside); i++) {
		sb_clear(path);
		sb_printf(path, "%.*s/%s", (int)(slash - self), self, beside[i]);
		if (access(sb_text(path), X_OK) == 0)
			return true;
	}
	sb_clear(path);
	sb_str(path, NEARCAST_LIBEXECDIR "/nearcast-lab");
	return access(sb_text(path), X_OK) == 0;
}

enum cli_exit verb_lab(struct cli *cli, const char *, char **argv)
{
	static char name[] = "nearcast-lab", json[] = "-j";
	own(sb_free) struct strbuf path = {};
	size_t n = 0, at = 0;

	while (argv[n])
		n++;
	own(free_ptr) char **args = mem_zalloc((n + 3) * sizeof(*args));
	args[at++] = name;
	for (size_t i = 0; i < n; i++)
		args[at++] = argv[i];
	if (cli->json)
		args[at++] = json;
	if (!find_lab(&path))
		return cli_fail(CLI_REFUSED, "nearcast-lab is not installed");
	execv(sb_text(&path), args);
	return cli_fail(CLI_REFUSED, "%s: %s", sb_text(&path), strerror(errno));
}
