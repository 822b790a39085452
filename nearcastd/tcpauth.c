#include "nearcastd/tcpauth.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nearcastd/tcpao.h"

const char *tcpauth_name(const struct conf_upstream *u)
{
	return u->ao_keys.count ? "tcp-ao" : u->password ? "tcp-md5" : NULL;
}

// ---- TCP-MD5 ----

// Takes the place of one for the same addresses; "" takes it away.
static int set_md5(int fd, const struct ip_prefix *remotes, const char *password)
{
	struct tcp_md5sig key = {};
	size_t len = strlen(password);
	bool one = remotes->len == ip_bits((enum ip_family)remotes->addr.family);

	if (len > TCP_MD5SIG_MAXKEYLEN)
		return -EINVAL;
	(void)ip_to_sockaddr(&remotes->addr, 0, &key.tcpm_addr);
	key.tcpm_keylen = (uint16_t)len;
	memcpy(key.tcpm_key, password, len);
	if (!one) {
		key.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
		key.tcpm_prefixlen = remotes->len;
	}
	int rc = setsockopt(fd, IPPROTO_TCP, one ? TCP_MD5SIG : TCP_MD5SIG_EXT, &key, sizeof(key));
	int error = errno;
	explicit_bzero(&key, sizeof(key));
	return rc < 0 ? -error : 0;
}

// ---- TCP-AO ----

static int add_ao(
	int fd, const struct ip_prefix *remotes, const struct conf_ao_key *key, bool current)
{
	struct tcpao_add add = tcpao_add_of(remotes, key, current);
	int rc = setsockopt(fd, IPPROTO_TCP, TCPAO_ADD_KEY, &add, sizeof(add));
	int error = errno;

	explicit_bzero(&add, sizeof(add));
	return rc < 0 ? -error : 0;
}

static int remove_ao(int fd, const struct ip_prefix *remotes, const struct conf_ao_key *key)
{
	struct tcpao_del del = tcpao_del_of(remotes, key);

	return setsockopt(fd, IPPROTO_TCP, TCPAO_DEL_KEY, &del, sizeof(del)) < 0 ? -errno : 0;
}

static bool same_ids(const struct conf_ao_key *a, const struct conf_ao_key *b)
{
	return a->id == b->id && a->receive_id == b->receive_id;
}

static bool same_key(const struct conf_ao_key *a, const struct conf_ao_key *b)
{
	return a->algorithm == b->algorithm && strcmp(a->secret, b->secret) == 0;
}

static const struct conf_ao_key *find_in(const struct items *neighbours,
	const struct ip_prefix *remotes, const struct conf_ao_key *key)
{
	items_for_each(const struct conf_upstream, u, *neighbours)
	{
		struct ip_prefix other = conf_upstream_remotes(u);
		if (!prefix_equal(&other, remotes))
			continue;
		items_for_each(const struct conf_ao_key, k, u->ao_keys)
		{
			if (same_ids(k, key))
				return k;
		}
	}
	return NULL;
}

// The key with the same IDs for the same addresses; NULL: none.
static const struct conf_ao_key *find_ao(
	const struct conf *conf, const struct ip_prefix *remotes, const struct conf_ao_key *key)
{
	const struct conf_ao_key *found = NULL;

	if (conf)
		found = find_in(&conf->upstreams, remotes, key);
	return conf && !found ? find_in(&conf->fleet, remotes, key) : found;
}

// The kernel cannot exchange a key: one with the same IDs goes first.
static int renew_ao(int fd, const struct ip_prefix *remotes, const struct conf_ao_key *was,
	const struct conf_ao_key *key)
{
	if (was && same_key(was, key))
		return 0;
	if (was)
		(void)!remove_ao(fd, remotes, was);
	return add_ao(fd, remotes, key, false);
}

// ---- All of them ----

