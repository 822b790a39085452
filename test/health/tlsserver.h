// A TLS server in a process of its own, with a certificate made for it.
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct tlsserver {
	pid_t pid;
	uint16_t port;
	char ca_file[64]; // its certificate, as PEM; removed by tlsserver_stop()
};

// On that loopback address, with a self-signed certificate for that name whose validity
// begins and ends so many days from now. Each connection is answered by "HTTP/1.1 200 OK".
struct tlsserver tlsserver_start(const char *address, const char *name, int from_days, int to_days);
void tlsserver_stop(struct tlsserver *s);
