#include "nearcastd/tcpauth.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

int tcpauth_md5(int fd, const struct ip_prefix *remotes, const char *password)
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