static int check_keys(const struct conf_upstream *u, struct strbuf *error)
{
	items_for_each(const struct conf_ao_key, key, u->ao_keys)
	{
		int rc = tcpao_probe((enum conf_ao_algorithm)key->algorithm);
		if (rc == 0)
			continue;
		sb_printf(error, "%s `%s` wants TCP-AO: ", u->fleet ? "fleet peer" : "upstream",
			u->name);
		if (rc == -ENOPROTOOPT)
			sb_str(error,
				"this kernel does not have it (Linux 6.7 with CONFIG_TCP_AO does)");
		else
			sb_printf(error, "this kernel refuses its algorithm: %s", strerror(-rc));
		return rc;
	}
	return 0;
}

int tcpauth_check(const struct conf *conf, struct strbuf *error)
{
	const struct items *lists[] = { &conf->upstreams, &conf->fleet };

	for (size_t i = 0; i < countof(lists); i++) {
		items_for_each(const struct conf_upstream, u, *lists[i])
		{
			int rc = check_keys(u, error);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int tcpauth_connect(int fd, const struct ip_addr *remote, const struct conf_upstream *u)
{
	struct ip_prefix one = prefix_of(remote, ip_bits((enum ip_family)remote->family));
	bool first = true;

	if (u->password)
		return set_md5(fd, &one, u->password);
	items_for_each(const struct conf_ao_key, key, u->ao_keys)
	{
		int rc = add_ao(fd, &one, key, first);
		if (rc < 0)
			return rc;
		first = false;
	}
	return 0;
}

static int set_keys(int fd, const struct conf_upstream *u, const struct conf *old)
{
	struct ip_prefix remotes = conf_upstream_remotes(u);

	if (u->password)
		return set_md5(fd, &remotes, u->password);
	items_for_each(const struct conf_ao_key, key, u->ao_keys)
	{
		int rc = renew_ao(fd, &remotes, find_ao(old, &remotes, key), key);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool has_password(const struct conf *conf, const struct ip_prefix *remotes)
{
	const struct items *lists[] = { &conf->upstreams, &conf->fleet };

	for (size_t i = 0; i < countof(lists); i++) {
		items_for_each(const struct conf_upstream, u, *lists[i])
		{
			struct ip_prefix other = conf_upstream_remotes(u);
			if (u->password && prefix_equal(&other, remotes))
				return true;
		}
	}
	return false;
}

static int set_keys_of(
	int fd, enum ip_family family, const struct items *neighbours, const struct conf *old)
{
	items_for_each(const struct conf_upstream, u, *neighbours)
	{
		int rc = conf_upstream_remotes(u).addr.family == family ? set_keys(fd, u, old) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void remove_keys(int fd, const struct conf_upstream *u, const struct conf *conf)
{
	struct ip_prefix remotes = conf_upstream_remotes(u);

	if (u->password && !has_password(conf, &remotes))
		(void)!set_md5(fd, &remotes, "");
	items_for_each(const struct conf_ao_key, key, u->ao_keys)
	{
		if (!find_ao(conf, &remotes, key))
			(void)!remove_ao(fd, &remotes, key);
	}
}

static void remove_keys_of(
	int fd, enum ip_family family, const struct items *neighbours, const struct conf *conf)
{
	items_for_each(const struct conf_upstream, u, *neighbours)
	{
		if (conf_upstream_remotes(u).addr.family == family)
			remove_keys(fd, u, conf);
	}
}

int tcpauth_listen(int fd, enum ip_family family, const struct conf *old, const struct conf *conf)
{
	int rc = set_keys_of(fd, family, &conf->upstreams, old);

	if (rc == 0)
		rc = set_keys_of(fd, family, &conf->fleet, old);
	if (rc < 0 || !old)
		return rc;
	remove_keys_of(fd, family, &old->upstreams, conf);
	remove_keys_of(fd, family, &old->fleet, conf);
	return 0;
}

bool tcpauth_is_signed(int fd, const struct conf_upstream *u)
{
	struct tcpao_info info = {};
	socklen_t len = sizeof(info);

	return u->ao_keys.count == 0 || getsockopt(fd, IPPROTO_TCP, TCPAO_INFO, &info, &len) == 0;
}
