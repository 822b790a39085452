#include "lab/tcpsent.h"

#include <errno.h>
#include <linux/tcp.h> // glibc's <netinet/tcp.h>, which uv.h brings along, has the old tcp_info
#include <netinet/in.h>
#include <sys/socket.h>

int tcp_sent_ask(int fd, struct tcp_sent *ret)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -errno;
	*ret = (struct tcp_sent){
		.data_segments = info.tcpi_data_segs_out,
		.since_last = span_ms(info.tcpi_last_data_sent),
	};
	return 0;
}
