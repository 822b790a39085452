#include "lab/requirements.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lab/programs.h"
#include "lib/own.h"

enum { MB = 1000000 };

static bool always(const struct scenario *)
{
	return true;
}

static bool has_dns(const struct scenario *s, enum dns_kind kind)
{
	items_for_each(struct scn_site, site, s->sites)
	{
		if (site->dns == kind)
			return true;
	}
	return false;
}

static bool has_nsd(const struct scenario *s)
{
	return has_dns(s, DNS_NSD);
}

static bool has_knot(const struct scenario *s)
{
	return has_dns(s, DNS_KNOT);
}

static bool has_web(const struct scenario *s)
{
	items_for_each(struct scn_site, site, s->sites)
	{
		if (site->web == WEB_NGINX)
			return true;
	}
	return false;
}

static bool has_quic(const struct scenario *s)
{
	items_for_each(struct scn_site, site, s->sites)
	{
		if (site->quic == QUIC_NGTCP2)
			return true;
	}
	return false;
}

static bool has_quic_sessions(const struct scenario *s)
{
	items_for_each(struct scn_session, one, s->sessions)
	{
		if (one->kind == SESSION_QUIC)
			return true;
	}
	return false;
}

static bool has_frr(const struct scenario *s)
{
	items_for_each(struct scn_reflector, r, s->reflectors)
	{
		if (r->kind == REFLECTOR_FRR)
			return true;
	}
	return false;
}

// ss(8) ends the sockets of a node that loses power.
static bool has_power_off(const struct scenario *s)
{
	items_for_each(struct scn_step, step, s->timeline)
	{
		if (step->event == STEP_POWER_OFF)
			return true;
	}
	return false;
}

static const struct program {
	const char *name, *package;
	bool (*is_needed)(const struct scenario *s);
} programs[] = {
	{ "bird", "bird2", always },
	{ "nsd", "nsd", has_nsd },
	{ "knotd", "knot", has_knot },
	{ "nginx", "nginx", has_web },
	{ "gtlsserver", "ngtcp2-server", has_quic },
	{ "gtlsclient", "ngtcp2-client", has_quic_sessions },
	{ "/usr/lib/frr/zebra", "frr", has_frr },
	{ "/usr/lib/frr/bgpd", "frr", has_frr },
	{ "ss", "iproute2", has_power_off },
};

static bool is_installed(const char *name)
{
	own(sb_free) struct strbuf path = {};

	return name[0] == '/' ? access(name, X_OK) == 0 : program_find(name, &path) == 0;
}

int requirements_programs(const struct scenario *s, struct strbuf *error)
{
	int rc = 0;

	for (size_t i = 0; i < countof(programs); i++) {
		const struct program *p = &programs[i];
		if (!p->is_needed(s) || is_installed(p->name))
			continue;
		sb_printf(error, "%s%s is not installed (Debian package %s)", rc < 0 ? "\n" : "",
			p->name, p->package);
		rc = -ENOENT;
	}
	return rc;
}

static bool is_fetched(const struct scn_session *s)
{
	return s->kind == SESSION_DOWNLOAD || s->kind == SESSION_QUIC;
}

// One file serves all entries of a size.
static bool has_same_before(const struct scenario *s, const struct scn_session *one)
{
	items_for_each(struct scn_session, before, s->sessions)
	{
		if (before < one && is_fetched(before) && before->size == one->size)
			return true;
	}
	return false;
}

uint64_t requirements_bytes(const struct scenario *s, const struct session_list *opened)
{
	uint64_t bytes = 0;

	items_for_each(struct scn_session, one, s->sessions)
	{
		if (is_fetched(one) && !has_same_before(s, one))
			bytes += one->size;
	}
	for (size_t i = 0; opened && i < opened->count; i++) {
		const struct scn_session *one = opened->all[i].scn;
		if (one->kind == SESSION_UPLOAD || one->kind == SESSION_QUIC)
			bytes += one->size;
	}
	return bytes;
}

int requirements_room(const char *dir, uint64_t bytes, struct strbuf *error)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) < 0)
		return -errno;
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= bytes)
		return 0;
	sb_printf(error,
		"what sessions transfer takes %" PRIu64 " MB in %s, where %" PRIu64
		" MB are free: NEARCAST_LAB_DIR names another place",
		(bytes + MB - 1) / MB, dir, room / MB);
	return -ENOSPC;
}
